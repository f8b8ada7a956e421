// What batch normalisation needs beside standardize.ts: evaluation with given statistics and the step of the running ones.
import { BatchNormInferenceParams, BatchNormUpdateParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { inverseRoot } from './standardize_rows';
import { FACTOR, FROM, LEVEL, ONES, scaleRun, ZEROS } from './standardize_runs';
import { first, last } from './walk';

/** y = (x - mean) / √(variance + eps) · weight + bias. Operands: x, mean, variance, weight, bias, y. Units are blocks. */
export function batch_norm_inference_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<BatchNormInferenceParams>(params);
  const channels = <i32>p.channels;
  const plane = <i32>p.plane;
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; ) {
    const item = i / plane;
    const x = operand(o, 0) + (<usize>i << 2);
    const y = operand(o, 5) + (<usize>i << 2);
    const channel = item % channels;
    const from = operand(o, 1) + (<usize>channel << 2);
    const spread = operand(o, 2) + (<usize>channel << 2);
    const weight = operand(o, 3) + (<usize>channel << 2);
    const bias = operand(o, 4) + (<usize>channel << 2);
    if (plane > 1) {
      const count = min((item + 1) * plane, stop) - i;
      let factor = inverseRoot(v128.load32_splat(spread), p.eps);
      if (p.hasWeight) factor = f32x4.mul(factor, v128.load32_splat(weight));
      const level = p.hasBias ? v128.load32_splat(bias) : splat(0.0);
      v128.store(scratch, v128.load32_splat(from), FROM);
      v128.store(scratch, factor, FACTOR);
      v128.store(scratch, level, LEVEL);
      scaleRun(x, y, count, ONES, 0, ZEROS, 0, scratch);
      i += count;
      continue;
    }
    const count = min(channels - channel, stop - i);
    for (let k = 0; k < count; k += 4) {
      const at = <usize>k << 2;
      const rest = count - k;
      let v = f32x4.sub(loadUpTo(x + at, rest), loadUpTo(from + at, rest));
      v = f32x4.mul(v, inverseRoot(loadUpTo(spread + at, rest), p.eps));
      if (p.hasWeight) v = f32x4.mul(v, loadUpTo(weight + at, rest));
      if (p.hasBias) v = f32x4.add(v, loadUpTo(bias + at, rest));
      storeUpTo(y + at, v, rest);
    }
    i += count;
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
