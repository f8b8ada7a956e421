// y = x on one side of a diagonal of each matrix and on it, 0 on the other; 32-bit words of any dtype. Units are blocks of
// 512 elements.
import { TriangleParams } from '../build/params';
import { operand } from './simd';
import { first, last } from './walk';

/** y may be x. */
export function triangle(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<TriangleParams>(params);
  const x = operand(o, 0);
  const y = operand(o, 1);
  const columns = <i32>p.columns;
  const stop = last(end, <i32>p.size);
  let i = first(begin);
  while (i < stop) {
    const row = i / columns;
    const column = i - row * columns;
    const until = min(columns, column + stop - i);
    const edge = (row % <i32>p.rows) + p.diagonal;
    // Columns from here on are on the other side.
    const turn = min(max(p.upper ? edge : edge + 1, column), until);
    const left = (row * columns + column) << 2;
    const right = (row * columns + turn) << 2;
    const leftBytes = (turn - column) << 2;
    const rightBytes = (until - turn) << 2;
    if (p.upper) {
      memory.fill(y + left, 0, leftBytes);
      memory.copy(y + right, x + right, rightBytes);
    } else {
      memory.copy(y + left, x + left, leftBytes);
      memory.fill(y + right, 0, rightBytes);
    }
    i += until - column;
  }
}
