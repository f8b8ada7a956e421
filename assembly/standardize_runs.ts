// The loops of standardize.ts over a run of `count` elements: vectors, four a round where that is faster, then elements.
// Weight and bias move by `w4` and `b4` bytes for four vectors: 64, or 0 for a block of equal ones. `s` is a row's slot in
// scratch memory.
import { fma, splat } from './simd';

/** Places in a slot, behind two vectors of sums, and the size of one. */
export const FROM: usize = 32;
export const FACTOR: usize = 48;
export const LEVEL: usize = 64;
export const SLOPE: usize = 80;
export const SLOT: usize = 96;

/** Weights and biases where none move: sixteen times 1, then 0. */
export const ONES: usize = memory.data<f32>([
  1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
  0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
]);
export const ZEROS: usize = ONES + 64;

// @ts-ignore: decorator
@inline
function addTo(s: usize, a: v128, b: v128): void {
  v128.store(s, f32x4.add(v128.load(s), a));
  v128.store(s, f32x4.add(v128.load(s, 16), b), 16);
}

/** Adds Σ d and Σ d², d = x - from, to the sums. */
export function addDistances(x: usize, count: i32, s: usize): void {
  const from = v128.load(s, FROM);
  let a = splat(0.0);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (; count >= 16; count -= 16) {
    const p = f32x4.sub(v128.load(x), from);
    const q = f32x4.sub(v128.load(x, 16), from);
    const r = f32x4.sub(v128.load(x, 32), from);
    const t = f32x4.sub(v128.load(x, 48), from);
    a = f32x4.add(a, p);
    b = f32x4.add(b, q);
    c = f32x4.add(c, r);
    d = f32x4.add(d, t);
    e = fma(p, p, e);
    f = fma(q, q, f);
    g = fma(r, r, g);
    h = fma(t, t, h);
    x += 64;
  }
  for (; count >= 4; count -= 4) {
    const p = f32x4.sub(v128.load(x), from);
    a = f32x4.add(a, p);
    e = fma(p, p, e);
    x += 16;
  }
  const middle = v128.load32_zero(s, FROM);
  for (; count > 0; count--) {
    const p = f32x4.sub(v128.load32_zero(x), middle);
    b = f32x4.add(b, p);
    f = fma(p, p, f);
    x += 4;
  }
  addTo(s, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
}

/** y = ((x - from) factor + level) weight + bias. */
export function scaleRun(x: usize, y: usize, count: i32, weight: usize, w4: usize, bias: usize, b4: usize, s: usize): void {
  const from = v128.load(s, FROM);
  const factor = v128.load(s, FACTOR);
  const level = v128.load(s, LEVEL);
  for (; count >= 16; count -= 16) {
    const p = fma(f32x4.sub(v128.load(x), from), factor, level);
    v128.store(y, fma(p, v128.load(weight), v128.load(bias)));
    const q = fma(f32x4.sub(v128.load(x, 16), from), factor, level);
    v128.store(y, fma(q, v128.load(weight, 16), v128.load(bias, 16)), 16);
    const r = fma(f32x4.sub(v128.load(x, 32), from), factor, level);
    v128.store(y, fma(r, v128.load(weight, 32), v128.load(bias, 32)), 32);
    const t = fma(f32x4.sub(v128.load(x, 48), from), factor, level);
    v128.store(y, fma(t, v128.load(weight, 48), v128.load(bias, 48)), 48);
    x += 64;
    y += 64;
    weight += w4;
    bias += b4;
  }
  for (; count >= 4; count -= 4) {
    const p = fma(f32x4.sub(v128.load(x), from), factor, level);
    v128.store(y, fma(p, v128.load(weight), v128.load(bias)));
    x += 16;
    y += 16;
    weight += w4 >> 2;
    bias += b4 >> 2;
  }
  for (; count > 0; count--) {
    const p = fma(f32x4.sub(v128.load32_zero(x), from), factor, level);
    v128.store_lane<u32>(y, fma(p, v128.load32_zero(weight), v128.load32_zero(bias)), 0);
    x += 4;
    y += 4;
    weight += w4 >> 4;
    bias += b4 >> 4;
  }
}

/** Adds Σ dy and Σ dy (x - from) to the sums. */
export function addProducts(dy: usize, x: usize, count: i32, s: usize): void {
  const from = v128.load(s, FROM);
  let a = splat(0.0);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (; count >= 16; count -= 16) {
    const p = v128.load(dy);
    const q = v128.load(dy, 16);
    const r = v128.load(dy, 32);
    const t = v128.load(dy, 48);
    a = f32x4.add(a, p);
    b = f32x4.add(b, q);
    c = f32x4.add(c, r);
    d = f32x4.add(d, t);
    e = fma(p, f32x4.sub(v128.load(x), from), e);
    f = fma(q, f32x4.sub(v128.load(x, 16), from), f);
    g = fma(r, f32x4.sub(v128.load(x, 32), from), g);
    h = fma(t, f32x4.sub(v128.load(x, 48), from), h);
    dy += 64;
    x += 64;
  }
  for (; count >= 4; count -= 4) {
    const p = v128.load(dy);
    a = f32x4.add(a, p);
    e = fma(p, f32x4.sub(v128.load(x), from), e);
    dy += 16;
    x += 16;
  }
  for (; count > 0; count--) {
    const p = v128.load32_zero(dy);
    b = f32x4.add(b, p);
    f = fma(p, f32x4.sub(v128.load32_zero(x), from), f);
    dy += 4;
    x += 4;
  }
  addTo(s, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
}

/**
 * Adds Σ g and Σ g h, g = dy · weight and h = (x - from) factor, to the sums, and dy h and dy, element by element, to
 * dweight and dbias. `moves` and `counts` are masks of the offset: 0 where weight, or what nobody asks for, is one vector.
 */
export function addAffine(dy: usize, x: usize, count: i32, weight: usize, moves: usize, dweight: usize, dbias: usize, counts: usize, s: usize): void {
  const from = v128.load(s, FROM);
  const factor = v128.load(s, FACTOR);
  let a = splat(0.0);
  let b = a;
  const end = <usize>count << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) {
    const p = v128.load(dy + at);
    const h = f32x4.mul(f32x4.sub(v128.load(x + at), from), factor);
    const g = f32x4.mul(p, v128.load(weight + (at & moves)));
    a = f32x4.add(a, g);
    b = fma(g, h, b);
    const to = at & counts;
    v128.store(dweight + to, fma(p, h, v128.load(dweight + to)));
    v128.store(dbias + to, f32x4.add(p, v128.load(dbias + to)));
  }
  for (; at < end; at += 4) {
    const p = v128.load32_zero(dy + at);
    const h = f32x4.mul(f32x4.sub(v128.load32_zero(x + at), from), factor);
    const g = f32x4.mul(p, v128.load32_zero(weight + (at & moves)));
    a = f32x4.add(a, g);
    b = fma(g, h, b);
    const to = at & counts;
    v128.store_lane<u32>(dweight + to, fma(p, h, v128.load32_zero(dweight + to)), 0);
    v128.store_lane<u32>(dbias + to, f32x4.add(p, v128.load32_zero(dbias + to)), 0);
  }
  addTo(s, a, b);
}

/** dx = (x - from) slope + dy · weight · factor + level. */
export function projectRun(dy: usize, x: usize, dx: usize, count: i32, weight: usize, w4: usize, s: usize): void {
  const from = v128.load(s, FROM);
  const factor = v128.load(s, FACTOR);
  const level = v128.load(s, LEVEL);
  const slope = v128.load(s, SLOPE);
  for (; count >= 4; count -= 4) {
    const p = fma(f32x4.mul(v128.load(dy), v128.load(weight)), factor, level);
    v128.store(dx, fma(f32x4.sub(v128.load(x), from), slope, p));
    dy += 16;
    x += 16;
    dx += 16;
    weight += w4 >> 2;
  }
  for (; count > 0; count--) {
    const p = fma(f32x4.mul(v128.load32_zero(dy), v128.load32_zero(weight)), factor, level);
    v128.store_lane<u32>(dx, fma(f32x4.sub(v128.load32_zero(x), from), slope, p), 0);
    dy += 4;
    x += 4;
    dx += 4;
    weight += w4 >> 4;
  }
}
