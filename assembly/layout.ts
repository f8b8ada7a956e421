// Copies of 32-bit words between strided places: permute, broadcastTo, slice, pad, concat and their like.
import { CopyParams } from '../build/params';
import { operand } from './simd';
import { first, last, rowOffset } from './walk';

/** y[yOffset + j · yStrides] = x[xOffset + j · xStrides] for j in shape; strides may be negative. Units are blocks of 1024 elements. */
export function copy__strided(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CopyParams>(params);
  const x = operand(o, 0) + (p.xOffset << 2);
  const y = operand(o, 1) + (p.yOffset << 2);
  const rank = <i32>p.rank;
  const shape = params + offsetof<CopyParams>('shape0');
  const xStrides = params + offsetof<CopyParams>('xStrides0');
  const yStrides = params + offsetof<CopyParams>('yStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const xMove = load<i32>(xStrides + axis);
  const yMove = load<i32>(yStrides + axis);
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let from = x + ((rowOffset(row, rank, shape, xStrides) + column * xMove) << 2);
    let to = y + ((rowOffset(row, rank, shape, yStrides) + column * yMove) << 2);
    if (xMove == 1 && yMove == 1) {
      memory.copy(to, from, count << 2);
    } else {
      for (let i = 0; i < count; i++) {
        store<u32>(to, load<u32>(from));
        from += xMove << 2;
        to += yMove << 2;
      }
    }
    at += count;
  }
}
