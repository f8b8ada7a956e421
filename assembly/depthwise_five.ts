// Depthwise convolution with a filter of 5 x 5: tiles of four rows by four columns of y, column after column of the filter, whose
// five weights stay in registers. A vector of x meets up to four rows of y: 20 products take 13 loads, in 14 registers. Products
// bound it, two in a cycle: 12.5 cycles for a vector of output. x is read in place, in the order of memory: rows beside the plane
// are rows of zeros, and from the first and last columns of a row a mask takes what is beside it.
import { rowAt } from './depthwise_frame';
import { after, before, LEAST, storeMixed } from './depthwise_strip';
import { fma, splat } from './simd';

/** The filter, or the filter turned by half, each weight four times, column by column: V8 adds offsets to plain loads alone. */
export function spreadFilter(weight: usize, rotated: bool, to: usize): void {
  for (let s = 0; s < 5; s++) {
    for (let r = 0; r < 25; r += 5) {
      v128.store(to, v128.load32_splat(weight + ((rotated ? 24 - r - s : r + s) << 2)));
      to += 16;
    }
  }
}

/** Four columns of x, of which the mask leaves those of the plane where that is asked for. */
// @ts-ignore: decorator
@inline
function four(masked: bool, x: usize, mask: usize): v128 {
  return masked ? v128.and(v128.load(x), v128.load(mask)) : v128.load(x);
}

/** y [4, 4] from eight rows of x; in two sums each, since a sum waits for its last product. */
// @ts-ignore: decorator
@inline
function tile(masked: bool, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, x5: usize, x6: usize, x7: usize, mask: usize, at: usize, weight: usize, place: usize, y: usize, outLine: usize): void {
  let a0 = v128.load(place), a1 = a0, a2 = a0, a3 = a0;
  let b0 = splat(0.0), b1 = b0, b2 = b0, b3 = b0;
  for (const end = weight + 20; weight < end; weight += 4) {
    const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight, 20), w2 = v128.load32_splat(weight, 40);
    const w3 = v128.load32_splat(weight, 60), w4 = v128.load32_splat(weight, 80);
    a0 = fma(w0, four(masked, x0 + at, mask + at), a0);
    let x = four(masked, x1 + at, mask + at);
    a0 = fma(w1, x, a0);
    a1 = fma(w0, x, a1);
    x = four(masked, x2 + at, mask + at);
    a0 = fma(w2, x, a0);
    a1 = fma(w1, x, a1);
    a2 = fma(w0, x, a2);
    x = four(masked, x3 + at, mask + at);
    b0 = fma(w3, x, b0);
    a1 = fma(w2, x, a1);
    a2 = fma(w1, x, a2);
    a3 = fma(w0, x, a3);
    x = four(masked, x4 + at, mask + at);
    b0 = fma(w4, x, b0);
    b1 = fma(w3, x, b1);
    a2 = fma(w2, x, a2);
    a3 = fma(w1, x, a3);
    x = four(masked, x5 + at, mask + at);
    b1 = fma(w4, x, b1);
    b2 = fma(w3, x, b2);
    a3 = fma(w2, x, a3);
    x = four(masked, x6 + at, mask + at);
    b2 = fma(w4, x, b2);
    b3 = fma(w3, x, b3);
    b3 = fma(w4, four(masked, x7 + at, mask + at), b3);
    at += 4;
  }
  const least = v128.load(place, LEAST);
  v128.store(y, f32x4.pmax(f32x4.add(a0, b0), least));
  v128.store(y + outLine, f32x4.pmax(f32x4.add(a1, b1), least));
  v128.store(y + 2 * outLine, f32x4.pmax(f32x4.add(a2, b2), least));
  v128.store(y + 3 * outLine, f32x4.pmax(f32x4.add(a3, b3), least));
}

/**
 * y [rows, outWidth], four columns or more, from x [height, width], whose row `from` meets y's first by the filter's first row;
 * addresses of x, of the `zeros` for rows beside it and of the mask of its columns are those of the column that y's first meets
 * first, `left` bytes before the plane's; columns of y from `left` to `whole` bytes on see columns of the plane alone. Tiles at
 * the end overlap those before, of another band too: the sums are the same.
 */
export function quads(rows: i32, from: i32, x: usize, height: i32, line: usize, zeros: usize, mask: usize, left: i32, whole: i32, weight: usize, place: usize, y: usize, outWidth: i32): void {
  const outLine = <usize>outWidth << 2;
  const last = outLine - 16;
  for (let row = min(0, rows - 4); ; row = min(row + 4, rows - 4)) {
    const x0 = rowAt(x, from + row, height, line, zeros);
    const x1 = rowAt(x, from + row + 1, height, line, zeros);
    const x2 = rowAt(x, from + row + 2, height, line, zeros);
    const x3 = rowAt(x, from + row + 3, height, line, zeros);
    const x4 = rowAt(x, from + row + 4, height, line, zeros);
    const x5 = rowAt(x, from + row + 5, height, line, zeros);
    const x6 = rowAt(x, from + row + 6, height, line, zeros);
    const x7 = rowAt(x, from + row + 7, height, line, zeros);
    const to = y + row * outLine;
    for (let at: usize = 0; ; at = min(at + 16, last)) {
      if (<i32>at >= left && <i32>at <= whole) tile(false, x0, x1, x2, x3, x4, x5, x6, x7, mask, at, weight, place, to + at, outLine);
      else tile(true, x0, x1, x2, x3, x4, x5, x6, x7, mask, at, weight, place, to + at, outLine);
      if (at == last) break;
    }
    if (row == rows - 4) return;
  }
}

/**
 * y [2 rows, 8] from x in place, whose rows and columns lie two apart with zeros between them: in each phase of y only the taps
 * that meet x, which is of `inner` rows, and of one before them where there are none of zeros `above`.
 */
export function fiveSpread(edges: i32, rows: i32, above: i32, inner: i32, x: usize, line: usize, weight: usize, y: usize, outLine: usize): void {
  let e2 = splat(0.0), e3 = e2, e4 = e2, o2 = e2, o3 = e2, o4 = e2;
  if (!above) x -= line;
  for (let i = above - 1; ; i++) {
    let e0 = splat(0.0), e1 = e0, o0 = e0, o1 = e0;
    if (i < inner) {
      const b = v128.load(x, 4);
      const a = before(x, b, edges);
      const c = after(x, b, edges);
      e0 = fma(v128.load(weight, 320), c, fma(v128.load(weight, 160), b, f32x4.mul(v128.load(weight), a)));
      o0 = fma(v128.load(weight, 240), c, f32x4.mul(v128.load(weight, 80), b));
      e1 = fma(v128.load(weight, 336), c, fma(v128.load(weight, 176), b, f32x4.mul(v128.load(weight, 16), a)));
      o1 = fma(v128.load(weight, 256), c, f32x4.mul(v128.load(weight, 96), b));
      e2 = fma(v128.load(weight, 352), c, fma(v128.load(weight, 192), b, fma(v128.load(weight, 32), a, e2)));
      o2 = fma(v128.load(weight, 272), c, fma(v128.load(weight, 112), b, o2));
      e3 = fma(v128.load(weight, 368), c, fma(v128.load(weight, 208), b, fma(v128.load(weight, 48), a, e3)));
      o3 = fma(v128.load(weight, 288), c, fma(v128.load(weight, 128), b, o3));
      e4 = fma(v128.load(weight, 384), c, fma(v128.load(weight, 224), b, fma(v128.load(weight, 64), a, e4)));
      o4 = fma(v128.load(weight, 304), c, fma(v128.load(weight, 144), b, o4));
      x += line;
    }
    if (i > 0) {
      storeMixed(y, e4, o4);
      storeMixed(y + outLine, e3, o3);
      if (i == rows) return;
      y += 2 * outLine;
    }
    e4 = e2;
    o4 = o2;
    e3 = e1;
    o3 = o1;
    e2 = e0;
    o2 = o0;
  }
}
