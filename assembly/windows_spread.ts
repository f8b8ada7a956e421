// Gradients of means of 2 by 2 or 3 by 3 elements and of maxima of 2 by 2, two apart, gathered: every element of dx is made
// once, of the few windows round it. Windows of 2 by 2 don't overlap: four of them are two rows of eight elements. Of 3 by 3, in
// a plane with its padding, row 2i has terms of windows i and i - 1, row 2i + 1 of windows i alone; columns likewise. Their
// rows go to scratch between zeros, weighed and added by rows, so that eight columns of two rows are made of loads from any
// place, the last eight like the others: 4 loads, 2 additions, 4 shuffles and 4 stores for 16 elements, in 18 instructions.
import { Pool2dParams } from '../build/params';
import { splat } from './simd';

/** Numbers of taps, in every byte. */
const TAPS: usize = memory.data<u32>([
  0, 0, 0, 0, 0x1010101, 0x1010101, 0x1010101, 0x1010101, 0x2020202, 0x2020202, 0x2020202, 0x2020202, 0x3030303, 0x3030303,
  0x3030303, 0x3030303,
]);

/** Four taps, each in every byte of a lane. */
// @ts-ignore: decorator
@inline
function tapsAt(taps: usize): v128 {
  const four = v128.load32_zero(taps);
  return v128.shuffle<i8>(four, four, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
}

/** The elements of dy whose window's winner is `tap`. */
// @ts-ignore: decorator
@inline
function won(dy: v128, taps: v128, tap: i32): v128 {
  return v128.and(dy, i32x4.eq(taps, v128.load(TAPS + (tap << 4))));
}

/** Stores p0 q0 p1 q1 p2 q2 p3 q3. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, p: v128, q: v128): void {
  v128.store(to, v128.shuffle<i32>(p, q, 0, 4, 1, 5));
  v128.store(to, v128.shuffle<i32>(p, q, 2, 6, 3, 7), 16);
}

/** The place before four windows of which eight columns from `x` on, in a row between padding, have terms. */
// @ts-ignore: decorator
@inline
function before(x: i32): usize {
  return ((x - 1) >> 1) << 2;
}

/**
 * dx of a plane at least eight columns wide, of means of 3 by 3 that all weigh alike. Scratch: four rows of dy between 16 bytes
 * of zeros on each side, the first zeros alone, and a row of dx that lies in padding. src/ops/avg_pool2d.ts reckons with it.
 */
export function spreadPlane(p: Pool2dParams, weight: f32, dy: usize, dx: usize, scratch: usize): void {
  const count = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const height = <i32>p.height;
  const width = <i32>p.width;
  const left = <i32>p.left;
  const line = width << 2;
  const room = (count << 2) + 32;
  const zeros = scratch + 16;
  const sums = zeros + room;
  const beside = zeros + 4 * room;
  const weights = splat(weight);
  let above = zeros;
  for (let oy = 0, row = -<i32>p.top; row < height; row += 2) {
    let now = zeros;
    if (oy < outHeight) {
      now = sums + ((oy & 1) + 1) * room;
      for (let i = 0; ; i = min(i + 4, count - 4)) {
        const at = i << 2;
        const v = f32x4.mul(v128.load(dy + at), weights);
        v128.store(now + at, v);
        v128.store(sums + at, f32x4.add(v, v128.load(above + at)));
        if (i == count - 4) break;
      }
      dy += count << 2;
      oy++;
    }
    const added = now == zeros ? above : sums;
    const even = row < 0 ? beside : dx + row * line;
    const odd = row + 1 < height ? dx + (row + 1) * line : beside;
    for (let x = 0; ; x = min(x + 8, width - 8)) {
      const from = before(x + left);
      const lo = v128.load(added + from);
      const hi = v128.load(added + from, 4);
      const low = v128.load(now + from);
      const high = v128.load(now + from, 4);
      const both = f32x4.add(lo, hi);
      const bothNow = f32x4.add(low, high);
      const to = x << 2;
      if ((x + left) & 1) {
        storePairs(even + to, lo, both);
        storePairs(odd + to, low, bothNow);
      } else {
        storePairs(even + to, both, hi);
        storePairs(odd + to, bothNow, high);
      }
      if (x == width - 8) break;
    }
    above = now;
  }
}

/** dx of a plane of windows of 2 by 2: of maxima, whose winners `taps` names, or if that is 0 of means. */
export function spreadPairs(p: Pool2dParams, weight: f32, dy: usize, taps: usize, dx: usize): void {
  const count = <i32>p.outWidth;
  const line = p.width << 2;
  const end = dx + p.height * line;
  const weights = splat(weight);
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    for (let i = 0; ; i = min(i + 4, count - 4)) {
      const d = v128.load(dy + (i << 2));
      let first = f32x4.mul(d, weights);
      let second = first;
      let third = first;
      let fourth = first;
      if (taps) {
        const marks = tapsAt(taps + oy * count + i);
        first = won(d, marks, 0);
        second = won(d, marks, 1);
        third = won(d, marks, 2);
        fourth = won(d, marks, 3);
      }
      storePairs(dx + (i << 3), first, second);
      storePairs(dx + line + (i << 3), third, fourth);
      if (i == count - 4) break;
    }
    dy += count << 2;
    dx += 2 * line;
    // The column that an odd width leaves.
    if (p.width & 1) {
      store<f32>(dx - line - 4, 0.0);
      store<f32>(dx - 4, 0.0);
    }
  }
  memory.fill(dx, 0, end - dx);
}
