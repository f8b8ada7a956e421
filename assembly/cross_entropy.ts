// Cross-entropy of logits [rows, classes] against labels [rows].
import { CrossEntropyParams, CrossEntropySumParams } from '../build/params';
import { operand, splat, sumLanes } from './simd';
import { logOf, rowMax, sumPowers } from './softmax';

/**
 * losses [rows] = ln Σ e^(x - max) + max - x[label]. Operands: logits, labels, losses, fault. A label outside the classes
 * gives 0 and leaves [faultId, row, label] in the fault words if they are free. Units are rows.
 */
export function cross_entropy_rows_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  for (let row = begin; row < end; row++) {
    const x = operand(o, 0) + ((row * classes) << 2);
    const label = load<i32>(operand(o, 1) + (row << 2));
    let loss: f32 = 0.0;
    if (label < 0 || label >= classes) {
      const fault = operand(o, 3);
      if (load<u32>(fault) == 0) {
        store<u32>(fault, p.faultId);
        store<u32>(fault, row, 4);
        store<i32>(fault, label, 8);
      }
    } else {
      const top = rowMax(x, classes);
      loss = logOf(sumPowers(x, 0, classes, top)) + (top - load<f32>(x + (label << 2)));
    }
    store<f32>(operand(o, 2) + (row << 2), loss);
  }
}

/** y = scale Σ losses. One unit. */
export function cross_entropy_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropySumParams>(params);
  const losses = operand(o, 0);
  const rows = <i32>p.rows;
  let i = 0;
  let sums = splat(0.0);
  for (; i + 4 <= rows; i += 4) sums = f32x4.add(sums, v128.load(losses + (i << 2)));
  let total = sumLanes(sums);
  for (; i < rows; i++) total += load<f32>(losses + (i << 2));
  store<f32>(operand(o, 1), total * p.scale);
}

/** dlogits = dy scale (softmax(logits) - onehot(label)); zero for a label outside the classes. Units are rows. */
export function cross_entropy_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropySumParams>(params);
  const classes = <i32>p.classes;
  const scale = load<f32>(operand(o, 2)) * p.scale;
  for (let row = begin; row < end; row++) {
    const x = operand(o, 0) + ((row * classes) << 2);
    const dx = operand(o, 3) + ((row * classes) << 2);
    const label = load<i32>(operand(o, 1) + (row << 2));
    if (label < 0 || label >= classes) {
      memory.fill(dx, 0, classes << 2);
      continue;
    }
    const share = scale / sumPowers(x, dx, classes, rowMax(x, classes));
    for (let i = 0; i < classes; i++) store<f32>(dx + (i << 2), load<f32>(dx + (i << 2)) * share);
    store<f32>(dx + (label << 2), load<f32>(dx + (label << 2)) - scale);
  }
}
