// The pointwise parts of LSTM and GRU cells and their gradients. Units are rows of the batch. Scratch holds five parts of a
// row: the gates after their functions, and what more a cell needs.
import { GatesParams } from '../build/params';
import { addRows, copyRow, gruGates, gruRowBackward, gruState, lstmGates, lstmRow, lstmRowBackward, multiplyRows, tanhRow } from './gates';
import { operand } from './simd';

/** Row `row` of operand number `index`, rows of `width` elements. */
// @ts-ignore: decorator
@inline
function rowOf(o: usize, index: usize, row: i32, width: i32): usize {
  return operand(o, index) + ((row * width) << 2);
}

/** i, f, g, o, c' and tanh c' of a row in scratch. */
function openLstm(pre: usize, c: usize, next: usize, scratch: usize, h: i32): void {
  const part = <usize>h << 2;
  const t = scratch + 4 * part;
  copyRow(scratch, pre, 4 * h);
  lstmGates(scratch, part, h);
  lstmRow(scratch, part, c, t, h);
  if (next) copyRow(next, t, h);
  tanhRow(t, h);
}

export function lstm_gates_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  const part = <usize>h << 2;
  for (let row = begin; row < end; row++) {
    openLstm(rowOf(o, 0, row, 4 * h), rowOf(o, 1, row, h), rowOf(o, 3, row, h), scratch, h);
    multiplyRows(rowOf(o, 2, row, h), scratch + 3 * part, scratch + 4 * part, h);
  }
}

export function lstm_gates_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  const part = <usize>h << 2;
  for (let row = begin; row < end; row++) {
    const c = rowOf(o, 1, row, h);
    openLstm(rowOf(o, 0, row, 4 * h), c, 0, scratch, h);
    lstmRowBackward(
      scratch, part, scratch + 4 * part, c, rowOf(o, 2, row, h), rowOf(o, 3, row, h),
      rowOf(o, 4, row, 4 * h), part, rowOf(o, 5, row, h), h,
    );
  }
}

export function gru_gates_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  const part = <usize>h << 2;
  for (let row = begin; row < end; row++) {
    gruGates(rowOf(o, 0, row, 3 * h), part, rowOf(o, 1, row, 3 * h), part, scratch, part, h);
    gruState(scratch + part, scratch + 2 * part, rowOf(o, 2, row, h), rowOf(o, 3, row, h), h);
  }
}

export function gru_gates_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const h = <i32>changetype<GatesParams>(params).hidden;
  const part = <usize>h << 2;
  for (let row = begin; row < end; row++) {
    gruGates(rowOf(o, 0, row, 3 * h), part, rowOf(o, 1, row, 3 * h), part, scratch, part, h);
    gruRowBackward(
      scratch, part, rowOf(o, 2, row, h), rowOf(o, 3, row, h),
      rowOf(o, 4, row, 3 * h), rowOf(o, 5, row, 3 * h), part, rowOf(o, 6, row, h), h,
    );
  }
}
