// Depthwise convolution with a filter of 5 x 5 over planes with four channels in the lanes, and its weight-gradient: tiles of seven
// rows by one column of y, since planes have 7, 14 or 28 rows, column after column of the filter. Rows of the filter go in two lots,
// each as far apart as the rows of x that two rows of y meet by the same weight: 0, 1, 2 and 3, 4 at stride 1, and 0, 2, 4 and 1, 3 at
// stride 2; backward all five at once at stride 1. So a vector of x meets three rows of y, or two: 35 products take 22 loads, in 11
// registers, 13 backward. Products bound it, two in a cycle: 12.5 cycles for a vector of y, and less since columns of the filter
// beside the plane are left out.
import { DepthwiseParams } from '../build/params';
import { fma } from './simd';

/** Bytes between the rows of a filter [5, 5, 4]. */
const FILTER_LINE: usize = 80;

/** Rows from the first lot to the second. */
// @ts-ignore: decorator
@inline
function lotOf(p: DepthwiseParams): usize {
  return p.strideHeight == 1 ? 3 : 1;
}

/**
 * y [7, outWidth, 4] from the rows of x [.., width, 4] on of which the first meets y's first by the first row of the filter
 * [5, 5, 4], behind which are the bias and the least result.
 */
export function convolveSevens(p: DepthwiseParams, x: usize, filter: usize, y: usize): void {
  const line = <usize>p.width << 4;
  const outLine = <usize>p.outWidth << 4;
  const apart = p.strideHeight * line;
  const lot = lotOf(p) * line;
  const filterApart = p.strideHeight * FILTER_LINE;
  const filterLot = lotOf(p) * FILTER_LINE;
  for (let column = -p.left, last = y + outLine; y < last; column += p.strideWidth) {
    const end = min(5, <i32>p.width - column);
    let a0 = v128.load(filter, 400), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0;
    for (let s = max(0, -column); s < end; s++) {
      const from = x + (column + s << 4);
      const weight = filter + (s << 4);
      let at = from;
      let w0 = v128.load(weight), w1 = v128.load(weight + filterApart), w2 = v128.load(weight + 2 * filterApart);
      a0 = fma(w0, v128.load(at), a0);
      at += apart;
      let u = v128.load(at);
      a0 = fma(w1, u, a0);
      a1 = fma(w0, u, a1);
      at += apart;
      u = v128.load(at);
      a0 = fma(w2, u, a0);
      a1 = fma(w1, u, a1);
      a2 = fma(w0, u, a2);
      at += apart;
      u = v128.load(at);
      a1 = fma(w2, u, a1);
      a2 = fma(w1, u, a2);
      a3 = fma(w0, u, a3);
      at += apart;
      u = v128.load(at);
      a2 = fma(w2, u, a2);
      a3 = fma(w1, u, a3);
      a4 = fma(w0, u, a4);
      at += apart;
      u = v128.load(at);
      a3 = fma(w2, u, a3);
      a4 = fma(w1, u, a4);
      a5 = fma(w0, u, a5);
      at += apart;
      u = v128.load(at);
      a4 = fma(w2, u, a4);
      a5 = fma(w1, u, a5);
      a6 = fma(w0, u, a6);
      at += apart;
      u = v128.load(at);
      a5 = fma(w2, u, a5);
      a6 = fma(w1, u, a6);
      at += apart;
      a6 = fma(w2, v128.load(at), a6);
      at = from + lot;
      w0 = v128.load(weight + filterLot);
      w1 = v128.load(weight + filterLot + filterApart);
      a0 = fma(w0, v128.load(at), a0);
      at += apart;
      u = v128.load(at);
      a0 = fma(w1, u, a0);
      a1 = fma(w0, u, a1);
      at += apart;
      u = v128.load(at);
      a1 = fma(w1, u, a1);
      a2 = fma(w0, u, a2);
      at += apart;
      u = v128.load(at);
      a2 = fma(w1, u, a2);
      a3 = fma(w0, u, a3);
      at += apart;
      u = v128.load(at);
      a3 = fma(w1, u, a3);
      a4 = fma(w0, u, a4);
      at += apart;
      u = v128.load(at);
      a4 = fma(w1, u, a4);
      a5 = fma(w0, u, a5);
      at += apart;
      u = v128.load(at);
      a5 = fma(w1, u, a5);
      a6 = fma(w0, u, a6);
      at += apart;
      a6 = fma(w1, v128.load(at), a6);
    }
    const least = v128.load(filter, 416);
    v128.store(y, f32x4.pmax(a0, least));
    let to = y + outLine;
    v128.store(to, f32x4.pmax(a1, least));
    to += outLine;
    v128.store(to, f32x4.pmax(a2, least));
    to += outLine;
    v128.store(to, f32x4.pmax(a3, least));
    to += outLine;
    v128.store(to, f32x4.pmax(a4, least));
    to += outLine;
    v128.store(to, f32x4.pmax(a5, least));
    to += outLine;
    v128.store(to, f32x4.pmax(a6, least));
    y += 16;
  }
}

/** A column of the sums += dy's column by x's from `at` on, where rows of the filter meet rows of x at stride 1. */
// @ts-ignore: decorator
@inline
function correlateOne(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, d6: v128, at: usize, apart: usize, to: usize): void {
  let s0 = v128.load(to), s1 = v128.load(to, 80), s2 = v128.load(to, 160), s3 = v128.load(to, 240), s4 = v128.load(to, 320);
  s0 = fma(d0, v128.load(at), s0);
  at += apart;
  let u = v128.load(at);
  s0 = fma(d1, u, s0);
  s1 = fma(d0, u, s1);
  at += apart;
  u = v128.load(at);
  s0 = fma(d2, u, s0);
  s1 = fma(d1, u, s1);
  s2 = fma(d0, u, s2);
  at += apart;
  u = v128.load(at);
  s0 = fma(d3, u, s0);
  s1 = fma(d2, u, s1);
  s2 = fma(d1, u, s2);
  s3 = fma(d0, u, s3);
  at += apart;
  u = v128.load(at);
  s0 = fma(d4, u, s0);
  s1 = fma(d3, u, s1);
  s2 = fma(d2, u, s2);
  s3 = fma(d1, u, s3);
  s4 = fma(d0, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d5, u, s0);
  s1 = fma(d4, u, s1);
  s2 = fma(d3, u, s2);
  s3 = fma(d2, u, s3);
  s4 = fma(d1, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d6, u, s0);
  s1 = fma(d5, u, s1);
  s2 = fma(d4, u, s2);
  s3 = fma(d3, u, s3);
  s4 = fma(d2, u, s4);
  at += apart;
  u = v128.load(at);
  s1 = fma(d6, u, s1);
  s2 = fma(d5, u, s2);
  s3 = fma(d4, u, s3);
  s4 = fma(d3, u, s4);
  at += apart;
  u = v128.load(at);
  s2 = fma(d6, u, s2);
  s3 = fma(d5, u, s3);
  s4 = fma(d4, u, s4);
  at += apart;
  u = v128.load(at);
  s3 = fma(d6, u, s3);
  s4 = fma(d5, u, s4);
  at += apart;
  s4 = fma(d6, v128.load(at), s4);
  v128.store(to, s0);
  v128.store(to, s1, 80);
  v128.store(to, s2, 160);
  v128.store(to, s3, 240);
  v128.store(to, s4, 320);
}

/** The same at stride 2: odd rows of the filter meet the rows of x from `odd` on. */
// @ts-ignore: decorator
@inline
function correlateTwo(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, d6: v128, at: usize, odd: usize, apart: usize, to: usize): void {
  let s0 = v128.load(to), s1 = v128.load(to, 80), s2 = v128.load(to, 160), s3 = v128.load(to, 240), s4 = v128.load(to, 320);
  s0 = fma(d0, v128.load(at), s0);
  at += apart;
  let u = v128.load(at);
  s0 = fma(d1, u, s0);
  s2 = fma(d0, u, s2);
  at += apart;
  u = v128.load(at);
  s0 = fma(d2, u, s0);
  s2 = fma(d1, u, s2);
  s4 = fma(d0, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d3, u, s0);
  s2 = fma(d2, u, s2);
  s4 = fma(d1, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d4, u, s0);
  s2 = fma(d3, u, s2);
  s4 = fma(d2, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d5, u, s0);
  s2 = fma(d4, u, s2);
  s4 = fma(d3, u, s4);
  at += apart;
  u = v128.load(at);
  s0 = fma(d6, u, s0);
  s2 = fma(d5, u, s2);
  s4 = fma(d4, u, s4);
  at += apart;
  u = v128.load(at);
  s2 = fma(d6, u, s2);
  s4 = fma(d5, u, s4);
  at += apart;
  s4 = fma(d6, v128.load(at), s4);
  at = odd;
  s1 = fma(d0, v128.load(at), s1);
  at += apart;
  u = v128.load(at);
  s1 = fma(d1, u, s1);
  s3 = fma(d0, u, s3);
  at += apart;
  u = v128.load(at);
  s1 = fma(d2, u, s1);
  s3 = fma(d1, u, s3);
  at += apart;
  u = v128.load(at);
  s1 = fma(d3, u, s1);
  s3 = fma(d2, u, s3);
  at += apart;
  u = v128.load(at);
  s1 = fma(d4, u, s1);
  s3 = fma(d3, u, s3);
  at += apart;
  u = v128.load(at);
  s1 = fma(d5, u, s1);
  s3 = fma(d4, u, s3);
  at += apart;
  u = v128.load(at);
  s1 = fma(d6, u, s1);
  s3 = fma(d5, u, s3);
  at += apart;
  s3 = fma(d6, v128.load(at), s3);
  v128.store(to, s0);
  v128.store(to, s1, 80);
  v128.store(to, s2, 160);
  v128.store(to, s3, 240);
  v128.store(to, s4, 320);
}

/**
 * sums [5, 5, 4] += Σ over the pixels of dy [7, outWidth, 4] of dy · x, and behind them the sum of dy; the first row of x meets dy's
 * first by the filter's first row.
 */
export function correlateSevens(p: DepthwiseParams, x: usize, dy: usize, sums: usize): void {
  const line = <usize>p.width << 4;
  const outLine = <usize>p.outWidth << 4;
  const apart = p.strideHeight * line;
  for (let column = -p.left, last = dy + outLine; dy < last; column += p.strideWidth) {
    const end = min(5, <i32>p.width - column);
    let at = dy;
    const d0 = v128.load(at);
    at += outLine;
    const d1 = v128.load(at);
    at += outLine;
    const d2 = v128.load(at);
    at += outLine;
    const d3 = v128.load(at);
    at += outLine;
    const d4 = v128.load(at);
    at += outLine;
    const d5 = v128.load(at);
    at += outLine;
    const d6 = v128.load(at);
    const all = f32x4.add(f32x4.add(f32x4.add(d0, d1), f32x4.add(d2, d3)), f32x4.add(f32x4.add(d4, d5), d6));
    v128.store(sums, f32x4.add(v128.load(sums, 400), all), 400);
    for (let s = max(0, -column); s < end; s++) {
      at = x + (column + s << 4);
      const to = sums + (s << 4);
      if (p.strideHeight == 1) correlateOne(d0, d1, d2, d3, d4, d5, d6, at, apart, to);
      else correlateTwo(d0, d1, d2, d3, d4, d5, d6, at, at + line, apart, to);
    }
    dy += 16;
  }
}
