// y = x · scale + shift where Philox keeps the element's channel, else `dropped`. Units are blocks of 512 elements; a
// channel is `inner` elements, and word c % 4 of Philox at counter c / 4 belongs to channel c.
import { DropoutParams } from '../build/params';
import { bits24, wordAt, wordsOf } from './philox';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { first, last } from './walk';

export function dropout_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DropoutParams>(params);
  const x = operand(o, 0);
  const key0 = load<u32>(operand(o, 1));
  const key1 = load<u32>(operand(o, 1), 4);
  const y = operand(o, 2);
  const threshold = i32x4.splat(p.threshold);
  const scale = splat(p.scale);
  const shift = splat(p.shift);
  const dropped = splat(p.dropped);
  const inner = <i32>p.inner;
  const stop = last(end, <i32>p.size);
  let i = first(begin);
  if (inner == 1) {
    for (; i < stop; i += 4) {
      const kept = i32x4.ge_s(bits24(wordsOf(i, key0, key1, scratch)), threshold);
      const rest = stop - i;
      const at = i << 2;
      const lanes = loadUpTo(x + at, rest);
      const value = v128.bitselect(f32x4.add(f32x4.mul(lanes, scale), shift), dropped, kept);
      storeUpTo(y + at, value, rest);
    }
    return;
  }
  while (i < stop) {
    const channel = i / inner;
    const to = min((channel + 1) * inner, stop);
    const keep = wordAt(channel, key0, key1, scratch) >> 8 >= p.threshold;
    for (; i < to; i++) {
      store<f32>(y + (i << 2), keep ? load<f32>(x + (i << 2)) * p.scale + p.shift : p.dropped);
    }
  }
}
