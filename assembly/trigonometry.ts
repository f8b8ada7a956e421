// Sine, cosine and tangent of four lanes, for any finite x: in double precision, two lanes at a time, rounded once at the end.
import { splat } from './simd';

/** 2/π; π/2 in two parts; the polynomials of sin r, of degree 9 in r, and of cos r, of degree 8, from the highest down. */
const SINE: usize = memory.data<f64>([
  0.63661977236758134308, 1.57079631090164184570, 1.58932547735281966916e-8,
  0.0000027183114939898219064, -0.000198393348360966317347, 0.0083333293858894631756, -0.166666666416265235595,
  0.0000243904487962774090654, -0.00138867637746099294692, 0.0416666233237390631894, -0.499999997251031003120, 1.0,
]);

// @ts-ignore: decorator
@inline
function wide(i: i32): v128 {
  return v128.load64_splat(SINE + (i << 3));
}

/** a · b + c in double precision. */
// @ts-ignore: decorator
@inline
function fma2(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f64x2.relaxed_madd(a, b, c) : f64x2.add(f64x2.mul(a, b), c);
}

/**
 * sin (shift 0) or cos (shift 1) of two lanes in double precision, rounded later to f32: x = n π/2 + r by a two-part
 * π/2, then musl's polynomials on |r| <= π/4. Valid for |x| < 4e8.
 */
// @ts-ignore: decorator
@inline
function sine2(x: v128, shift: i32): v128 {
  const n = f64x2.nearest(f64x2.mul(x, wide(0)));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, wide(1))), f64x2.mul(n, wide(2)));
  const z = f64x2.mul(r, r);
  const s = fma2(fma2(fma2(wide(3), z, wide(4)), z, wide(5)), z, wide(6));
  const c = fma2(fma2(fma2(fma2(wide(7), z, wide(8)), z, wide(9)), z, wide(10)), z, wide(11));
  const quadrant = i64x2.extend_low_i32x4_s(i32x4.add(i32x4.trunc_sat_f64x2_s_zero(n), i32x4.splat(shift)));
  const odd = i64x2.neg(v128.and(quadrant, i64x2.splat(1)));
  const sign = i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62);
  return v128.xor(v128.bitselect(c, fma2(s, f64x2.mul(z, r), r), odd), sign);
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

function tangent2(x: v128): v128 {
  return f32x4.demote_f64x2_zero(f64x2.div(sine2(x, 0), sine2(x, 1)));
}

/** tan x within 1 ulp; beyond 4e8 a quotient of an f32 sine and cosine, which loses more near its poles. */
// @ts-ignore: decorator
@inline
export function tangent4(x: v128): v128 {
  if (v128.any_true(f32x4.ge(f32x4.abs(x), splat(4e8)))) return f32x4.div(sineHuge(x, 0), sineHuge(x, 1));
  const low = tangent2(f64x2.promote_low_f32x4(x));
  const high = tangent2(f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0)));
  return v128.shuffle<i64>(low, high, 0, 2);
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
