// The four-lane vocabulary that every kernel family is written in.
//
// A kernel is `name(operands, params, scratch, begin, end)`: a pointer to the operands' addresses, a pointer to its
// parameter struct (laid out by its WGSL twin), private memory of this thread, and a range of work units.

// @ts-ignore: decorator
@inline
export function operand(operands: usize, index: usize): usize {
  return load<u32>(operands + (index << 2));
}

/** a · b + c: one rounding where the binary has relaxed SIMD and the machine a fused instruction, else two. */
// @ts-ignore: decorator
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** The first `count` (1 to 3) words at `from`; the other lanes are zero. */
// @ts-ignore: decorator
@inline
export function loadTail(from: usize, count: i32): v128 {
  let lanes = v128.load32_zero(from);
  if (count > 1) lanes = v128.load_lane<u32>(from, lanes, 1, 4);
  if (count > 2) lanes = v128.load_lane<u32>(from, lanes, 2, 8);
  return lanes;
}

/** Stores the first `count` (1 to 3) lanes. */
// @ts-ignore: decorator
@inline
export function storeTail(to: usize, lanes: v128, count: i32): void {
  v128.store_lane<u32>(to, lanes, 0);
  if (count > 1) v128.store_lane<u32>(to, lanes, 1, 4);
  if (count > 2) v128.store_lane<u32>(to, lanes, 2, 8);
}

/** Four words, or as many as there are (at least 1) where these are fewer; the other lanes are zero. */
// @ts-ignore: decorator
@inline
export function loadUpTo(from: usize, count: i32): v128 {
  return count >= 4 ? v128.load(from) : loadTail(from, count);
}

/** Stores four lanes, or as many as there is room for. */
// @ts-ignore: decorator
@inline
export function storeUpTo(to: usize, lanes: v128, count: i32): void {
  if (count >= 4) v128.store(to, lanes);
  else storeTail(to, lanes, count);
}

// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Stores four rows of four as columns, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function storeColumns(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, step: usize): void {
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to + step, v128.shuffle<i64>(low01, low23, 1, 3));
  v128.store(to + 2 * step, v128.shuffle<i64>(high01, high23, 0, 2));
  v128.store(to + 3 * step, v128.shuffle<i64>(high01, high23, 1, 3));
}

/** Four rows of four words at a `stride` of bytes become four columns, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function transpose4(from: usize, stride: usize, to: usize, step: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + stride);
  const r2 = v128.load(from + 2 * stride);
  const r3 = v128.load(from + 3 * stride);
  storeColumns(r0, r1, r2, r3, to, step);
}

/**
 * Constant number `i` of a table. V8 makes a constant vector by three instructions in every round of a loop; one from
 * memory takes a single load.
 */
// @ts-ignore: decorator
@inline
export function constant(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}
