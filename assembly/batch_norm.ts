// What batch normalisation needs beside standardize.ts: evaluation with given statistics and the step of the running ones.
import { BatchNormInferenceParams, BatchNormUpdateParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { scaleRun } from './standardize';
import { first, last } from './walk';

/**
 * y = (x - mean) / √(variance + eps) · weight + bias. Operands: x, mean, variance, weight, bias, y. Units are planes, or
 * batch items, with a channel per element, where planes are single elements. Scratch: mean, 0.
 */
export function batch_norm_inference_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<BatchNormInferenceParams>(params);
  const channels = <i32>p.channels;
  const plane = <i32>p.plane;
  const x = operand(o, 0);
  const y = operand(o, 5);
  if (plane > 1) {
    for (let unit = begin; unit < end; unit++) {
      const at = (<usize>unit * plane) << 2;
      const channel = <usize>(unit % channels) << 2;
      const root = <f32>1.0 / sqrt<f32>(load<f32>(operand(o, 2) + channel) + p.eps);
      store<f32>(scratch, load<f32>(operand(o, 1) + channel));
      store<f32>(scratch, 0.0, 4);
      const weight = p.hasWeight ? operand(o, 3) + channel : 0;
      scaleRun(x + at, y + at, plane, scratch, root, weight, p.hasBias ? operand(o, 4) + channel : 0, false);
    }
    return;
  }
  const eps = splat(p.eps);
  for (let unit = begin; unit < end; unit++) {
    const skip = (<usize>unit * channels) << 2;
    for (let i = 0; i < channels; i += 4) {
      const at = <usize>i << 2;
      const rest = channels - i;
      let v = f32x4.sub(loadUpTo(x + skip + at, rest), loadUpTo(operand(o, 1) + at, rest));
      v = f32x4.div(v, f32x4.sqrt(f32x4.add(loadUpTo(operand(o, 2) + at, rest), eps)));
      if (p.hasWeight) v = f32x4.mul(v, loadUpTo(operand(o, 3) + at, rest));
      if (p.hasBias) v = f32x4.add(v, loadUpTo(operand(o, 4) + at, rest));
      storeUpTo(y + skip + at, v, rest);
    }
  }
}

/** Operands: running mean, running variance, mean, variance, hyper [momentum]. Units are blocks of 512 elements. */
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
