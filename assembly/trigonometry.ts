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

/** sin (shift 0) or cos (shift 1) of r + q π/2, |r| <= π/4, in double precision: musl's polynomials, rounded later to f32. */
// @ts-ignore: decorator
@inline
function sineOf(r: v128, q: v128, shift: i32): v128 {
  const z = f64x2.mul(r, r);
  const s = fma2(fma2(fma2(wide(3), z, wide(4)), z, wide(5)), z, wide(6));
  const c = fma2(fma2(fma2(fma2(wide(7), z, wide(8)), z, wide(9)), z, wide(10)), z, wide(11));
  const quadrant = i64x2.add(q, i64x2.splat(shift));
  const odd = i64x2.neg(v128.and(quadrant, i64x2.splat(1)));
  const sign = i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62);
  return v128.xor(v128.bitselect(c, fma2(s, f64x2.mul(z, r), r), odd), sign);
}

/** The same of two lanes: x = n π/2 + r by a two-part π/2. Valid for |x| < 4e8. */
// @ts-ignore: decorator
@inline
function sine2(x: v128, shift: i32): v128 {
  const n = f64x2.nearest(f64x2.mul(x, wide(0)));
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, wide(1))), f64x2.mul(n, wide(2)));
  return sineOf(r, i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(n)), shift);
}

/** y of x, but -0 of -0. */
// @ts-ignore: decorator
@inline
function signed(y: v128, x: v128): v128 {
  return v128.or(y, v128.and(x, f32x4.eq(x, splat(0.0))));
}

/** Whether |x| is at least 4e8, or x is not a number. */
// @ts-ignore: decorator
@inline
function isFar(x: v128): v128 {
  return v128.not(f32x4.lt(f32x4.abs(x), splat(4e8)));
}

/** 224 bits of 2/π behind the point, the last ones first. */
const TWO_OVER_PI: usize = memory.data<u32>([
  0xfe5163ab, 0x3c439041, 0xdb629599, 0xf534ddc0, 0xfc2757d1, 0x4e441529, 0xa2f9836e,
]);

/**
 * x 2/π modulo 4 in units of 2^-62, for |x| >= 4e8 (Payne and Hanek, "Radian reduction for trigonometric functions", 1983). Of
 * x = m 2^e and the bits of 2/π, those up to number e - 2 give multiples of 4; the next 96 are multiplied with m.
 */
function quartersOf(x: f32): u64 {
  const bits = reinterpret<u32>(x);
  const m = <u64>((bits & 0x7fffff) | 0x800000);
  const first = max(<i32>((bits >> 23) & 255) - 152, 0);
  const at = TWO_OVER_PI + 20 - ((first >> 5) << 2);
  const shift = <u64>(first & 31);
  const upper = load<u64>(at);
  const lower = load<u64>(at - 8);
  const high = (upper << shift) | ((lower >> 1) >> (63 - shift));
  const p = m * high + ((m * ((lower << shift) >> 32)) >> 32);
  return bits >> 31 ? -p : p;
}

/** sin (0), cos (1) or tan (2) of the first two lanes, which lie beyond 4e8. */
function far2(x: v128, which: i32): v128 {
  const p = quartersOf(f32x4.extract_lane(x, 0));
  const q = quartersOf(f32x4.extract_lane(x, 1));
  // The nearest whole number of quarters falls off the upper end.
  const rest = f64x2.replace_lane(f64x2.splat(<f64><i64>(p << 2)), 1, <f64><i64>(q << 2));
  const r = f64x2.mul(rest, f64x2.splat(8.515303950216386e-20)); // π/2 2^-64
  const halves = i64x2.splat(1 << 61);
  const quarter = i64x2.shr_u(i64x2.add(i64x2.replace_lane(i64x2.splat(p), 1, q), halves), 62);
  if (which < 2) return f32x4.demote_f64x2_zero(sineOf(r, quarter, which));
  return f32x4.demote_f64x2_zero(f64x2.div(sineOf(r, quarter, 0), sineOf(r, quarter, 1)));
}

/** `near` with its far lanes computed by themselves; NaN of infinity. */
function withFar4(near: v128, x: v128, which: i32): v128 {
  const far = v128.shuffle<i64>(far2(x, which), far2(v128.shuffle<i64>(x, x, 1, 0), which), 0, 2);
  return v128.bitselect(f32x4.add(far, f32x4.sub(x, x)), near, isFar(x));
}

/** sin (shift 0) or cos (shift 1) within 1 ulp, for any finite x. */
// @ts-ignore: decorator
@inline
export function sine4(x: v128, shift: i32): v128 {
  const low = sine2(f64x2.promote_low_f32x4(x), shift);
  const high = sine2(f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0)), shift);
  const own = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  const near = shift ? own : signed(own, x);
  return v128.any_true(isFar(x)) ? withFar4(near, x, shift) : near;
}

function tangent2(x: v128): v128 {
  return f32x4.demote_f64x2_zero(f64x2.div(sine2(x, 0), sine2(x, 1)));
}

/** tan x within 1 ulp, for any finite x. */
// @ts-ignore: decorator
@inline
export function tangent4(x: v128): v128 {
  const low = tangent2(f64x2.promote_low_f32x4(x));
  const high = tangent2(f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0)));
  const near = signed(v128.shuffle<i64>(low, high, 0, 2), x);
  return v128.any_true(isFar(x)) ? withFar4(near, x, 2) : near;
}
