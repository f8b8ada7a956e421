// Of what is read and made.
alias given_stored = f32;
alias result_stored = f32;

// Windows over `planes` planes [height, width], one per element of planes [outHeight, outWidth]. Window (oy, ox) covers
// rows oy strideHeight - top + r dilationHeight, r < kernelHeight, and columns likewise, as far as they lie inside; if
// `adaptive`, rows floor(oy height / outHeight) to ceil((oy + 1) height / outHeight) - 1. Every window covers an element.
struct Pool2dParams {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  top: u32,
  left: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  adaptive: u32,
  countIncludePad: u32,
  // Whether winners are words, indices in planes, not bytes, taps of windows.
  words: u32,
  // Of a mean; 0: the number of elements.
  divisor: f32,
}

// Ends of half-open ranges of rows and columns.
struct Box {
  top: u32,
  bottom: u32,
  left: u32,
  right: u32,
}

// floor(out size / outs) and ceil; the quotient is taken apart, so that products stay below 2^32.
fn adaptive_first(out: u32, size: u32, outs: u32) -> u32 {
  return out * (size / outs) + out * (size % outs) / outs;
}

fn adaptive_end(out: u32, size: u32, outs: u32) -> u32 {
  return (out + 1u) * (size / outs) + ((out + 1u) * (size % outs) + outs - 1u) / outs;
}

fn first_tap(out: u32, stride: u32, before: u32, dilation: u32) -> u32 {
  let start = out * stride;
  if (start >= before) {
    return start - before;
  }
  return (dilation - (before - start) % dilation) % dilation;
}

fn reach(kernel: u32, dilation: u32) -> u32 {
  return (kernel - 1u) * dilation + 1u;
}

// The input elements of window (oy, ox), which lie at steps of the dilations.
fn window(g: Pool2dParams, oy: u32, ox: u32) -> Box {
  if (g.adaptive != 0u) {
    return Box(
      adaptive_first(oy, g.height, g.outHeight),
      adaptive_end(oy, g.height, g.outHeight),
      adaptive_first(ox, g.width, g.outWidth),
      adaptive_end(ox, g.width, g.outWidth),
    );
  }
  return Box(
    first_tap(oy, g.strideHeight, g.top, g.dilationHeight),
    min(oy * g.strideHeight + reach(g.kernelHeight, g.dilationHeight) - g.top, g.height),
    first_tap(ox, g.strideWidth, g.left, g.dilationWidth),
    min(ox * g.strideWidth + reach(g.kernelWidth, g.dilationWidth) - g.left, g.width),
  );
}

// The first window along an adaptive axis that covers element i: a guess in f32, put right.
fn adaptive_covering(i: u32, size: u32, outs: u32) -> u32 {
  var out = min(u32(f32(i) * (f32(outs) / f32(size))), outs - 1u);
  while (out > 0u && adaptive_end(out - 1u, size, outs) > i) {
    out--;
  }
  while (adaptive_end(out, size, outs) <= i) {
    out++;
  }
  return out;
}

fn adaptive_covering_end(i: u32, size: u32, outs: u32) -> u32 {
  var out = adaptive_covering(i, size, outs);
  while (out < outs && adaptive_first(out, size, outs) <= i) {
    out++;
  }
  return out;
}

// The windows from the first to the last one that lie round any element of rows first.x to last.x, columns first.y to
// last.y: without dilation, those that cover one.
fn covering(g: Pool2dParams, first: vec2<u32>, last: vec2<u32>) -> Box {
  if (g.adaptive != 0u) {
    return Box(
      adaptive_covering(first.x, g.height, g.outHeight),
      adaptive_covering_end(last.x, g.height, g.outHeight),
      adaptive_covering(first.y, g.width, g.outWidth),
      adaptive_covering_end(last.y, g.width, g.outWidth),
    );
  }
  let rows = reach(g.kernelHeight, g.dilationHeight);
  let columns = reach(g.kernelWidth, g.dilationWidth);
  return Box(
    (max(first.x + g.top + g.strideHeight, rows) - rows) / g.strideHeight,
    min((last.x + g.top) / g.strideHeight + 1u, g.outHeight),
    (max(first.y + g.left + g.strideWidth, columns) - columns) / g.strideWidth,
    min((last.y + g.left) / g.strideWidth + 1u, g.outWidth),
  );
}
