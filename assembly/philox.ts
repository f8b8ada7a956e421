import { constant, storeColumns } from './simd';

/** The two multipliers, and what is added to the keys. */
const CONSTANTS: usize = memory.data<u32>([0xd2511f53, 0xcd9e8d57, 0x9e3779b9, 0xbb67ae85]);

/**
 * Philox 4x32-10 for the counters (low, 0, 0, 0) from `counter` on, four at once, of which each is a lane: see src/random.ts.
 * The four words of each go to `to`, one counter after the other.
 */
export function philox4(counter: u32, key0: u32, key1: u32, to: usize): void {
  const m0 = constant(CONSTANTS, 0);
  const m1 = constant(CONSTANTS, 1);
  const w0 = constant(CONSTANTS, 2);
  const w1 = constant(CONSTANTS, 3);
  let k0 = i32x4.splat(key0);
  let k1 = i32x4.splat(key1);
  let c0 = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(0);
  let c2 = c1;
  let c3 = c1;
  for (let round = 0; round < 10; round++) {
    const p0 = i64x2.extmul_low_i32x4_u(c0, m0);
    const q0 = i64x2.extmul_high_i32x4_u(c0, m0);
    const p1 = i64x2.extmul_low_i32x4_u(c2, m1);
    const q1 = i64x2.extmul_high_i32x4_u(c2, m1);
    c0 = v128.xor(v128.shuffle<i32>(p1, q1, 1, 3, 5, 7), v128.xor(c1, k0));
    c2 = v128.xor(v128.shuffle<i32>(p0, q0, 1, 3, 5, 7), v128.xor(c3, k1));
    c1 = v128.shuffle<i32>(p1, q1, 0, 2, 4, 6);
    c3 = v128.shuffle<i32>(p0, q0, 0, 2, 4, 6);
    k0 = i32x4.add(k0, w0);
    k1 = i32x4.add(k1, w1);
  }
  storeColumns(c0, c1, c2, c3, to, 16);
}

/** The words of elements i to i + 3, where i goes by fours from a multiple of 16 on; `scratch` keeps those of 16. */
// @ts-ignore: decorator
@inline
export function wordsOf(i: i32, key0: u32, key1: u32, scratch: usize): v128 {
  if (!(i & 15)) philox4(<u32>i >> 2, key0, key1, scratch);
  return v128.load(scratch + ((i & 15) << 2));
}

/** The word of element i alone. */
export function wordAt(i: i32, key0: u32, key1: u32, scratch: usize): u32 {
  philox4(<u32>i >> 2, key0, key1, scratch);
  return load<u32>(scratch + ((i & 3) << 2));
}

/** The upper 24 bits of each word. */
// @ts-ignore: decorator
@inline
export function bits24(words: v128): v128 {
  return i32x4.shr_u(words, 8);
}

/** Uniform in [0, 1) with 24 bits, exact. */
// @ts-ignore: decorator
@inline
export function uniform4(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(bits24(words)), f32x4.splat(5.9604644775390625e-8));
}
