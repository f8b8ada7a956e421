// Layers of recurrent cells over sequences [steps, batch, ..]. A unit is a slice of 4 sequences, which one thread takes
// through all steps; the state stays in scratch. The hidden weight comes packed into panels of 8 columns
// (matmul_pack_b_f32), so that a step's product is that of matmul: 4 rows by 8 columns in registers.
import { LengthsParams, RecurrentParams } from '../build/params';
import { reportFault } from './fault';
import { gruRow, gruRowBackward, lstmRow, lstmRowBackward, rnnRow, rnnRowBackward } from './gates';
import { operand } from './simd';
import { multiplyPacked } from './tile';

/** Sequences of a slice; src/ops/recurrent_sequence.ts plans with the same number. */
const ROWS: i32 = 4;

const RNN: i32 = 1;
const GRU: i32 = 3;
const LSTM: i32 = 4;

/** How many steps of sequence b count. */
// @ts-ignore: decorator
@inline
function lengthOf(lengths: usize, b: i32, steps: i32): i32 {
  return lengths ? min(load<i32>(lengths + (b << 2)), steps) : steps;
}

// @ts-ignore: decorator
@inline
function rowOf(data: usize, index: i32, width: i32): usize {
  return data + ((index * width) << 2);
}

// @ts-ignore: decorator
@inline
function copyRow(to: usize, from: usize, width: i32): void {
  memory.copy(to, from, width << 2);
}

// @ts-ignore: decorator
@inline
function clearRow(to: usize, width: i32): void {
  memory.fill(to, 0, width << 2);
}

/** Row r of `rows` as a column of the packed left operand [width, rows]. */
function pack(from: usize, to: usize, width: i32, r: i32, rows: i32): void {
  for (let k = 0; k < width; k++) store<f32>(to + ((k * rows + r) << 2), load<f32>(from + (k << 2)));
}

/** Rows [rows, wide] = or += the packed left operand [depth, rows] times all panels; wide is a multiple of 8. */
function multiplyRows(rows: i32, depth: i32, packed: usize, panels: usize, to: usize, wide: i32, more: bool): void {
  for (let column = 0; column < wide; column += 8) {
    multiplyPacked(rows, depth, packed, panels + ((column * depth) << 2), to + (column << 2), wide << 2, 0, more);
  }
}

/**
 * Operands: projected, panels, bias, h0, c0, lengths, y, hn, cn, kept, cells; those that a kind has not are 0. `gates`
 * says which kind. Scratch: sums [4, wide], h [4, hidden], c [4, hidden], packed [hidden, 4].
 */
function sequence(gates: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<RecurrentParams>(params);
  const steps = <i32>p.steps;
  const batch = <i32>p.batch;
  const hidden = <i32>p.hidden;
  const width = gates * hidden;
  const wide = (width + 7) & ~7;
  const h = scratch + ((ROWS * wide) << 2);
  const c = h + ((ROWS * hidden) << 2);
  const packed = c + ((ROWS * hidden) << 2);
  for (let unit = begin; unit < end; unit++) {
    const first = unit * ROWS;
    const rows = min(ROWS, batch - first);
    copyRow(h, rowOf(operand(o, 3), first, hidden), rows * hidden);
    if (gates == LSTM) copyRow(c, rowOf(operand(o, 4), first, hidden), rows * hidden);
    for (let k = 0; k < steps; k++) {
      const t = p.reverse ? steps - 1 - k : k;
      for (let r = 0; r < rows; r++) {
        const sums = rowOf(scratch, r, wide);
        pack(rowOf(h, r, hidden), packed, hidden, r, rows);
        if (gates != GRU) copyRow(sums, rowOf(operand(o, 0), t * batch + first + r, width), width);
        else if (operand(o, 2)) copyRow(sums, operand(o, 2), width);
        else clearRow(sums, width);
      }
      multiplyRows(rows, hidden, packed, operand(o, 1), scratch, wide, true);
      for (let r = 0; r < rows; r++) {
        const ended = t >= lengthOf(operand(o, 5), first + r, steps);
        stepRow(gates, o, p.relu != 0, ended, t * batch + first + r, hidden, rowOf(scratch, r, wide), rowOf(h, r, hidden), rowOf(c, r, hidden));
      }
    }
    copyRow(rowOf(operand(o, 7), first, hidden), h, rows * hidden);
    if (gates == LSTM) copyRow(rowOf(operand(o, 8), first, hidden), c, rows * hidden);
  }
}

/** One step of one sequence, from its sums: the new states in h and c, and everything that is kept. */
function stepRow(gates: i32, o: usize, relu: bool, ended: bool, index: i32, hidden: i32, sums: usize, h: usize, c: usize): void {
  const y = rowOf(operand(o, 6), index, hidden);
  const kept = rowOf(operand(o, 9), index, 4 * hidden);
  const cell = rowOf(operand(o, 10), index, hidden);
  if (ended) {
    clearRow(y, hidden);
    if (gates != RNN) clearRow(kept, 4 * hidden);
    if (gates == LSTM) clearRow(cell, hidden);
    return;
  }
  if (gates == LSTM) {
    copyRow(cell, c, hidden);
    lstmRow(sums, c, kept, c, h, hidden);
  } else if (gates == GRU) {
    gruRow(rowOf(operand(o, 0), index, 3 * hidden), sums, h, kept, h, hidden);
  } else {
    rnnRow(sums, h, hidden, relu);
  }
  copyRow(y, h, hidden);
}

export function rnn_sequence_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequence(RNN, o, p, s, begin, end); }
export function lstm_sequence_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequence(LSTM, o, p, s, begin, end); }
export function gru_sequence_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequence(GRU, o, p, s, begin, end); }

/**
 * Operands: dy, dhn, dcn, panels (of the weight itself), h0, y, kept, cells, lengths, dprojected, dhidden, dh0, dc0,
 * previous; those that a kind has not are 0. Scratch: through [4, wide], dh, dc, dh with dy [4, hidden] each, packed
 * [gates hidden, 4].
 */
function sequenceBackward(gates: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<RecurrentParams>(params);
  const steps = <i32>p.steps;
  const batch = <i32>p.batch;
  const hidden = <i32>p.hidden;
  const width = gates * hidden;
  const wide = (hidden + 7) & ~7;
  const dh = scratch + ((ROWS * wide) << 2);
  const dc = dh + ((ROWS * hidden) << 2);
  const outer = dc + ((ROWS * hidden) << 2);
  const packed = outer + ((ROWS * hidden) << 2);
  for (let unit = begin; unit < end; unit++) {
    const first = unit * ROWS;
    const rows = min(ROWS, batch - first);
    copyRow(dh, rowOf(operand(o, 1), first, hidden), rows * hidden);
    if (gates == LSTM) copyRow(dc, rowOf(operand(o, 2), first, hidden), rows * hidden);
    for (let k = 0; k < steps; k++) {
      const t = p.reverse ? k : steps - 1 - k;
      for (let r = 0; r < rows; r++) {
        const count = lengthOf(operand(o, 8), first + r, steps);
        stepRowBackward(gates, o, p, t, count, first + r, rowOf(dh, r, hidden), rowOf(dc, r, hidden), rowOf(outer, r, hidden));
        // What goes back by way of the weight; nothing where the sequence has ended.
        pack(rowOf(operand(o, gates == GRU ? 10 : 9), t * batch + first + r, width), packed, width, r, rows);
      }
      multiplyRows(rows, width, packed, operand(o, 3), scratch, wide, false);
      for (let r = 0; r < rows; r++) {
        if (t < lengthOf(operand(o, 8), first + r, steps)) addRow(rowOf(dh, r, hidden), rowOf(scratch, r, wide), hidden);
      }
    }
    copyRow(rowOf(operand(o, 11), first, hidden), dh, rows * hidden);
    if (gates == LSTM) copyRow(rowOf(operand(o, 12), first, hidden), dc, rows * hidden);
  }
}

/** y += x. */
function addRow(y: usize, x: usize, width: i32): void {
  let i = 0;
  for (; i + 4 <= width; i += 4) v128.store(y + (i << 2), f32x4.add(v128.load(y + (i << 2)), v128.load(x + (i << 2))));
  for (; i < width; i++) store<f32>(y + (i << 2), load<f32>(y + (i << 2)) + load<f32>(x + (i << 2)));
}

/** Step t of sequence b: the gates' gradients, dc before the step, and the part of dh that does not come by the weight. */
function stepRowBackward(gates: i32, o: usize, p: RecurrentParams, t: i32, count: i32, b: i32, dh: usize, dc: usize, outer: usize): void {
  const batch = <i32>p.batch;
  const hidden = <i32>p.hidden;
  const index = t * batch + b;
  const dprojected = rowOf(operand(o, 9), index, gates * hidden);
  const dhidden = rowOf(operand(o, 10), index, gates * hidden);
  const previous = rowOf(operand(o, 13), index, hidden);
  if (t >= count) {
    clearRow(dprojected, gates * hidden);
    if (gates == GRU) clearRow(dhidden, gates * hidden);
    clearRow(previous, hidden);
    return;
  }
  const before = p.reverse ? t + 1 : t - 1;
  const inside = p.reverse ? before < count : before >= 0;
  copyRow(previous, inside ? rowOf(operand(o, 5), before * batch + b, hidden) : rowOf(operand(o, 4), b, hidden), hidden);
  copyRow(outer, dh, hidden);
  addRow(outer, rowOf(operand(o, 0), index, hidden), hidden);
  const kept = rowOf(operand(o, 6), index, 4 * hidden);
  if (gates == GRU) {
    gruRowBackward(kept, previous, outer, dprojected, dhidden, dh, hidden);
    return;
  }
  clearRow(dh, hidden);
  if (gates == LSTM) {
    lstmRowBackward(kept, false, rowOf(operand(o, 7), index, hidden), outer, dc, dprojected, dc, hidden);
  } else {
    rnnRowBackward(rowOf(operand(o, 5), index, hidden), outer, dprojected, hidden, p.relu != 0);
  }
}

export function rnn_sequence_backward_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequenceBackward(RNN, o, p, s, begin, end); }
export function lstm_sequence_backward_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequenceBackward(LSTM, o, p, s, begin, end); }
export function gru_sequence_backward_f32__slices(o: usize, p: usize, s: usize, begin: i32, end: i32): void { sequenceBackward(GRU, o, p, s, begin, end); }

/** A length outside 1..steps leaves [faultId, b, length] in the fault words if they are free. One unit. */
export function sequence_lengths_i32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<LengthsParams>(params);
  for (let b = 0; b < <i32>p.batch; b++) {
    const length = load<i32>(operand(o, 0) + (b << 2));
    if (length < 1 || length > <i32>p.steps) reportFault(operand(o, 1), p.faultId, b, length);
  }
}
