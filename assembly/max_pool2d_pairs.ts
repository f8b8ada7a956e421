// Max pooling of windows of 2 by 2 that lie side by side, all inside: four at a time.
import { Pool2dParams } from '../build/params';
import { loadTail } from './simd';

// @ts-ignore: decorator
@inline
export function isPairs(p: Pool2dParams): bool {
  const square = p.kernelHeight == 2 && p.kernelWidth == 2 && p.strideHeight == 2 && p.strideWidth == 2;
  const inside = !p.top && !p.left && p.outHeight <= p.height / 2 && p.outWidth <= p.width / 2;
  return square && inside && p.dilationHeight == 1 && p.dilationWidth == 1 && !p.adaptive;
}

/** Windows of 2 by 2 side by side: rows are compared first, then even with odd columns. */
export function maxPairs(x: usize, y: usize, width: i32, outHeight: i32, outWidth: i32): void {
  for (let oy = 0; oy < outHeight; oy++) {
    let a = x + ((2 * oy * width) << 2);
    let b = a + (width << 2);
    let to = y + ((oy * outWidth) << 2);
    let ox = 0;
    for (; ox + 4 <= outWidth; ox += 4) {
      const p = f32x4.max(v128.load(a), v128.load(b));
      const q = f32x4.max(v128.load(a, 16), v128.load(b, 16));
      v128.store(to, f32x4.max(v128.shuffle<f32>(p, q, 0, 2, 4, 6), v128.shuffle<f32>(p, q, 1, 3, 5, 7)));
      a += 32;
      b += 32;
      to += 16;
    }
    for (; ox < outWidth; ox++) {
      store<f32>(to, max(max(load<f32>(a), load<f32>(a, 4)), max(load<f32>(b), load<f32>(b, 4))));
      a += 8;
      b += 8;
      to += 4;
    }
  }
}

/** Whether `later` is larger than `held`, or NaN. */
// @ts-ignore: decorator
@inline
function beats(later: v128, held: v128): v128 {
  return v128.or(f32x4.gt(later, held), f32x4.ne(later, later));
}

/** The gradient of `maxPairs`: four windows at a time, each dy to the first of its four elements that no other exceeds, or to the last NaN. */
export function maxPairsBackward(dy: usize, x: usize, dx: usize, width: i32, outHeight: i32, outWidth: i32): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const row = (2 * oy * width) << 2;
    let a = x + row;
    let to = dx + row;
    const line = width << 2;
    for (let ox = 0; ox < outWidth; ox += 4) {
      const rest = outWidth - ox;
      const grad = rest >= 4 ? v128.load(dy) : loadTail(dy, rest);
      const a0 = rest >= 2 ? v128.load(a) : v128.load64_zero(a);
      const a1 = rest >= 4 ? v128.load(a, 16) : rest == 3 ? v128.load64_zero(a, 16) : a0;
      const b0 = rest >= 2 ? v128.load(a + line) : v128.load64_zero(a + line);
      const b1 = rest >= 4 ? v128.load(a + line, 16) : rest == 3 ? v128.load64_zero(a + line, 16) : b0;
      const p = v128.shuffle<f32>(a0, a1, 0, 2, 4, 6);
      const q = v128.shuffle<f32>(a0, a1, 1, 3, 5, 7);
      const r = v128.shuffle<f32>(b0, b1, 0, 2, 4, 6);
      const t = v128.shuffle<f32>(b0, b1, 1, 3, 5, 7);
      const bottom = beats(f32x4.max(r, t), f32x4.max(p, q));
      const above = v128.andnot(grad, bottom);
      const below = v128.and(grad, bottom);
      const right = beats(q, p);
      const rightBelow = beats(t, r);
      const dp = v128.andnot(above, right);
      const dq = v128.and(above, right);
      const dr = v128.andnot(below, rightBelow);
      const dt = v128.and(below, rightBelow);
      storePairs(to, dp, dq, rest);
      storePairs(to + line, dr, dt, rest);
      a += 32;
      to += 32;
      dy += min(rest, 4) << 2;
    }
  }
}

/** Stores the first 2 · `count` of p0 q0 p1 q1 p2 q2 p3 q3. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, p: v128, q: v128, count: i32): void {
  const low = v128.shuffle<f32>(p, q, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(p, q, 2, 6, 3, 7);
  if (count >= 2) v128.store(to, low);
  else v128.store64_lane(to, low, 0);
  if (count >= 4) v128.store(to, high, 16);
  else if (count == 3) v128.store64_lane(to, high, 0, 16);
}
