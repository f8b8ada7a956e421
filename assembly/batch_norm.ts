// What batch normalisation needs beside standardize.ts: evaluation with given statistics and the step of the running ones.
import { BatchNormInferenceParams, BatchNormUpdateParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { first, last } from './walk';

/** The numbers of four channels, or four times that of one. */
function channelsAt(from: usize, rest: i32, single: bool): v128 {
  return single ? loadUpTo(from, rest) : v128.load32_splat(from);
}

/**
 * y = (x - mean) / √(variance + eps) · weight + bias. Operands: x, mean, variance, weight, bias, y. Units are planes, or
 * batch items, with a channel per element, where planes are single elements.
 */
export function batch_norm_inference_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<BatchNormInferenceParams>(params);
  const channels = <i32>p.channels;
  const single = p.plane == 1;
  const count = single ? channels : <i32>p.plane;
  const eps = splat(p.eps);
  const move: usize = single ? 16 : 0;
  for (let unit = begin; unit < end; unit++) {
    let at = (<usize>unit * count) << 2;
    let channel = single ? 0 : <usize>(unit % channels) << 2;
    let mean = eps;
    let factor = eps;
    let bias = splat(-0.0);
    for (let rest = count; rest > 0; rest -= 4) {
      if (single || rest == count) {
        mean = channelsAt(operand(o, 1) + channel, rest, single);
        factor = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(channelsAt(operand(o, 2) + channel, rest, single), eps)));
        if (p.hasWeight) factor = f32x4.mul(factor, channelsAt(operand(o, 3) + channel, rest, single));
        if (p.hasBias) bias = channelsAt(operand(o, 4) + channel, rest, single);
        channel += move;
      }
      const h = f32x4.mul(f32x4.sub(loadUpTo(operand(o, 0) + at, rest), mean), factor);
      storeUpTo(operand(o, 5) + at, f32x4.add(h, bias), rest);
      at += 16;
    }
  }
}

/** Operands: running mean, running variance, mean, variance, hyper [momentum]. Units are blocks of 1024 elements. */
export function batch_norm_update_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<BatchNormUpdateParams>(params);
  const runningMean = operand(o, 0);
  const runningVariance = operand(o, 1);
  const momentum = v128.load32_splat(operand(o, 4));
  const keep = f32x4.sub(splat(1.0), momentum);
  const correction = splat(p.correction);
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; i += 4) {
    const at = <usize>i << 2;
    const rest = stop - i;
    const mean = f32x4.mul(momentum, loadUpTo(operand(o, 2) + at, rest));
    const variance = f32x4.mul(momentum, f32x4.mul(correction, loadUpTo(operand(o, 3) + at, rest)));
    storeUpTo(runningMean + at, f32x4.add(f32x4.mul(keep, loadUpTo(runningMean + at, rest)), mean), rest);
    storeUpTo(runningVariance + at, f32x4.add(f32x4.mul(keep, loadUpTo(runningVariance + at, rest)), variance), rest);
  }
}
