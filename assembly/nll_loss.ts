// Negative log-likelihood of labels, and the weights of labels.
import { CrossEntropyParams } from '../build/params';
import { counts, rowStart, weightOf } from './cross_entropy';
import { operand } from './simd';

/**
 * losses = -w[label] x[label], weights = w[label], both 0 for ignored labels. Operands: x, labels, weight, losses, weights,
 * fault. Units are rows.
 */
export function nll_loss_rows_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const step = <usize>p.inner << 2;
  for (let row = begin; row < end; row++) {
    const label = load<i32>(operand(o, 1) + (row << 2));
    let loss: f32 = 0.0;
    let own: f32 = 0.0;
    if (counts(label, row, p, operand(o, 5))) {
      own = weightOf(label, operand(o, 2), p);
      loss = -own * load<f32>(operand(o, 0) + rowStart(row, p) + label * step);
    }
    store<f32>(operand(o, 3) + (row << 2), loss);
    store<f32>(operand(o, 4) + (row << 2), own);
  }
}

/** total = Σ w[label]. Operands: labels, weight, total. One unit. */
export function label_weights_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const rows = <i32>p.rows;
  let total: f32 = 0.0;
  for (let row = 0; row < rows; row++) {
    const label = load<i32>(operand(o, 0) + (row << 2));
    if (counts(label, row, p, 0)) total += weightOf(label, operand(o, 1), p);
  }
  store<f32>(operand(o, 2), total);
}

/**
 * dx = -dy w[label] at the label, divided by the total weight where that is counted, 0 elsewhere. Operands: labels, weight,
 * dy, total, dx. Units are rows.
 */
export function nll_loss_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CrossEntropyParams>(params);
  const classes = <i32>p.classes;
  const step = <usize>p.inner << 2;
  for (let row = begin; row < end; row++) {
    const dx = operand(o, 4) + rowStart(row, p);
    for (let c = 0; c < classes; c++) store<f32>(dx + c * step, 0.0);
    const label = load<i32>(operand(o, 0) + (row << 2));
    if (!counts(label, row, p, 0)) continue;
    let g = -load<f32>(operand(o, 2) + (p.moves ? row << 2 : 0));
    if (p.counted) g /= load<f32>(operand(o, 3));
    store<f32>(dx + label * step, g * weightOf(label, operand(o, 1), p));
  }
}
