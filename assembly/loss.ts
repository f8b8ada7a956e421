// Losses of corresponding elements that are pieces of polynomials, and the walks of all losses. Units are blocks of 512
// elements; operands x, t, c, w and y, or x, t, c, w, dy and dx: c and w are repeated, or left out where their count is 0.
import { LossParams, LossTotalParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';
import { BLOCK } from './walk';

/** Elements i to i + 3, below `size`, of `count` numbers that are each repeated `inner` times, and all over and over. */
function repeated(at: usize, i: i32, inner: i32, count: i32, size: i32): v128 {
  if (count == 1) return v128.load32_splat(at);
  let lanes = v128.load32_zero(at + ((i / inner % count) << 2));
  if (i + 1 < size) lanes = v128.load_lane<u32>(at + (((i + 1) / inner % count) << 2), lanes, 1);
  if (i + 2 < size) lanes = v128.load_lane<u32>(at + (((i + 2) / inner % count) << 2), lanes, 2);
  if (i + 3 < size) lanes = v128.load_lane<u32>(at + (((i + 3) / inner % count) << 2), lanes, 3);
  return lanes;
}

/** Four elements of an operand that may be repeated. */
// @ts-ignore: decorator
@inline
function spread(at: usize, i: i32, inner: i32, count: i32, size: i32, rest: i32): v128 {
  return count == size ? loadUpTo(at + (i << 2), rest) : repeated(at, i, inner, count, size);
}

/** The first `count` (1 to 3) lanes. */
// @ts-ignore: decorator
@inline
function only(lanes: v128, count: i32): v128 {
  return v128.and(lanes, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** y[i] = w f(x, t, c), or where `sums` is 1 for each unit y = scale Σ w f. */
// @ts-ignore: decorator
@inline
export function losses<F>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<LossParams>(params);
  const size = <i32>p.size;
  const y = operand(o, 4);
  for (let unit = begin; unit < end; unit++) {
    const stop = min((unit + 1) * BLOCK, size);
    let total = splat(0.0);
    for (let i = unit * BLOCK; i < stop; i += 4) {
      const at = <usize>i << 2;
      const count = min(4, stop - i);
      let c = splat(0.0);
      if (p.cCount) c = spread(operand(o, 2), i, p.cInner, p.cCount, size, count);
      let loss = changetype<F>(0).lanes(loadUpTo(operand(o, 0) + at, count), loadUpTo(operand(o, 1) + at, count), c, p);
      if (p.wCount) loss = f32x4.mul(loss, spread(operand(o, 3), i, p.wInner, p.wCount, size, count));
      if (p.sums) total = f32x4.add(total, count == 4 ? loss : only(loss, count));
      else storeUpTo(y + at, loss, count);
    }
    if (p.sums) store<f32>(y + (unit << 2), sumLanes(total) * p.scale);
  }
}

/** dx[i] = dy scale w f(x, t, c); dy is one number where `moves` is 0. */
// @ts-ignore: decorator
@inline
export function slopes<F>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<LossParams>(params);
  const size = <i32>p.size;
  const dy = operand(o, 4);
  const dx = operand(o, 5);
  const stop = min(end * BLOCK, size);
  for (let i = begin * BLOCK; i < stop; i += 4) {
    const at = <usize>i << 2;
    const count = min(4, stop - i);
    let c = splat(0.0);
    if (p.cCount) c = spread(operand(o, 2), i, p.cInner, p.cCount, size, count);
    let share = f32x4.mul(p.moves ? loadUpTo(dy + at, count) : v128.load32_splat(dy), splat(p.scale));
    if (p.wCount) share = f32x4.mul(share, spread(operand(o, 3), i, p.wInner, p.wCount, size, count));
    const slope = changetype<F>(0).lanes(loadUpTo(operand(o, 0) + at, count), loadUpTo(operand(o, 1) + at, count), c, p);
    storeUpTo(dx + at, f32x4.mul(share, slope), count);
  }
}

/** y = scale Σ sums. One unit. */
export function loss_total_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LossTotalParams>(params);
  const sums = operand(o, 0);
  const count = <i32>p.count;
  let i = 0;
  let lanes = splat(0.0);
  for (; i + 4 <= count; i += 4) lanes = f32x4.add(lanes, v128.load(sums + (i << 2)));
  let total = sumLanes(lanes);
  for (; i < count; i++) total += load<f32>(sums + (i << 2));
  store<f32>(operand(o, 1), total * p.scale);
}

/** -1, 0 or 1. */
// @ts-ignore: decorator
@inline
function signOf(d: v128): v128 {
  const one = v128.and(f32x4.gt(d, splat(0.0)), splat(1.0));
  return f32x4.sub(one, v128.and(f32x4.lt(d, splat(0.0)), splat(1.0)));
}

/** (x - t)² and 2 (x - t). */
// @ts-ignore: decorator
@final @unmanaged class Mse {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { const d = f32x4.sub(x, t); return f32x4.mul(d, d); }
}
export function mse_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<Mse>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MseSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { const d = f32x4.sub(x, t); return f32x4.add(d, d); }
}
export function mse_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<MseSlope>(o, p, begin, end); }

/** |x - t| and its sign. */
// @ts-ignore: decorator
@final @unmanaged class L1 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { return f32x4.abs(f32x4.sub(x, t)); }
}
export function l1_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<L1>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class L1Slope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { return signOf(f32x4.sub(x, t)); }
}
export function l1_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<L1Slope>(o, p, begin, end); }

/** d² / 2β where |d| < β, else |d| - β / 2. */
// @ts-ignore: decorator
@final @unmanaged class SmoothL1 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const d = f32x4.sub(x, t);
    const beta = splat(p.a);
    const half = splat(0.5);
    const near = f32x4.div(f32x4.mul(half, f32x4.mul(d, d)), beta);
    const far = f32x4.sub(f32x4.abs(d), f32x4.mul(half, beta));
    return v128.bitselect(near, far, f32x4.lt(f32x4.abs(d), beta));
  }
}
export function smooth_l1_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<SmoothL1>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class SmoothL1Slope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const d = f32x4.sub(x, t);
    const beta = splat(p.a);
    return v128.bitselect(f32x4.div(d, beta), signOf(d), f32x4.lt(f32x4.abs(d), beta));
  }
}
export function smooth_l1_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<SmoothL1Slope>(o, p, begin, end); }

/** d² / 2 where |d| <= δ, else δ (|d| - δ / 2). */
// @ts-ignore: decorator
@final @unmanaged class Huber {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const d = f32x4.sub(x, t);
    const delta = splat(p.a);
    const half = splat(0.5);
    const near = f32x4.mul(half, f32x4.mul(d, d));
    const far = f32x4.mul(delta, f32x4.sub(f32x4.abs(d), f32x4.mul(half, delta)));
    return v128.bitselect(near, far, f32x4.le(f32x4.abs(d), delta));
  }
}
export function huber_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<Huber>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class HuberSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const d = f32x4.sub(x, t);
    const delta = splat(p.a);
    return v128.bitselect(d, f32x4.mul(delta, signOf(d)), f32x4.le(f32x4.abs(d), delta));
  }
}
export function huber_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<HuberSlope>(o, p, begin, end); }

/** x for targets 1, max(margin - x, 0) for -1, the sum of both for any other. */
// @ts-ignore: decorator
@final @unmanaged class HingeEmbedding {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const near = f32x4.max(f32x4.sub(splat(p.a), x), splat(0.0));
    const far = v128.andnot(x, f32x4.eq(t, splat(-1.0)));
    return f32x4.add(v128.andnot(near, f32x4.eq(t, splat(1.0))), far);
  }
}
export function hinge_embedding_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<HingeEmbedding>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class HingeEmbeddingSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const near = v128.and(f32x4.gt(f32x4.sub(splat(p.a), x), splat(0.0)), splat(-1.0));
    const far = v128.andnot(splat(1.0), f32x4.eq(t, splat(-1.0)));
    return f32x4.add(v128.andnot(near, f32x4.eq(t, splat(1.0))), far);
  }
}
export function hinge_embedding_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<HingeEmbeddingSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@inline
function shortfall(x: v128, t: v128, c: v128, p: LossParams): v128 {
  return f32x4.sub(splat(p.a), f32x4.mul(c, f32x4.sub(x, t)));
}

/** max(margin - c (x - t), 0), c = ±1. */
// @ts-ignore: decorator
@final @unmanaged class MarginRanking {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { return f32x4.max(shortfall(x, t, c, p), splat(0.0)); }
}
export function margin_ranking_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<MarginRanking>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MarginRankingSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    return v128.and(f32x4.neg(c), f32x4.gt(shortfall(x, t, c, p), splat(0.0)));
  }
}
export function margin_ranking_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<MarginRankingSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MarginRankingTargetSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    return v128.and(f32x4.sub(t, x), f32x4.gt(shortfall(x, t, c, p), splat(0.0)));
  }
}
export function margin_ranking_loss_backward_f32__target(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<MarginRankingTargetSlope>(o, p, begin, end); }
