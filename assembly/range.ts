// Tensors that are counted. Units are blocks of 512 elements.
import { EyeParams, RangeParams } from '../build/params';
import { operand } from './simd';
import { first, last } from './walk';

/** y[i] = start + i step before element `half`, end - (size - 1 - i) step from there on. */
export function range_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<RangeParams>(params);
  const y = operand(o, 0);
  const size = <i32>p.size;
  const stop = last(end, size);
  let i = first(begin);
  const turn = min(<i32>p.half, stop);
  for (; i < turn; i++) store<f32>(y + (i << 2), p.start + <f32>i * p.step);
  for (; i < stop; i++) store<f32>(y + (i << 2), p.end - <f32>(size - 1 - i) * p.step);
}

/** y[i] = start + i step. */
export function range_i32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<RangeParams>(params);
  const y = operand(o, 0);
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; i++) store<i32>(y + (i << 2), p.startWhole + i * p.stepWhole);
}

/** y = word where row and column are equal, 0 elsewhere. */
export function eye(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<EyeParams>(params);
  const y = operand(o, 0);
  const columns = <i32>p.columns;
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; i++) {
    const row = i / columns;
    store<u32>(y + (i << 2), row == i - row * columns ? p.word : 0);
  }
}
