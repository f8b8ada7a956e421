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

// @ts-ignore: decorator
@inline
export function maxLanes(v: v128): f32 {
  const pairs = f32x4.max(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Four rows of four words at a `stride` of bytes become four columns, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function transpose4(from: usize, stride: usize, to: usize, step: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + stride);
  const r2 = v128.load(from + 2 * stride);
  const r3 = v128.load(from + 3 * stride);
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to + step, v128.shuffle<i64>(low01, low23, 1, 3));
  v128.store(to + 2 * step, v128.shuffle<i64>(high01, high23, 0, 2));
  v128.store(to + 3 * step, v128.shuffle<i64>(high01, high23, 1, 3));
}

/** e^r - 1 for |r| <= ln 2 / 2 within 2 ulp, a polynomial of degree 7 (Cephes, expf). */
// @ts-ignore: decorator
@inline
export function expTail4(r: v128): v128 {
  let y = splat(1.9875691500e-4);
  y = fma(y, r, splat(1.3981999507e-3));
  y = fma(y, r, splat(8.3334519073e-3));
  y = fma(y, r, splat(4.1665795894e-2));
  y = fma(y, r, splat(1.6666665459e-1));
  y = fma(y, r, splat(5.0000001201e-1));
  return fma(y, f32x4.mul(r, r), r);
}

/**
 * e^x within 2 ulp: x = n ln 2 + r with |r| <= ln 2 / 2, 1 + expTail4(r), scaled by 2^n in
 * two steps so that results go down to subnormal numbers and up to infinity. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function exp4(given: v128): v128 {
  // The pseudo-minimum and -maximum are one instruction each and let NaN, their first operand, through.
  const x = f32x4.pmin(f32x4.pmax(given, splat(-104.0)), splat(89.0));
  // Adding 1.5 · 2^23 rounds to a whole number n and leaves it in the low bits of the sum.
  const magic = splat(12582912.0);
  const shifted = f32x4.add(f32x4.mul(x, splat(1.44269504088896341)), magic);
  const n = f32x4.sub(shifted, magic);
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, splat(0.693359375))), f32x4.mul(n, splat(-2.12194440e-4)));
  let y = f32x4.add(expTail4(r), splat(1.0));
  const whole = i32x4.sub(shifted, magic);
  const half = i32x4.shr_s(whole, 1);
  const bias = i32x4.splat(127);
  y = f32x4.mul(y, i32x4.shl(i32x4.add(half, bias), 23));
  return f32x4.mul(y, i32x4.shl(i32x4.add(i32x4.sub(whole, half), bias), 23));
}

/** m³ P(m) with ln(1 + m) = m - m²/2 + m³ P(m) for 1 + m in [√½, √2), P of degree 8 (Cephes, logf); z = m². */
// @ts-ignore: decorator
@inline
export function logTail4(m: v128, z: v128): v128 {
  let y = splat(7.0376836292e-2);
  y = fma(y, m, splat(-1.1514610310e-1));
  y = fma(y, m, splat(1.1676998740e-1));
  y = fma(y, m, splat(-1.2420140846e-1));
  y = fma(y, m, splat(1.4249322787e-1));
  y = fma(y, m, splat(-1.6668057665e-1));
  y = fma(y, m, splat(2.0000714765e-1));
  y = fma(y, m, splat(-2.4999993993e-1));
  y = fma(y, m, splat(3.3333331174e-1));
  return f32x4.mul(f32x4.mul(y, m), z);
}

/**
 * ln x within 2 ulp: x = m 2^e with m in [√½, √2), a polynomial of degree 9 in m - 1 (Cephes, logf). ln 0 = -Infinity,
 * NaN below.
 */
// @ts-ignore: decorator
@inline
export function log4(given: v128): v128 {
  const small = f32x4.lt(given, splat(1.17549435e-38));
  const x = v128.bitselect(f32x4.mul(given, splat(8388608.0)), given, small);
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)));
  e = f32x4.sub(e, v128.and(splat(23.0), small));
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), splat(0.5));
  const low = f32x4.lt(m, splat(0.707106781186547524));
  e = f32x4.sub(e, v128.and(splat(1.0), low));
  m = f32x4.sub(f32x4.add(m, v128.and(m, low)), splat(1.0));
  const z = f32x4.mul(m, m);
  let y = logTail4(m, z);
  y = fma(e, splat(-2.12194440e-4), y);
  y = fma(z, splat(-0.5), y);
  y = fma(e, splat(0.693359375), f32x4.add(m, y));
  const infinity = splat(<f32>Infinity);
  y = v128.bitselect(given, y, f32x4.eq(given, infinity));
  y = v128.bitselect(splat(-<f32>Infinity), y, f32x4.eq(given, splat(0.0)));
  const invalid = v128.not(f32x4.ge(given, splat(0.0)));
  return v128.bitselect(splat(<f32>NaN), y, invalid);
}

/** tanh x within 3 ulp: an odd polynomial below 0.625 (Cephes, tanhf), else 1 - 2 / (e^2|x| + 1) with the sign of x. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = splat(-5.70498872745e-3);
  p = fma(p, z, splat(2.06390887954e-2));
  p = fma(p, z, splat(-5.37397155531e-2));
  p = fma(p, z, splat(1.33314422036e-1));
  p = fma(p, z, splat(-3.33332819422e-1));
  const near = fma(f32x4.mul(p, z), x, x);
  const powers = exp4(f32x4.add(size, size));
  const far = f32x4.sub(splat(1.0), f32x4.div(splat(2.0), f32x4.add(powers, splat(1.0))));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(size, splat(0.625)));
}

/** 1 / (1 + e^-x), by way of e^-|x|, which can't overflow. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = splat(1.0);
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, splat(0.0))), f32x4.add(one, e));
}

/** erf x with an absolute error below 4e-7, six units of 2^-24: an odd rational function on [-4, 4] (Eigen's coefficients), ±1 beyond. */
// @ts-ignore: decorator
@inline
export function erf4(given: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(given, splat(-4.0)), splat(4.0));
  const z = f32x4.mul(x, x);
  let p = splat(-2.72614225801306e-10);
  p = fma(p, z, splat(2.77068142495902e-8));
  p = fma(p, z, splat(-2.10102402082508e-6));
  p = fma(p, z, splat(-5.69250639462346e-5));
  p = fma(p, z, splat(-7.34990630326855e-4));
  p = fma(p, z, splat(-2.95459980854025e-3));
  p = fma(p, z, splat(-1.60960333262415e-2));
  let q = splat(-1.45660718464996e-5);
  q = fma(q, z, splat(-2.13374055278905e-4));
  q = fma(q, z, splat(-1.68282697438203e-3));
  q = fma(q, z, splat(-7.37332916720468e-3));
  q = fma(q, z, splat(-1.42647390514189e-2));
  return f32x4.div(f32x4.mul(x, p), q);
}

/**
 * sin (shift 0) or cos (shift 1) of two lanes in double precision, rounded later to f32: x = n π/2 + r by a two-part
 * π/2, then musl's polynomials on |r| <= π/4. Valid for |x| < 4e8.
 */
// @ts-ignore: decorator
@inline
function sine2(x: v128, shift: i32): v128 {
  const n = f64x2.nearest(f64x2.mul(x, f64x2.splat(0.63661977236758134308)));
  const high = f64x2.mul(n, f64x2.splat(1.57079631090164184570));
  const r = f64x2.sub(f64x2.sub(x, high), f64x2.mul(n, f64x2.splat(1.58932547735281966916e-8)));
  const z = f64x2.mul(r, r);
  let s = f64x2.add(f64x2.mul(z, f64x2.splat(0.0000027183114939898219064)), f64x2.splat(-0.000198393348360966317347));
  s = f64x2.add(f64x2.mul(z, s), f64x2.splat(0.0083333293858894631756));
  s = f64x2.add(f64x2.mul(z, s), f64x2.splat(-0.166666666416265235595));
  s = f64x2.add(f64x2.mul(f64x2.mul(z, r), s), r);
  let c = f64x2.add(f64x2.mul(z, f64x2.splat(0.0000243904487962774090654)), f64x2.splat(-0.00138867637746099294692));
  c = f64x2.add(f64x2.mul(z, c), f64x2.splat(0.0416666233237390631894));
  c = f64x2.add(f64x2.mul(z, c), f64x2.splat(-0.499999997251031003120));
  c = f64x2.add(f64x2.mul(z, c), f64x2.splat(1.0));
  const quadrant = i64x2.extend_low_i32x4_s(i32x4.add(i32x4.trunc_sat_f64x2_s_zero(n), i32x4.splat(shift)));
  const odd = i64x2.neg(v128.and(quadrant, i64x2.splat(1)));
  const sign = i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62);
  return v128.xor(v128.bitselect(c, s, odd), sign);
}

/** sin (shift 0) or cos (shift 1) within 1 ulp, for any finite x. */
// @ts-ignore: decorator
@inline
export function sine4(x: v128, shift: i32): v128 {
  if (v128.any_true(f32x4.ge(f32x4.abs(x), splat(4e8)))) return sineHuge(x, shift);
  const low = sine2(f64x2.promote_low_f32x4(x), shift);
  const upper = v128.shuffle<i64>(x, x, 1, 0);
  const high = sine2(f64x2.promote_low_f32x4(upper), shift);
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** tan x within 1 ulp, for any finite x. */
// @ts-ignore: decorator
@inline
export function tangent4(x: v128): v128 {
  if (v128.any_true(f32x4.ge(f32x4.abs(x), splat(4e8)))) return f32x4.div(sineHuge(x, 0), sineHuge(x, 1));
  const lower = f64x2.promote_low_f32x4(x);
  const upper = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
  const low = f64x2.div(sine2(lower, 0), sine2(lower, 1));
  const high = f64x2.div(sine2(upper, 0), sine2(upper, 1));
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

function sineHuge(x: v128, shift: i32): v128 {
  const a = f32x4.extract_lane(x, 0);
  const b = f32x4.extract_lane(x, 1);
  const c = f32x4.extract_lane(x, 2);
  const d = f32x4.extract_lane(x, 3);
  let y = f32x4.splat(shift ? Mathf.cos(a) : Mathf.sin(a));
  y = f32x4.replace_lane(y, 1, shift ? Mathf.cos(b) : Mathf.sin(b));
  y = f32x4.replace_lane(y, 2, shift ? Mathf.cos(c) : Mathf.sin(c));
  return f32x4.replace_lane(y, 3, shift ? Mathf.cos(d) : Mathf.sin(d));
}

/** Output elements of one work unit of an elementwise kernel. */
export const BLOCK: i32 = 1024;
