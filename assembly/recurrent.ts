// Layers of recurrent cells over sequences [steps, batch, ..]. A launch is one step. A unit is some rows of the batch by some
// panels of 8 columns of the state: first the product of the state (backward: of the gates' gradients) with the hidden
// weight, whose panels (matmul_pack_b_f32) serve all steps, by the tiles of assembly/matmul.ts; then, while the sums are in
// the cache, the gates of each row. What a unit reads of other units, the step before wrote.
import { LengthsParams, SequenceParams } from '../build/params';
import { reportFault } from './fault';
import { addRows, copyRow, gruGates, gruRowBackward, gruState, lstmGates, lstmRow, lstmRowBackward, multiplyRows, reluRow, rnnRowBackward, tanhRow } from './gates';
import { multiplyRow } from './matmul_row';
import { multiplyPanels } from './matmul_tile';
import { operand } from './simd';
import { blockOf } from './tile';

/** The depth of a block of the product. */
const DEPTH: i32 = 512;

const RNN: i32 = 1;
const GRU: i32 = 3;
const LSTM: i32 = 4;

/** How many steps of sequence b count. */
// @ts-ignore: decorator
@inline
function lengthOf(lengths: usize, b: i32, steps: i32): i32 {
  return lengths ? min(load<i32>(lengths + (b << 2)), steps) : steps;
}

/** Element `at` of operand number `index`. */
// @ts-ignore: decorator
@inline
function element(o: usize, index: usize, at: i32): usize {
  return operand(o, index) + (at << 2);
}

/** `parts` rows of zeros, `step` bytes from each other. */
function clearRows(to: usize, parts: i32, step: usize, columns: i32): void {
  for (; parts > 0; parts--) {
    memory.fill(to, 0, columns << 2);
    to += step;
  }
}

/** sums [rows, 8 panels] = rows [rows, depth] times panels [depth, 8]. */
function multiply(rows: i32, most: i32, depth: i32, from: usize, panels: i32, first: usize, sums: usize): void {
  const block = blockOf(depth, DEPTH);
  const stride = <usize>panels << 5;
  for (let start = 0; start < depth; start += block) {
    const length = min(block, depth - start);
    for (let row = 0; row < rows; ) {
      const tiles = (rows - row + most - 1) / most;
      const height = (rows - row + tiles - 1) / tiles;
      const to = sums + row * stride;
      const left = from + ((row * depth + start) << 2);
      const right = first + (start << 5);
      if (height < 3) {
        multiplyRow(most, length, left, right, depth << 5, panels, to, start > 0);
        row++;
      } else {
        multiplyPanels(height, length, left, depth << 2, 0, right, 32, depth << 5, panels, to, stride, start ? to : 0, start ? stride : 0);
        row += height;
      }
    }
  }
}

/**
 * Step number `step` of the walk. Operands: projected, panels [gates, ⌈hidden / 8⌉, hidden, 8], bias, lengths, h and c
 * before, y, h, c, kept, cells; those that a kind has not are 0. Scratch: sums [gates, rows, 8 panels], and a row.
 */
function forward(gates: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<SequenceParams>(params);
  const hidden = <i32>p.hidden;
  const all = (hidden + 7) >> 3;
  const down = (<i32>p.batch + <i32>p.rows - 1) / <i32>p.rows;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / down;
    const first = (unit - group * down) * <i32>p.rows;
    const rows = min(<i32>p.rows, <i32>p.batch - first);
    const panel = group * <i32>p.panels;
    const panels = min(<i32>p.panels, all - panel);
    const apart = (rows * panels) << 5;
    for (let k = 0; k < gates; k++) {
      multiply(rows, p.tile, hidden, element(o, 4, first * hidden), panels, element(o, 1, ((k * all + panel) * hidden) << 3), scratch + k * apart);
    }
    const column = panel << 3;
    const columns = min(panels << 3, hidden - column);
    for (let row = 0; row < rows; row++) {
      forwardRow(gates, o, p, first + row, column, columns, scratch + ((row * panels) << 5), apart, scratch + gates * apart);
    }
  }
}

/** Sequence b from its sums, some columns: the states, and everything that is kept. `t` has room for a row. */
function forwardRow(gates: i32, o: usize, p: SequenceParams, b: i32, column: i32, columns: i32, sums: usize, apart: usize, t: usize): void {
  const hidden = <i32>p.hidden;
  const step = <usize>hidden << 2;
  const time: i32 = p.reverse ? p.steps - 1 - p.step : p.step;
  const index = time * <i32>p.batch + b;
  const at = b * hidden + column;
  const here = index * hidden + column;
  const y = element(o, 6, here);
  const h = element(o, 7, at);
  const c = element(o, 8, at);
  const kept = element(o, 9, (index << 2) * hidden + column);
  if (time >= lengthOf(operand(o, 3), b, p.steps)) {
    copyRow(h, element(o, 4, at), columns);
    if (gates == LSTM) copyRow(c, element(o, 5, at), columns);
    if (p.steps == 0) return;
    clearRows(y, 1, 0, columns);
    if (gates != RNN) clearRows(kept, 4, step, columns);
    if (gates == LSTM) clearRows(element(o, 10, here), 1, 0, columns);
    return;
  }
  const projected = element(o, 0, gates * index * hidden + column);
  if (gates == LSTM) {
    const before = element(o, 5, at);
    for (let k = 0; k < 4; k++) addRows(kept + k * step, projected + k * step, sums + k * apart, columns);
    lstmGates(kept, step, columns);
    copyRow(element(o, 10, here), before, columns);
    lstmRow(kept, step, before, c, columns);
    copyRow(t, c, columns);
    tanhRow(t, columns);
    multiplyRows(h, kept + 3 * step, t, columns);
  } else if (gates == GRU) {
    if (operand(o, 2)) {
      for (let k = 0; k < 3; k++) addRows(sums + k * apart, sums + k * apart, element(o, 2, k * hidden + column), columns);
    }
    gruGates(projected, step, sums, apart, kept, step, columns);
    gruState(kept + step, kept + 2 * step, element(o, 4, at), h, columns);
  } else {
    addRows(h, projected, sums, columns);
    if (p.relu) reluRow(h, columns);
    else tanhRow(h, columns);
  }
  copyRow(y, h, columns);
}

export function rnn_sequence_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forward(RNN, o, p, s, begin, end); }
export function lstm_sequence_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forward(LSTM, o, p, s, begin, end); }
export function gru_sequence_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forward(GRU, o, p, s, begin, end); }

/**
 * Step number `step` of the walk back, of steps + 1: the last only takes what the step before it gives to h. Operands: dy,
 * panels of the weight itself [⌈hidden / 8⌉, gates hidden, 8], h0, y, kept, cells, lengths, dh and dc after, dh, dc,
 * dprojected, dhidden, previous; those that a kind has not are 0. Scratch: sums [rows, 8 panels], and a row.
 */
function backward(gates: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<SequenceParams>(params);
  const hidden = <i32>p.hidden;
  const depth = gates * hidden;
  const down = (<i32>p.batch + <i32>p.rows - 1) / <i32>p.rows;
  const after = p.reverse ? p.step - 1 : p.steps - p.step;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / down;
    const first = (unit - group * down) * <i32>p.rows;
    const rows = min(<i32>p.rows, <i32>p.batch - first);
    const panel = group * <i32>p.panels;
    const panels = min(<i32>p.panels, ((hidden + 7) >> 3) - panel);
    if (p.step > 0) {
      const gradients = element(o, gates == GRU ? 12 : 11, (after * <i32>p.batch + first) * depth);
      multiply(rows, p.tile, depth, gradients, panels, element(o, 1, (panel * depth) << 3), scratch);
    }
    const column = panel << 3;
    const columns = min(panels << 3, hidden - column);
    for (let row = 0; row < rows; row++) {
      backwardRow(gates, o, p, first + row, column, columns, scratch + ((row * panels) << 5), scratch + ((rows * panels) << 5));
    }
  }
}

/** Sequence b from its sums, some columns: the gates' gradients, and those of the states as far as they come not by the weight. */
function backwardRow(gates: i32, o: usize, p: SequenceParams, b: i32, column: i32, columns: i32, sums: usize, t: usize): void {
  const steps = <i32>p.steps;
  const hidden = <i32>p.hidden;
  const step = <usize>hidden << 2;
  const time: i32 = p.reverse ? p.step : steps - 1 - p.step;
  const length = lengthOf(operand(o, 6), b, steps);
  const index = time * <i32>p.batch + b;
  const at = b * hidden + column;
  const here = index * hidden + column;
  const wide = index * gates * hidden + column;
  const after = element(o, 7, at);
  const dcAfter = element(o, 8, at);
  const dh = element(o, 9, at);
  const dc = element(o, 10, at);
  const dprojected = element(o, 11, wide);
  const dhidden = element(o, 12, wide);
  const previous = element(o, 13, here);
  if (p.step > 0) addRows(sums, sums, after, columns);
  else copyRow(sums, after, columns);
  if (<i32>p.step == steps || time >= length) {
    copyRow(dh, sums, columns);
    if (gates == LSTM) copyRow(dc, dcAfter, columns);
    if (<i32>p.step == steps) return;
    clearRows(dprojected, gates, step, columns);
    if (gates == GRU) clearRows(dhidden, gates, step, columns);
    clearRows(previous, 1, 0, columns);
    return;
  }
  const before = p.reverse ? time + 1 : time - 1;
  const inside = p.reverse ? before < length : before >= 0;
  copyRow(previous, inside ? element(o, 3, (before - time) * <i32>p.batch * hidden + here) : element(o, 2, at), columns);
  addRows(sums, sums, element(o, 0, here), columns);
  const kept = element(o, 4, (index << 2) * hidden + column);
  if (gates == GRU) {
    gruRowBackward(kept, step, previous, sums, dprojected, dhidden, step, dh, columns);
    return;
  }
  if (gates == LSTM) {
    const c = element(o, 5, here);
    lstmRow(kept, step, c, t, columns);
    tanhRow(t, columns);
    lstmRowBackward(kept, step, t, c, sums, dcAfter, dprojected, step, dc, columns);
  } else {
    rnnRowBackward(element(o, 3, here), sums, dprojected, columns, p.relu != 0);
  }
  clearRows(dh, 1, 0, columns);
}

export function rnn_sequence_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward(RNN, o, p, s, begin, end); }
export function lstm_sequence_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward(LSTM, o, p, s, begin, end); }
export function gru_sequence_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward(GRU, o, p, s, begin, end); }

/** A length outside 1..steps leaves [faultId, b, length] in the fault words if they are free. One unit. */
export function sequence_lengths_i32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LengthsParams>(params);
  for (let b = 0; b < <i32>p.batch; b++) {
    const length = load<i32>(operand(o, 0) + (b << 2));
    if (length < 1 || length > <i32>p.steps) reportFault(operand(o, 1), p.faultId, b, length);
  }
}
