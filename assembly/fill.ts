// One 32-bit word everywhere. Units are blocks of 512 elements.
import { FillParams } from '../build/params';
import { operand } from './simd';
import { first, last } from './walk';

export function fill(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<FillParams>(params);
  const y = operand(o, 0);
  const word = i32x4.splat(p.word);
  const stop = last(end, <i32>p.size);
  let i = first(begin);
  for (; i + 4 <= stop; i += 4) v128.store(y + (i << 2), word);
  for (; i < stop; i++) store<u32>(y + (i << 2), p.word);
}
