// One-hot rows of labels.
import { OneHotParams } from '../build/params';
import { reportFault } from './fault';
import { operand } from './simd';

/** y[i, c] = 1 where labels[i] = c, else 0. Operands: labels, y, fault. Units are labels. */
export function one_hot(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<OneHotParams>(params);
  const classes = p.classes;
  for (let i = begin; i < end; i++) {
    const label = load<u32>(operand(o, 0) + (i << 2));
    const row = operand(o, 1) + ((i * classes) << 2);
    memory.fill(row, 0, classes << 2);
    if (label < classes) store<u32>(row + (label << 2), p.one);
    else reportFault(operand(o, 2), p.faultId, i, label);
  }
}
