// Reads by index: gather, indexSelect, embedding. 32-bit words of any dtype.
import { GatherParams } from '../build/params';
import { reportFault } from './fault';
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
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let i = rowOffset(row, rank, shape, indexStrides) + column * indexMove;
    let from = operand(o, 0) + ((rowOffset(row, rank, shape, xStrides) + column * xMove) << 2);
    let to = operand(o, 2) + (at << 2);
    // One index for the whole row, a row of neighbours: a copy.
    const whole = indexMove == 0 && xMove == 1;
    const bytes = whole ? count << 2 : 4;
    for (let done = 0; done < count; done += whole ? count : 1) {
      const k = load<u32>(index + (i << 2));
      if (k < axisSize) {
        if (whole) memory.copy(to, from + k * axisMove, bytes);
        else store<u32>(to, load<u32>(from + k * axisMove));
      } else {
        reportFault(operand(o, 3), p.faultId, i, k);
        memory.fill(to, 0, bytes);
      }
      i += indexMove;
      from += xMove << 2;
      to += 4;
    }
    at += count;
  }
}
