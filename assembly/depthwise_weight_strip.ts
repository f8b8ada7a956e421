// The nine sums of a weight-gradient with a filter of 3 x 3 over strips of four columns, as in depthwise_strip.ts: x's rows and
// dy's are read once, a row of x meets three rows of dy (two, or one, at stride 2), and the sums stay in registers.
import { beforeTwo } from './depthwise_strip';
import { fma } from './simd';

/** What strips keep in scratch memory: the sums; nine vectors of zeros; the lanes of dy that count, but for the last strip and there. */
export const ZEROS: usize = 144;
export const LANES: usize = 288;
export const STRIP: usize = 320;

/** sums [9, 4] = those at `from` + Σ over rows of x · dy, of a frame. */
export function correlateNine(rows: i32, x: usize, line: usize, dy: usize, width: usize, lanes: usize, from: usize, sums: usize): void {
  let s0 = v128.load(from), s1 = v128.load(from, 16), s2 = v128.load(from, 32), s3 = v128.load(from, 48), s4 = v128.load(from, 64);
  let s5 = v128.load(from, 80), s6 = v128.load(from, 96), s7 = v128.load(from, 112), s8 = v128.load(from, 128);
  let d1 = i32x4.splat(0), d2 = d1;
  const end = dy + rows * width;
  for (const last = x + (rows + 2) * line; x < last; x += line) {
    let d0 = i32x4.splat(0);
    if (dy < end) d0 = v128.and(v128.load(dy), v128.load(lanes));
    const b = v128.load(x, 4);
    s1 = fma(b, d0, s1);
    s4 = fma(b, d1, s4);
    s7 = fma(b, d2, s7);
    const a = v128.load(x);
    s0 = fma(a, d0, s0);
    s3 = fma(a, d1, s3);
    s6 = fma(a, d2, s6);
    const c = v128.load(x, 8);
    s2 = fma(c, d0, s2);
    s5 = fma(c, d1, s5);
    s8 = fma(c, d2, s8);
    d2 = d1;
    d1 = d0;
    dy += width;
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

/** The same at stride 2, in place, where `above` (0 or 1) rows of zeros are before the first of x. */
export function correlateTwo(edges: i32, rows: i32, above: i32, x: usize, line: usize, dy: usize, width: usize, lanes: usize, from: usize, sums: usize): void {
  let s0 = v128.load(from), s1 = v128.load(from, 16), s2 = v128.load(from, 32), s3 = v128.load(from, 48), s4 = v128.load(from, 64);
  let s5 = v128.load(from, 80), s6 = v128.load(from, 96), s7 = v128.load(from, 112), s8 = v128.load(from, 128);
  let d0 = v128.and(v128.load(dy), v128.load(lanes)), d1 = d0;
  const end = dy + rows * width;
  for (let i = above - 1; i < rows; i++) {
    if (i >= 0) {
      const d = v128.load(x, 4), e = v128.load(x, 20);
      s4 = fma(v128.shuffle<i32>(d, e, 0, 2, 4, 6), d1, s4);
      const c = v128.shuffle<i32>(d, e, 1, 3, 5, 7);
      s5 = fma(c, d1, s5);
      s3 = fma(beforeTwo(x, c, edges), d1, s3);
      x += line;
      dy += width;
      d0 = i32x4.splat(0);
      if (dy < end) d0 = v128.and(v128.load(dy), v128.load(lanes));
    } else {
      d1 = i32x4.splat(0);
    }
    const d = v128.load(x, 4), e = v128.load(x, 20);
    const b = v128.shuffle<i32>(d, e, 0, 2, 4, 6);
    s1 = fma(b, d0, s1);
    s7 = fma(b, d1, s7);
    const c = v128.shuffle<i32>(d, e, 1, 3, 5, 7);
    s2 = fma(c, d0, s2);
    s8 = fma(c, d1, s8);
    const a = beforeTwo(x, c, edges);
    s0 = fma(a, d0, s0);
    s6 = fma(a, d1, s6);
    d1 = d0;
    x += line;
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
