// What batch normalisation needs beside standardize.ts: evaluation with given statistics and the step of the running ones.
import { BatchNormInferenceParams, BatchNormUpdateParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { first, last } from './walk';

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
  for (let unit = begin; unit < end; unit++) {
    const skip = (<usize>unit * count) << 2;
    const channel = single ? 0 : <usize>(unit % channels) << 2;
    for (let i = 0; i < count; i += 4) {
      const at = <usize>i << 2;
      const rest = count - i;
      const from = single ? at : channel;
      const mean = single ? loadUpTo(operand(o, 1) + from, rest) : v128.load32_splat(operand(o, 1) + from);
      const variance = single ? loadUpTo(operand(o, 2) + from, rest) : v128.load32_splat(operand(o, 2) + from);
      let factor = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, eps)));
      if (p.hasWeight) {
        const weight = single ? loadUpTo(operand(o, 3) + from, rest) : v128.load32_splat(operand(o, 3) + from);
        factor = f32x4.mul(factor, weight);
      }
      let y = f32x4.mul(f32x4.sub(loadUpTo(operand(o, 0) + skip + at, rest), mean), factor);
      if (p.hasBias) {
        const bias = single ? loadUpTo(operand(o, 4) + from, rest) : v128.load32_splat(operand(o, 4) + from);
        y = f32x4.add(y, bias);
      }
      storeUpTo(operand(o, 5) + skip + at, y, rest);
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
