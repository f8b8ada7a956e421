// Sums over neighbouring channels of x [batch, channels, plane], and what local response normalisation makes of them.
// Units are planes; src/ops/local_response_norm.ts has the formulas.
import { ChannelWindowParams, LocalResponseNormParams } from '../build/params';
import { exp4, log4 } from './functions';
import { loadUpTo, operand, splat, storeUpTo } from './simd';

/** Σ x, or Σ x², of four neighbours over the planes from `back` before to `ahead` after the one that `x` points into. */
// @ts-ignore: decorator
@inline
function windowSum(x: usize, plane: usize, back: i32, ahead: i32, rest: i32, squared: bool): v128 {
  let from = x - <usize>back * plane;
  let total = splat(0.0);
  for (let j = -back; j <= ahead; j++) {
    const v = loadUpTo(from, rest);
    total = f32x4.add(total, squared ? f32x4.mul(v, v) : v);
    from += plane;
  }
  return total;
}

/** Operands: x, y. */
export function channel_window_sum_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<ChannelWindowParams>(params);
  const plane = <i32>p.plane;
  for (let unit = begin; unit < end; unit++) {
    const channel = unit % <i32>p.channels;
    const back = min(channel, <i32>p.before);
    const ahead = min(<i32>p.channels - 1 - channel, <i32>p.after);
    for (let i = 0; i < plane; i += 4) {
      const at = (<usize>unit * plane + i) << 2;
      const total = windowSum(operand(o, 0) + at, <usize>plane << 2, back, ahead, plane - i, false);
      storeUpTo(operand(o, 1) + at, total, plane - i);
    }
  }
}

/** k + scale Σ x². */
// @ts-ignore: decorator
@inline
function divisor(x: usize, p: LocalResponseNormParams, channel: i32, rest: i32): v128 {
  const back = min(channel, <i32>p.before);
  const ahead = min(<i32>p.channels - 1 - channel, <i32>p.after);
  const total = windowSum(x, <usize>p.plane << 2, back, ahead, rest, true);
  return f32x4.add(splat(p.k), f32x4.mul(splat(p.scale), total));
}

/** Operands: x, y. */
export function local_response_norm_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LocalResponseNormParams>(params);
  const plane = <i32>p.plane;
  for (let unit = begin; unit < end; unit++) {
    for (let i = 0; i < plane; i += 4) {
      const rest = plane - i;
      const at = (<usize>unit * plane + i) << 2;
      const d = divisor(operand(o, 0) + at, p, unit % <i32>p.channels, rest);
      const power = exp4(f32x4.mul(splat(-p.beta), log4(d)));
      storeUpTo(operand(o, 1) + at, f32x4.mul(loadUpTo(operand(o, 0) + at, rest), power), rest);
    }
  }
}

/** Operands: dy, x, dy d^-beta, dy x d^(-beta - 1). */
export function local_response_norm_shares_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LocalResponseNormParams>(params);
  const plane = <i32>p.plane;
  for (let unit = begin; unit < end; unit++) {
    for (let i = 0; i < plane; i += 4) {
      const rest = plane - i;
      const at = (<usize>unit * plane + i) << 2;
      const d = divisor(operand(o, 1) + at, p, unit % <i32>p.channels, rest);
      const power = exp4(f32x4.mul(splat(-p.beta), log4(d)));
      const passed = f32x4.mul(loadUpTo(operand(o, 0) + at, rest), power);
      storeUpTo(operand(o, 2) + at, passed, rest);
      storeUpTo(operand(o, 3) + at, f32x4.div(f32x4.mul(passed, loadUpTo(operand(o, 1) + at, rest)), d), rest);
    }
  }
}

/** dx += slope x Σ shares, `before` and `after` having changed places. Operands: x, shares, dx. */
export function local_response_norm_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LocalResponseNormParams>(params);
  const plane = <i32>p.plane;
  const slope = splat(p.slope);
  for (let unit = begin; unit < end; unit++) {
    const channel = unit % <i32>p.channels;
    const back = min(channel, <i32>p.before);
    const ahead = min(<i32>p.channels - 1 - channel, <i32>p.after);
    for (let i = 0; i < plane; i += 4) {
      const rest = plane - i;
      const at = (<usize>unit * plane + i) << 2;
      const total = windowSum(operand(o, 1) + at, <usize>plane << 2, back, ahead, rest, false);
      const share = f32x4.mul(f32x4.mul(slope, loadUpTo(operand(o, 0) + at, rest)), total);
      storeUpTo(operand(o, 2) + at, f32x4.add(loadUpTo(operand(o, 2) + at, rest), share), rest);
    }
  }
}
