// y = condition ? a : b, the three with broadcasting; condition holds words of 0 or 1. Units are blocks of 4096 elements.
import { WhereParams } from '../build/params';
import { operand } from './simd';
import { first, last, rowOffset } from './walk';

export function where_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<WhereParams>(params);
  const condition = operand(o, 0);
  const a = operand(o, 1);
  const b = operand(o, 2);
  const y = operand(o, 3);
  const rank = <i32>p.rank;
  const shape = params + offsetof<WhereParams>('shape0');
  const cStrides = params + offsetof<WhereParams>('cStrides0');
  const aStrides = params + offsetof<WhereParams>('aStrides0');
  const bStrides = params + offsetof<WhereParams>('bStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const cMove = load<i32>(cStrides + axis);
  const aMove = load<i32>(aStrides + axis);
  const bMove = load<i32>(bStrides + axis);
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let c = condition + ((rowOffset(row, rank, shape, cStrides) + column * cMove) << 2);
    let p = a + ((rowOffset(row, rank, shape, aStrides) + column * aMove) << 2);
    let q = b + ((rowOffset(row, rank, shape, bStrides) + column * bMove) << 2);
    for (let i = 0; i < count; i++) {
      store<f32>(y + ((at + i) << 2), load<u32>(c) ? load<f32>(p) : load<f32>(q));
      c += cMove << 2;
      p += aMove << 2;
      q += bMove << 2;
    }
    at += count;
  }
}
