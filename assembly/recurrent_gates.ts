// The pointwise parts of LSTM and GRU cells and their gradients. Units are rows of the batch.
import { GatesParams } from '../build/params';
import { gruRow, gruRowBackward, lstmRow, lstmRowBackward } from './gates';
import { operand } from './simd';

/** Row `row` of operand number `index`, rows of `width` elements. */
// @ts-ignore: decorator
@inline
function rowOf(o: usize, index: usize, row: i32, width: i32): usize {
  return operand(o, index) + ((row * width) << 2);
}

export function lstm_gates_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  for (let row = begin; row < end; row++) {
    lstmRow(rowOf(o, 0, row, 4 * h), rowOf(o, 1, row, h), 0, rowOf(o, 3, row, h), rowOf(o, 2, row, h), h);
  }
}

export function lstm_gates_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  for (let row = begin; row < end; row++) {
    lstmRowBackward(
      rowOf(o, 0, row, 4 * h), true, rowOf(o, 1, row, h), rowOf(o, 2, row, h), rowOf(o, 3, row, h),
      rowOf(o, 4, row, 4 * h), rowOf(o, 5, row, h), h,
    );
  }
}

export function gru_gates_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  for (let row = begin; row < end; row++) {
    gruRow(rowOf(o, 0, row, 3 * h), rowOf(o, 1, row, 3 * h), rowOf(o, 2, row, h), 0, rowOf(o, 3, row, h), h);
  }
}

/** Scratch holds r, z, n and m of a row, and a state that is not needed: 5 hidden. */
export function gru_gates_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  for (let row = begin; row < end; row++) {
    gruRow(rowOf(o, 0, row, 3 * h), rowOf(o, 1, row, 3 * h), rowOf(o, 2, row, h), scratch, scratch + ((4 * h) << 2), h);
    gruRowBackward(
      scratch, rowOf(o, 2, row, h), rowOf(o, 3, row, h),
      rowOf(o, 4, row, 3 * h), rowOf(o, 5, row, 3 * h), rowOf(o, 6, row, h), h,
    );
  }
}
