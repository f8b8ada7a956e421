// Depthwise convolution with a filter of 3 x 3: strips of four columns of a plane, row after row, each row of x read once, in
// place. With A, B, C the sums of x's row i by the filter's three rows, output row i - 1 is A[i - 2] + B[i - 1] + C[i]: the nine
// weights and two partial sums stay in registers, chains are three products long, and rows have no rest. Nine products for a
// vector, two in a cycle: 4.5 cycles for 32 bytes at stride 1. Beside the plane the first and last strip shift zeros in.
import { fma } from './simd';

/** What a strip keeps in scratch memory: the bias and the least result, four times; 7 zeros; a word that none reads; in all. */
export const LEAST: usize = 16;
export const ZEROS: usize = 32;
export const SPARE: usize = 60;
export const PLACE: usize = 64;

/** Which sides of a strip have zeros beside them. */
export const LEFT: i32 = 1;
export const RIGHT: i32 = 2;

// The columns of the taps to the left and right of a strip's: `x` is the address of the column before it, b its four columns.

// @ts-ignore: decorator
@inline
export function before(x: usize, b: v128, edges: i32): v128 {
  return edges & LEFT ? v128.shuffle<i32>(f32x4.splat(0.0), b, 3, 4, 5, 6) : v128.load(x);
}

// @ts-ignore: decorator
@inline
export function after(x: usize, b: v128, edges: i32): v128 {
  return edges & RIGHT ? v128.shuffle<i32>(b, f32x4.splat(0.0), 1, 2, 3, 4) : v128.load(x, 8);
}

/** At stride 2, where b is the odd columns from the strip's second on. */
// @ts-ignore: decorator
@inline
export function beforeTwo(x: usize, b: v128, edges: i32): v128 {
  return edges & LEFT ? v128.shuffle<i32>(f32x4.splat(0.0), b, 3, 4, 5, 6) : v128.shuffle<i32>(v128.load(x), v128.load(x, 16), 0, 2, 4, 6);
}

/**
 * y [rows, 4] at stride 1, from the first of `inner` rows of x on, before which `above` (0 or 1) rows are zeros; so is one
 * behind them where they are too few.
 */
export function strip(edges: i32, rows: i32, above: i32, inner: i32, x: usize, line: usize, weight: usize, place: usize, y: usize, outLine: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight, 4), w2 = v128.load32_splat(weight, 8);
  const w3 = v128.load32_splat(weight, 12), w4 = v128.load32_splat(weight, 16), w5 = v128.load32_splat(weight, 20);
  const w6 = v128.load32_splat(weight, 24), w7 = v128.load32_splat(weight, 28), w8 = v128.load32_splat(weight, 32);
  let p = v128.load(place, ZEROS), q = p;
  const stored = x + (2 - above) * line;
  for (const end = x + inner * line; x < end; x += line) {
    const b = v128.load(x, 4);
    const a = before(x, b, edges);
    const c = after(x, b, edges);
    if (x >= stored) {
      v128.store(y, f32x4.pmax(f32x4.add(p, fma(w8, c, fma(w7, b, fma(w6, a, v128.load(place))))), v128.load(place, LEAST)));
      y += outLine;
    }
    p = f32x4.add(q, fma(w5, c, fma(w4, b, f32x4.mul(w3, a))));
    q = fma(w2, c, fma(w1, b, f32x4.mul(w0, a)));
  }
  if (inner < rows + 2 - above) v128.store(y, f32x4.pmax(f32x4.add(p, v128.load(place)), v128.load(place, LEAST)));
}

/** The same at stride 2, where no row of zeros is behind. */
export function stripTwo(edges: i32, rows: i32, above: i32, x: usize, line: usize, weight: usize, place: usize, y: usize, outLine: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight, 4), w2 = v128.load32_splat(weight, 8);
  const w3 = v128.load32_splat(weight, 12), w4 = v128.load32_splat(weight, 16), w5 = v128.load32_splat(weight, 20);
  const w6 = v128.load32_splat(weight, 24), w7 = v128.load32_splat(weight, 28), w8 = v128.load32_splat(weight, 32);
  let q = v128.load(place, ZEROS);
  for (let i = above - 1; i < rows; i++) {
    if (i >= 0) {
      const d = v128.load(x, 4), e = v128.load(x, 20);
      const c = v128.shuffle<i32>(d, e, 1, 3, 5, 7);
      q = f32x4.add(q, fma(w5, c, fma(w4, v128.shuffle<i32>(d, e, 0, 2, 4, 6), f32x4.mul(w3, beforeTwo(x, c, edges)))));
      x += line;
    }
    const d = v128.load(x, 4), e = v128.load(x, 20);
    const b = v128.shuffle<i32>(d, e, 0, 2, 4, 6);
    const c = v128.shuffle<i32>(d, e, 1, 3, 5, 7);
    const a = beforeTwo(x, c, edges);
    if (i >= 0) {
      v128.store(y, f32x4.pmax(f32x4.add(q, fma(w8, c, fma(w7, b, fma(w6, a, v128.load(place))))), v128.load(place, LEAST)));
      y += outLine;
    }
    q = fma(w2, c, fma(w1, b, f32x4.mul(w0, a)));
    x += line;
  }
}

/**
 * y [2 rows, 8] from `rows` rows of x, and one more or zeros, that lie at every second row and column, with zeros between
 * them: in each phase of y only the taps that meet x.
 */
export function stripSpread(edges: i32, rows: i32, inner: i32, x: usize, line: usize, weight: usize, place: usize, y: usize, outLine: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight, 4), w2 = v128.load32_splat(weight, 8);
  const w3 = v128.load32_splat(weight, 12), w4 = v128.load32_splat(weight, 16), w5 = v128.load32_splat(weight, 20);
  const w6 = v128.load32_splat(weight, 24), w7 = v128.load32_splat(weight, 28), w8 = v128.load32_splat(weight, 32);
  let p = v128.load(place, ZEROS), q = p;
  for (let i = 0; ; i++) {
    const from = i < inner ? x : place + ZEROS;
    const b = v128.load(from, 4);
    const c = after(from, b, edges);
    if (i > 0) {
      storeMixed(y, fma(w7, b, p), fma(w8, c, fma(w6, b, q)));
      y += outLine;
    }
    if (i == rows) return;
    storeMixed(y, f32x4.mul(w4, b), fma(w5, c, f32x4.mul(w3, b)));
    y += outLine;
    p = f32x4.mul(w1, b);
    q = fma(w2, c, f32x4.mul(w0, b));
    x += line;
  }
}

// @ts-ignore: decorator
@inline
export function storeMixed(y: usize, even: v128, odd: v128): void {
  v128.store(y, v128.shuffle<i32>(even, odd, 0, 4, 1, 5));
  v128.store(y, v128.shuffle<i32>(even, odd, 2, 6, 3, 7), 16);
}
