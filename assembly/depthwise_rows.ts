// Depthwise convolution with a filter of 3 x 3 at stride 1 in place, two rows of y at a time from four of x: the rows are read
// and written in the order of memory, which the caches fetch ahead. The nine weights stay in registers, a vector of x meets both
// rows of y: 18 products, two in a cycle, and 12 loads for 64 bytes. A row beside the plane is a row of zeros; the first and the
// last four columns of a row shift zeros in. And its weight-gradient, where a vector of x meets three rows of dy.
import { after, before, LEAST, LEFT, RIGHT } from './depthwise_strip';
import { fma } from './simd';

/** The row after `x`, one of zeros where it is beyond the plane's `end`. */
// @ts-ignore: decorator
@inline
function rowAfter(x: usize, line: usize, end: usize, zeros: usize): usize {
  return x != zeros && x + line < end ? x + line : zeros;
}

/** Four columns of two rows of y, the upper stored last, from four rows of x, each from the column before. */
// @ts-ignore: decorator
@inline
function pair(edges: i32, x0: usize, x1: usize, x2: usize, x3: usize, w0: v128, w1: v128, w2: v128, w3: v128, w4: v128, w5: v128, w6: v128, w7: v128, w8: v128, place: usize, upper: usize, lower: usize): void {
  let b = v128.load(x0, 4);
  let p = fma(w1, b, v128.load(place));
  p = fma(w0, before(x0, b, edges), p);
  p = fma(w2, after(x0, b, edges), p);
  b = v128.load(x1, 4);
  let q = fma(w1, b, v128.load(place));
  p = fma(w4, b, p);
  let a = before(x1, b, edges);
  q = fma(w0, a, q);
  p = fma(w3, a, p);
  a = after(x1, b, edges);
  q = fma(w2, a, q);
  p = fma(w5, a, p);
  b = v128.load(x2, 4);
  let r = f32x4.mul(w7, b);
  q = fma(w4, b, q);
  a = before(x2, b, edges);
  r = fma(w6, a, r);
  q = fma(w3, a, q);
  a = after(x2, b, edges);
  r = fma(w8, a, r);
  q = fma(w5, a, q);
  p = f32x4.add(p, r);
  b = v128.load(x3, 4);
  r = f32x4.mul(w7, b);
  r = fma(w6, before(x3, b, edges), r);
  r = fma(w8, after(x3, b, edges), r);
  v128.store(lower, f32x4.pmax(f32x4.add(q, r), v128.load(place, LEAST)));
  v128.store(upper, f32x4.pmax(p, v128.load(place, LEAST)));
}

/**
 * y [rows, line] from x in place, of whose rows the first meets `y`'s first by the filter's middle; `above` says that none is
 * before it, `end` is the end of the plane. All of x's addresses, and that of the `zeros`, are of the column before the first.
 */
export function pairs(rows: i32, above: bool, x: usize, line: usize, end: usize, zeros: usize, weight: usize, place: usize, y: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight, 4), w2 = v128.load32_splat(weight, 8);
  const w3 = v128.load32_splat(weight, 12), w4 = v128.load32_splat(weight, 16), w5 = v128.load32_splat(weight, 20);
  const w6 = v128.load32_splat(weight, 24), w7 = v128.load32_splat(weight, 28), w8 = v128.load32_splat(weight, 32);
  const last = line - 16;
  const lowest = y + (rows - 1) * line;
  let x0 = above ? zeros : x - line;
  let x1 = x;
  while (true) {
    const x2 = rowAfter(x1, line, end, zeros);
    const x3 = rowAfter(x2, line, end, zeros);
    // A single last row takes the place of the one below it.
    const lower = min(y + line, lowest);
    pair(LEFT, x0, x1, x2, x3, w0, w1, w2, w3, w4, w5, w6, w7, w8, place, y, lower);
    for (let at: usize = 16; at < last; at += 16) {
      pair(0, x0 + at, x1 + at, x2 + at, x3 + at, w0, w1, w2, w3, w4, w5, w6, w7, w8, place, y + at, lower + at);
    }
    pair(RIGHT, x0 + last, x1 + last, x2 + last, x3 + last, w0, w1, w2, w3, w4, w5, w6, w7, w8, place, y + last, lower + last);
    y += 2 * line;
    if (y > lowest) return;
    x0 = x2;
    x1 = x3;
  }
}

/**
 * sums [9, 4] = Σ over `inner` rows of x · dy, whose rows end at `end`; the first row of x meets dy's first by the filter's middle
 * if it is the plane's first (`above`), else by its first row. Of the last four columns of dy those in `lanes` count.
 */
export function correlateRows(above: bool, inner: i32, x: usize, line: usize, dy: usize, end: usize, zeros: usize, lanes: usize, sums: usize): void {
  let s0 = v128.load(zeros), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0;
  const last = line - 16;
  let d0 = dy, d1 = zeros, d2 = zeros;
  for (const stop = x + inner * line; x < stop; x += line) {
    if (above) {
      d1 = dy;
      d0 = rowAfter(dy, line, end, zeros);
      above = false;
    }
    // The first and the last four columns go by the outer loop, those between by the inner one.
    for (let at: usize = 0; ; at = last) {
      let p = v128.load(d0 + at), q = v128.load(d1 + at), r = v128.load(d2 + at);
      if (at) {
        const counted = v128.load(lanes);
        p = v128.and(p, counted);
        q = v128.and(q, counted);
        r = v128.and(r, counted);
      }
      let b = v128.load(x + at, 4);
      s1 = fma(b, p, s1);
      s4 = fma(b, q, s4);
      s7 = fma(b, r, s7);
      let a = before(x + at, b, at ? 0 : LEFT);
      s0 = fma(a, p, s0);
      s3 = fma(a, q, s3);
      s6 = fma(a, r, s6);
      a = after(x + at, b, at ? RIGHT : 0);
      s2 = fma(a, p, s2);
      s5 = fma(a, q, s5);
      s8 = fma(a, r, s8);
      if (at) break;
      for (at = 16; at < last; at += 16) {
        p = v128.load(d0 + at);
        q = v128.load(d1 + at);
        r = v128.load(d2 + at);
        b = v128.load(x + at, 4);
        s1 = fma(b, p, s1);
        s4 = fma(b, q, s4);
        s7 = fma(b, r, s7);
        a = v128.load(x + at);
        s0 = fma(a, p, s0);
        s3 = fma(a, q, s3);
        s6 = fma(a, r, s6);
        a = v128.load(x + at, 8);
        s2 = fma(a, p, s2);
        s5 = fma(a, q, s5);
        s8 = fma(a, r, s8);
      }
    }
    d2 = d1;
    d1 = d0;
    d0 = rowAfter(d0, line, end, zeros);
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
  v128.store(sums, s4, 64);
  v128.store(sums, s5, 80);
  v128.store(sums, s6, 96);
  v128.store(sums, s7, 112);
  v128.store(sums, s8, 128);
}
