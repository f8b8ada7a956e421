// Weight- and bias-gradient of the convolution, as the product dWᵀ [taps, filters] = X [taps, pixels] · dYᵀ. A unit packs
// the gradient of its pixels, masked, into panels of 8 filters; x is read in its frame (conv2d_frame.ts), where the address
// of a pixel's tap is the sum of the tap's offset and the pixel's. Where pixels are split over units, every unit has sums
// of its own, which are added at the end.
import { ConvolveParams, SumPartsParams } from '../build/params';
import { fillFrame, masked, maskedAt, tapOffsets, touchImages } from './conv2d_frame';
import { operand, splat, storeColumns, transpose4 } from './simd';
import { blockOf, Gathered, Pair, Rows1, Rows2, Rows3, Rows4, Rows5, Rows6, Single, storeSums, tile } from './tile';

/** Taps whose sums lie in scratch at a time, and most pixels of a block, which starts at zero and is then added. */
const TAPS: i32 = 48;
const PIXELS: i32 = 384;

/**
 * sums [R, 8] += Σ over pixels of x[pixel + tap] · dy[pixel, 8], x being read at R taps whose byte offsets `table` gives. With
 * `Pair` the same for a panel of dy `next` bytes further.
 */
// @ts-ignore: decorator
@inline
function correlate<R, P>(count: i32, pixels: usize, x: usize, table: usize, dy: usize, next: usize, sums: usize): void {
  tile<R, P, Gathered>(count, x, table, dy, pixels, next, sums, 32, TAPS << 5, sums, 32, 0);
}

function correlate1(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows1, Single>(n, pixels, x, t, dy, 0, sums); }
function correlate2(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows2, Single>(n, pixels, x, t, dy, 0, sums); }
function correlate3(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows3, Single>(n, pixels, x, t, dy, 0, sums); }
function correlate4(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows4, Single>(n, pixels, x, t, dy, 0, sums); }
function correlate5(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows5, Single>(n, pixels, x, t, dy, 0, sums); }
function correlate6(n: i32, pixels: usize, x: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows6, Single>(n, pixels, x, t, dy, 0, sums); }
function pairs5(n: i32, pixels: usize, x: usize, t: usize, dy: usize, next: usize, sums: usize): void { correlate<Rows5, Pair>(n, pixels, x, t, dy, next, sums); }
function pairs6(n: i32, pixels: usize, x: usize, t: usize, dy: usize, next: usize, sums: usize): void { correlate<Rows6, Pair>(n, pixels, x, t, dy, next, sums); }

/** The sums [R, 8] of a tile of 1 to 6 taps; where `next` isn't 0 those of the panel `next` bytes further too. */
function correlateTile(height: i32, n: i32, pixels: usize, x: usize, table: usize, dy: usize, next: usize, sums: usize): void {
  if (next && height > 4) {
    if (height == 6) pairs6(n, pixels, x, table, dy, next, sums);
    else pairs5(n, pixels, x, table, dy, next, sums);
    return;
  }
  for (;;) {
    if (height == 6) correlate6(n, pixels, x, table, dy, sums);
    else if (height == 5) correlate5(n, pixels, x, table, dy, sums);
    else if (height == 4) correlate4(n, pixels, x, table, dy, sums);
    else if (height == 3) correlate3(n, pixels, x, table, dy, sums);
    else if (height == 2) correlate2(n, pixels, x, table, dy, sums);
    else correlate1(n, pixels, x, table, dy, sums);
    if (!next) return;
    dy += next;
    sums += TAPS << 5;
    next = 0;
  }
}

/** The sums [count, 8] of `count` taps, in near-equal tiles of at most `most`; `next` as for `correlateTile`. */
function correlateTaps(most: i32, count: i32, n: i32, pixels: usize, x: usize, table: usize, dy: usize, next: usize, sums: usize): void {
  while (count > 0) {
    const height = blockOf(count, most);
    correlateTile(height, n, pixels, x, table, dy, next, sums);
    count -= height;
    table += height << 2;
    sums += height << 5;
  }
}

/** Byte offsets in the frame of the pixels of `images` images by `rows` rows. */
function pixelOffsets(p: ConvolveParams, images: i32, rows: i32, table: usize): void {
  const stepHeight = (p.strideHeight * p.frameWidth) << 2;
  const stepWidth = p.strideWidth << 2;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      let offset = image * p.imageBytes + row * stepHeight;
      for (let column = 0; column < <i32>p.outWidth; column++) {
        store<u32>(table, offset);
        offset += stepWidth;
        table += 4;
      }
    }
  }
}

/** Four of dy, masked by what stands `mask` bytes further unless that is 0. */
// @ts-ignore: decorator
@inline
function loadMasked(from: usize, mask: usize): v128 {
  return masked(v128.load(from), mask ? from + mask : 0);
}

/** Four rows of four become four columns, 32 bytes apart. */
// @ts-ignore: decorator
@inline
function packFour(from0: usize, from1: usize, from2: usize, from3: usize, mask: usize, to: usize): void {
  const r0 = loadMasked(from0, mask);
  const r1 = loadMasked(from1, mask);
  const r2 = loadMasked(from2, mask);
  const r3 = loadMasked(from3, mask);
  storeColumns(r0, r1, r2, r3, to, 32);
}

/** At least four pixels of `packGradient`; filters are `r1`, `r2` and `r3` bytes apart, and the second four `half`. */
// @ts-ignore: decorator
@inline
function packRows(dy: usize, mask: usize, r1: usize, r2: usize, r3: usize, half: usize, pixels: i32, to: usize): void {
  const end = dy + ((pixels - 4) << 2);
  for (let from = dy; ; from += 16) {
    // The last four pixels overlap those before.
    if (from > end) from = end;
    const panel = to + ((from - dy) << 3);
    packFour(from, from + r1, from + r2, from + r3, mask, panel);
    const next = from + half;
    packFour(next, next + r1, next + r2, next + r3, mask, panel + 16);
    if (from == end) return;
  }
}

/**
 * `pixels` neighbours of dy for 8 filters `stride` bytes apart into a panel [pixels, 8], masked by what stands `mask` bytes
 * further unless that is 0. Where only `count` filters are left the second four columns are the last four of these; where
 * there are fewer than four, the last stands for the others.
 */
function packGradient(dy: usize, mask: usize, stride: usize, count: i32, pixels: i32, to: usize): void {
  const r1 = stride * min(1, count - 1);
  const r2 = stride * min(2, count - 1);
  const r3 = stride * min(3, count - 1);
  const half = stride * max(0, count - 4);
  if (pixels >= 4) {
    if (mask) packRows(dy, mask, r1, r2, r3, half, pixels, to);
    else packRows(dy, 0, r1, r2, r3, half, pixels, to);
    return;
  }
  for (let i = 0; i < pixels; i++) {
    for (let j = 0; j < 8; j++) {
      const from = dy + (i << 2) + stride * min(j & 3, count - 1) + (j > 3 ? half : 0);
      store<f32>(to + (i << 5) + (j << 2), maskedAt(from, mask ? from + mask : 0));
    }
  }
}

/** sums [8] = Σ of a panel [pixels, 8]: of a block its even pixels and its odd ones, then both, blocks one after the other. */
function sumPanel(panel: usize, pixels: i32, sums: usize): void {
  const block = blockOf(pixels, PIXELS);
  memory.fill(sums, 0, 32);
  for (let start = 0; start < pixels; start += block) {
    let low = splat(0.0), high = splat(0.0), nextLow = splat(0.0), nextHigh = splat(0.0);
    let left = min(block, pixels - start);
    for (; left > 1; left -= 2) {
      low = f32x4.add(low, v128.load(panel));
      high = f32x4.add(high, v128.load(panel, 16));
      nextLow = f32x4.add(nextLow, v128.load(panel, 32));
      nextHigh = f32x4.add(nextHigh, v128.load(panel, 48));
      panel += 64;
    }
    if (left) {
      low = f32x4.add(low, v128.load(panel));
      high = f32x4.add(high, v128.load(panel, 16));
      panel += 32;
    }
    storeSums(sums, f32x4.add(low, nextLow), f32x4.add(high, nextHigh), sums, true);
  }
}

/** Sums [count, 8] become columns of `kept` rows, `stride` bytes apart, of which `packGradient` says where they stand. */
// @ts-ignore: decorator
@inline
function putSums(sums: usize, count: i32, kept: i32, to: usize, stride: usize): void {
  let tap = 0;
  if (kept >= 4) {
    for (; tap + 4 <= count; tap += 4) {
      const row = to + (tap << 2);
      transpose4(sums + (tap << 5), 32, row, stride);
      transpose4(sums + (tap << 5) + 16, 32, row + (kept - 4) * stride, stride);
    }
  }
  for (; tap < count; tap++) {
    for (let j = 0; j < kept; j++) store<f32>(to + (tap << 2) + j * stride, load<f32>(sums + (tap << 5) + ((j < 4 ? j : j + 8 - kept) << 2)));
  }
}

/**
 * dweight [shares, groups · filters, taps] and dbias [shares, groups · filters], a share being a unit's pixels. Operands: x,
 * dy, mask of dy or none, dweight, dbias or none. Units are counted over images, rows, groups, parts of the channels and
 * parts of the filters; a frame is filled once for all units that follow each other and share it.
 */
function weightGradient(most: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<ConvolveParams>(params);
  const filters = <i32>p.filters;
  const kernel = <i32>(p.kernelHeight * p.kernelWidth);
  const taps = <i32>p.channels * kernel;
  const panels = (filters + 7) >> 3;
  const parts = <i32>p.parts;
  const panelsPerPart = (panels + parts - 1) / parts;
  const channelParts = <i32>p.channelParts;
  const channelsPerPart = (<i32>p.channels + channelParts - 1) / channelParts;
  const bands = <i32>((p.outHeight + p.rows - 1) / p.rows);
  const plane = <i32>(p.outHeight * p.outWidth);
  const sums = scratch;
  const table = scratch + ((panelsPerPart * TAPS) << 5);
  const offsets = table + ((channelsPerPart * kernel) << 2);
  const limit = operand(o, 0) + ((p.batch * p.groups * p.channels * p.height * p.width) << 2);
  const mask = operand(o, 2) ? operand(o, 2) - operand(o, 1) : 0;
  const dbias = operand(o, 4);
  tapOffsets(p, channelsPerPart, table);
  pixelOffsets(p, p.images, p.rows, offsets);
  let filled = -1;
  let frame: usize = 0;
  for (let unit = begin; unit < end; unit++) {
    const view = unit / parts;
    const part = unit - view * parts;
    const place = view / channelParts;
    const firstChannel = (view - place * channelParts) * channelsPerPart;
    const channels = min(channelsPerPart, <i32>p.channels - firstChannel);
    const share = place / <i32>p.groups;
    const group = place - share * <i32>p.groups;
    const image = (share / bands) * <i32>p.images;
    const row = (share % bands) * <i32>p.rows;
    const images = min(<i32>p.images, <i32>p.batch - image);
    const rows = min(<i32>p.rows, <i32>p.outHeight - row);
    const run = rows * <i32>p.outWidth;
    const pixels = images * run;
    const fresh = view != filled;
    if (fresh) {
      filled = view;
      const channel = group * <i32>p.channels + firstChannel;
      const line = row * <i32>p.strideHeight - p.top;
      if (p.copies) {
        if (!frame) memory.fill(scratch + p.frameAt, 0, p.images * p.imageBytes);
        frame = scratch + p.frameAt;
        fillFrame(p, operand(o, 0), 0, image, images, channel, channels, line, frame);
      } else {
        frame = operand(o, 0) + ((((image * p.groups * p.channels + channel) * p.height + line) * p.width - p.left) << 2);
      }
    }
    const block = blockOf(pixels, PIXELS);
    const dy = scratch + p.panelsAt;
    const first = part * panelsPerPart;
    const last = min(panels, first + panelsPerPart);
    for (let panel = first; panel < last; panel++) {
      const filter = group * filters + (panel << 3);
      const kept = min(8, filters - (panel << 3));
      const to = dy + (((panel - first) * pixels) << 5);
      for (let i = 0; i < images; i++) {
        const at = (((image + i) * p.groups * filters + filter) * plane + row * p.outWidth) << 2;
        packGradient(operand(o, 1) + at, mask, plane << 2, kept, run, to + ((i * run) << 5));
      }
      if (dbias && firstChannel == 0) {
        sumPanel(to, pixels, sums);
        putSums(sums, 1, kept, dbias + ((share * p.groups * filters + filter) << 2), 4);
      }
    }
    // What the pixels of a block see of some taps stays in the cache while all panels go over it.
    for (let tap = 0; tap < channels * kernel; tap += TAPS) {
      const count = min(TAPS, channels * kernel - tap);
      if (fresh && kernel == 1 && !p.copies && rows == <i32>p.outHeight) touchImages(images, frame + tap * p.channelBytes, p.imageBytes, count * p.channelBytes, limit, sums);
      memory.fill(sums, 0, (panelsPerPart * TAPS) << 5);
      for (let start = 0; start < pixels; start += block) {
        const n = min(block, pixels - start);
        for (let panel = 0; panel < last - first; ) {
          const gradient = dy + ((panel * pixels + start) << 5);
          const next = p.pairs && panel + 1 < last - first ? pixels << 5 : 0;
          correlateTaps(most, count, n, offsets + (start << 2), frame, table + (tap << 2), gradient, next, sums + ((panel * TAPS) << 5));
          panel += next ? 2 : 1;
        }
      }
      for (let panel = first; panel < last; panel++) {
        const filter = share * p.groups * filters + group * filters + (panel << 3);
        const to = operand(o, 3) + ((filter * taps + firstChannel * kernel + tap) << 2);
        putSums(sums + (((panel - first) * TAPS) << 5), count, min(8, filters - (panel << 3)), to, taps << 2);
      }
    }
  }
}

export function conv2d_weight_gradient_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { weightGradient(4, o, p, s, begin, end); }
export function conv2d_weight_gradient_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { weightGradient(6, o, p, s, begin, end); }

/** y [size] = Σ over the parts x [parts, size], one after the other. A unit is 1024 elements. */
export function conv2d_sum_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<SumPartsParams>(params);
  const size = <usize>p.size << 2;
  const last = min(<usize>end << 12, size);
  for (let i = <usize>begin << 12; i < last; ) {
    const wide = i + 16 <= last;
    let from = operand(o, 0) + i;
    let sum = wide ? v128.load(from) : v128.load32_zero(from);
    for (let part = <i32>p.parts - 1; part > 0; part--) {
      from += size;
      sum = f32x4.add(sum, wide ? v128.load(from) : v128.load32_zero(from));
    }
    if (wide) v128.store(operand(o, 1) + i, sum);
    else v128.store_lane<u32>(operand(o, 1) + i, sum, 0);
    i += wide ? 16 : 4;
  }
}
