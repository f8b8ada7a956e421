// y = x · scale where Philox keeps the element, else 0. Units are blocks of 4096 elements.
import { DropoutParams } from '../build/params';
import { loadTail, operand, splat, storeTail } from './simd';
import { first, last } from './walk';

/** Philox 4x32-10 for the counter (low, 0, 0, 0): see src/random.ts. */
// @ts-ignore: decorator
@inline
function philox(counter: u32, key0: u32, key1: u32): v128 {
  let c0 = counter;
  let c1: u32 = 0;
  let c2: u32 = 0;
  let c3: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>0xd2511f53 * <u64>c0;
    const p1 = <u64>0xcd9e8d57 * <u64>c2;
    c0 = <u32>(p1 >> 32) ^ c1 ^ key0;
    c2 = <u32>(p0 >> 32) ^ c3 ^ key1;
    c1 = <u32>p1;
    c3 = <u32>p0;
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(c0), 1, c1), 2, c2), 3, c3);
}

export function dropout_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<DropoutParams>(params);
  const x = operand(o, 0);
  const key0 = load<u32>(operand(o, 1));
  const key1 = load<u32>(operand(o, 1), 4);
  const y = operand(o, 2);
  const threshold = i32x4.splat(p.threshold);
  const scale = splat(p.scale);
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; i += 4) {
    const words = i32x4.shr_u(philox(<u32>i >> 2, key0, key1), 8);
    const kept = i32x4.ge_s(words, threshold);
    const at = i << 2;
    const rest = stop - i;
    if (rest >= 4) v128.store(y + at, v128.and(f32x4.mul(v128.load(x + at), scale), kept));
    else storeTail(y + at, v128.and(f32x4.mul(loadTail(x + at, rest), scale), kept), rest);
  }
}
