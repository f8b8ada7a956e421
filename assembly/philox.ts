/** Philox 4x32-10 for the counter (low, 0, 0, 0): see src/random.ts. */
// @ts-ignore: decorator
@inline
export function philox(counter: u32, key0: u32, key1: u32): v128 {
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
