// Softmax of masked, scaled scores along the last axis. Units are rows.
import { MaskedSoftmaxParams } from '../build/params';
import { operand, splat } from './simd';
import { rowMax, scaleRow, sumPowers } from './softmax_row';
import { offsetOf } from './walk';

/** Offset, in elements, of a row's first mask element. */
function maskStart(row: i32, params: usize): i32 {
  const shape = params + offsetof<MaskedSoftmaxParams>('shape0');
  const strides = params + offsetof<MaskedSoftmaxParams>('maskStrides0');
  return offsetOf(row, <i32>changetype<MaskedSoftmaxParams>(params).rank, shape, strides);
}

/** terms = scale x, plus a mask of numbers, minus infinity where a mask of truths or the future hides. */
function terms(x: usize, mask: usize, p: MaskedSoftmaxParams, to: usize, seen: i32): void {
  const count = <i32>p.length;
  const scale = splat(p.scale);
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (i << 2), f32x4.mul(v128.load(x + (i << 2)), scale));
  for (; i < count; i++) store<f32>(to + (i << 2), load<f32>(x + (i << 2)) * p.scale);
  const step = <usize>p.maskStep << 2;
  if (p.mask == 1) {
    for (i = 0; i < count; i++) if (!load<u32>(mask + i * step)) store<f32>(to + (i << 2), -<f32>Infinity);
  } else if (p.mask == 2) {
    for (i = 0; i < count; i++) store<f32>(to + (i << 2), load<f32>(to + (i << 2)) + load<f32>(mask + i * step));
  }
  for (i = seen; i < count; i++) store<f32>(to + (i << 2), -<f32>Infinity);
}

/** Whether all terms are minus infinity. Their maximum is that too where the others are NaN. */
function isHidden(terms: usize, count: i32): bool {
  for (let i = 0; i < count; i++) if (load<f32>(terms + (i << 2)) != -<f32>Infinity) return false;
  return true;
}

/** y = e^(t - max) / Σ e^(t - max); a row that a mask hides as a whole is 0. Scratch holds a row. */
export function masked_softmax_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<MaskedSoftmaxParams>(params);
  const count = <i32>p.length;
  const masks = p.mask != 0 || p.causal != 0;
  for (let row = begin; row < end; row++) {
    const y = operand(o, 2) + ((row * count) << 2);
    const seen = p.causal ? min(count, row % <i32>p.queries + 1) : count;
    terms(operand(o, 0) + ((row * count) << 2), operand(o, 1) + (maskStart(row, params) << 2), p, scratch, seen);
    const top = rowMax(scratch, count);
    if (masks && top == -<f32>Infinity && isHidden(scratch, count)) {
      memory.fill(y, 0, count << 2);
      continue;
    }
    scaleRow(y, count, <f32>0.5 / sumPowers(scratch, y, count, top), 0.0);
  }
}
