// Reads by index: gather, indexSelect, embedding. 32-bit words of any dtype.
import { GatherParams } from '../build/params';
import { reportFault } from './fault';
import { copyShort, SHORT } from './layout';
import { operand } from './simd';
import { first, last, rowOffset } from './walk';

/**
 * y[p] = x[p · xStrides + k axisStride] with k = index[p · indexStrides], for p in shape; an index outside the axis gives
 * 0 and a fault. Operands: x, index, y, fault. Units are blocks of 512 elements.
 */
export function gather__strided(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<GatherParams>(params);
  const index = operand(o, 1);
  const rank = <i32>p.rank;
  const shape = params + offsetof<GatherParams>('shape0');
  const indexStrides = params + offsetof<GatherParams>('indexStrides0');
  const xStrides = params + offsetof<GatherParams>('xStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const indexMove = load<i32>(indexStrides + axis);
  const xMove = load<i32>(xStrides + axis);
  const axisSize = p.axisSize;
  const axisMove = <usize>p.axisStride << 2;
  // Rows that lie evenly apart follow each other without a division.
  const rows = rank > 1 ? load<i32>(shape + axis - 4) : 1;
  const indexRow = load<i32>(indexStrides + axis - 4);
  const xRow = load<i32>(xStrides + axis - 4);
  // One index for a whole row, a row of neighbours: a copy.
  const whole = indexMove == 0 && xMove == 1;
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  let row = at / inner;
  let column = at - row * inner;
  while (at < stop) {
    let i = rowOffset(row, rank, shape, indexStrides) + column * indexMove;
    let x = rowOffset(row, rank, shape, xStrides) + column * xMove;
    for (let left = rows - row % rows; left > 0 && at < stop; left--) {
      const to = operand(o, 2) + (at << 2);
      const count = min(inner - column, stop - at);
      const step = whole ? count : 1;
      let from = operand(o, 0) + (x << 2);
      let own = index + (i << 2);
      for (let n = 0; n < count; n += step) {
        const k = load<u32>(own);
        const place = to + (n << 2);
        if (k >= axisSize) {
          reportFault(operand(o, 3), p.faultId, <i32>(own - index) >> 2, k);
          memory.fill(place, 0, step << 2);
        } else if (!whole) {
          store<u32>(place, load<u32>(from + k * axisMove));
        } else if (count <= SHORT) {
          copyShort(from + k * axisMove, 4, place, count);
        } else {
          memory.copy(place, from + k * axisMove, count << 2);
        }
        own += indexMove << 2;
        from += xMove << 2;
      }
      at += count;
      i += indexRow - column * indexMove;
      x += xRow - column * xMove;
      column = 0;
      row++;
    }
  }
}
