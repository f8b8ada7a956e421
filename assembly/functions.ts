// Elementary functions of four lanes, for any x.
import { EXP, erf, exp, expPolynomial, HALVES, SIGN, sigmoid } from './curves';
import { constant, fma, splat } from './simd';

export { erf as erf4, tanh as tanh4 } from './curves';
export { sine4, tangent4 } from './trigonometry';

/** Numbers of these functions: see `constant` for why they come from memory. */
const NUMBERS: usize = memory.data<f32>([
  1.0, 0.41421356, 0.69314718, 0.07135481, 1.59576912, 2.0, 4.0, 0.34657359, -0.29289322, 256.0, 0.21406459,
]);

/** Their places. FAR is √2 - 1; CUBE and GROWTH belong to gelu's approximation, FLAT and BEND to its slope. */
export const enum Of {
  ONE, FAR, LN2, CUBE, GROWTH, TWO, FOUR, NEAR, LOW, FLAT, BEND,
}

// @ts-ignore: decorator
@inline
export function numberOf(i: usize): v128 {
  return constant(NUMBERS, i);
}

/** All bits but the sign; the bits of 87 and of 13. */
export const RANGE: usize = memory.data<u32>([0x7fffffff, 0x42ae0000, 0x41500000]);

/** Whether every lane's absolute value is at most 87: e^x and e^-x are normal numbers. NaN is not. */
// @ts-ignore: decorator
@inline
function isNormal(x: v128): bool {
  return !v128.any_true(i32x4.gt_s(v128.and(x, constant(RANGE, 0)), constant(RANGE, 1)));
}

/** e^r - 1 for |r| <= ln 2 / 2 within 2 ulp, a polynomial of degree 6. */
// @ts-ignore: decorator
@inline
function expTail4(r: v128): v128 {
  return fma(expPolynomial(r), f32x4.mul(r, r), r);
}

/** e^x for any x, scaled by 2^n in two steps so that results go down to subnormal numbers and up to infinity. */
function expAny4(given: v128): v128 {
  // The pseudo-minimum and -maximum are one instruction each and let NaN, their first operand, through.
  const x = f32x4.pmin(f32x4.pmax(given, splat(-104.0)), splat(89.0));
  const magic = splat(12582912.0);
  const shifted = fma(x, constant(EXP, 0), magic);
  const n = f32x4.sub(shifted, magic);
  const r = fma(n, constant(EXP, 3), fma(n, constant(EXP, 2), x));
  const one = splat(1.0);
  const whole = i32x4.sub(shifted, magic);
  const half = i32x4.shr_s(whole, 1);
  const y = f32x4.mul(f32x4.add(expTail4(r), one), i32x4.add(i32x4.shl(half, 23), one));
  return f32x4.mul(y, i32x4.add(i32x4.shl(i32x4.sub(whole, half), 23), one));
}

/** e^x within 1.2 ulp (measured on every 13th f32, as the bounds below). NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  return isNormal(x) ? exp(x) : expAny4(x);
}

/** 1 / (1 + e^-x), by way of e^-|x|, which can't overflow. */
function sigmoidAny4(x: v128): v128 {
  const one = splat(1.0);
  const e = expAny4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, splat(0.0))), f32x4.add(one, e));
}

/** 1 / (1 + e^-x) within 2.5 ulp. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return isNormal(x) ? sigmoid(x) : sigmoidAny4(x);
}

/** x / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x));
}

/** ln 2 in two parts; -1/2; the polynomial below from degree 7 down (Remez). */
const LOG: usize = memory.data<f32>([
  0.693359375, -2.12194440e-4, -0.5,
  -7.634502649307251e-2, 0.1276157796382904, -0.13160181045532227, 0.14201757311820984, -0.16623356938362122,
  0.20001226663589478, -0.2500081956386566, 0.3333333134651184,
]);
/** The least normal number; twice it; √½; all as bits. */
const LOG_RANGE: usize = memory.data<u32>([0x00800000, 0x01000000, 0x3f3504f3]);

/** m³ P(m) with ln(1 + m) = m - m²/2 + m³ P(m) for 1 + m in [√½, √2), within 0.1 units of 2^-24; z = m². */
// @ts-ignore: decorator
@inline
export function logTail4(m: v128, z: v128): v128 {
  let y = constant(LOG, 3);
  y = fma(y, m, constant(LOG, 4));
  y = fma(y, m, constant(LOG, 5));
  y = fma(y, m, constant(LOG, 6));
  y = fma(y, m, constant(LOG, 7));
  y = fma(y, m, constant(LOG, 8));
  y = fma(y, m, constant(LOG, 9));
  y = fma(y, m, constant(LOG, 10));
  return f32x4.mul(f32x4.mul(y, m), z);
}

/** ln x + shift ln 2 of normal x > 0: x = (1 + m) 2^e with 1 + m in [√½, √2). */
// @ts-ignore: decorator
@inline
function logNormal4(x: v128, shift: v128): v128 {
  const steps = i32x4.shr_s(i32x4.sub(x, constant(LOG_RANGE, 2)), 23);
  const m = f32x4.sub(i32x4.sub(x, i32x4.shl(steps, 23)), numberOf(Of.ONE));
  const e = f32x4.convert_i32x4_s(i32x4.add(steps, shift));
  const z = f32x4.mul(m, m);
  const y = fma(z, constant(LOG, 2), fma(e, constant(LOG, 1), logTail4(m, z)));
  return fma(e, constant(LOG, 0), f32x4.add(m, y));
}

function logAny4(given: v128): v128 {
  const small = f32x4.lt(given, splat(1.17549435e-38));
  const x = v128.bitselect(f32x4.mul(given, splat(8388608.0)), given, small);
  const infinity = splat(<f32>Infinity);
  let y = logNormal4(x, v128.and(small, i32x4.splat(-23)));
  y = v128.bitselect(given, y, f32x4.eq(given, infinity));
  y = v128.bitselect(f32x4.neg(infinity), y, f32x4.eq(given, splat(0.0)));
  return v128.bitselect(y, splat(<f32>NaN), f32x4.ge(given, splat(0.0)));
}

/** ln x within 0.9 ulp. ln 0 = -Infinity, NaN below. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // Sums with the least normal number's bits are below twice these where x is no positive finite normal number.
  const low = i32x4.lt_s(i32x4.add(x, constant(LOG_RANGE, 0)), constant(LOG_RANGE, 1));
  return v128.any_true(low) ? logAny4(x) : logNormal4(x, i32x4.splat(0));
}

/** e^-|x|. */
// @ts-ignore: decorator
@inline
export function expFall4(x: v128): v128 {
  return exp4(v128.or(x, constant(SIGN, 0)));
}

/** e^x - 1 within 8 ulp, -0 for -0. */
// @ts-ignore: decorator
@inline
export function expm1x4(x: v128): v128 {
  const far = f32x4.sub(exp4(x), numberOf(Of.ONE));
  const y = v128.bitselect(expTail4(x), far, f32x4.le(f32x4.abs(x), numberOf(Of.NEAR)));
  return v128.or(y, v128.and(x, constant(SIGN, 0)));
}

/** ln(1 + x) within 4 ulp. */
// @ts-ignore: decorator
@inline
export function log1px4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  const near = f32x4.add(x, fma(z, constant(HALVES, 2), logTail4(x, z)));
  const far = log4(f32x4.add(x, numberOf(Of.ONE)));
  const inside = v128.and(f32x4.gt(x, numberOf(Of.LOW)), f32x4.lt(x, numberOf(Of.FAR)));
  return v128.bitselect(near, far, inside);
}

/**
 * ln(1 + e^x) = max(x, 0) + ln(1 + e), e = e^-|x|, within 4 ulp: one polynomial in m = e, or for e > √2 - 1 in
 * m = (e - 1) / 2, where 1 + e = 2 (1 + m).
 */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128): v128 {
  const e = expFall4(x);
  const far = f32x4.gt(e, numberOf(Of.FAR));
  const m = v128.bitselect(f32x4.mul(f32x4.sub(e, numberOf(Of.ONE)), constant(HALVES, 1)), e, far);
  const z = f32x4.mul(m, m);
  const logarithm = f32x4.add(m, fma(z, constant(HALVES, 2), logTail4(m, z)));
  const tail = f32x4.add(logarithm, v128.and(numberOf(Of.LN2), far));
  // The pseudo-maximum lets NaN, its first operand, through.
  return f32x4.add(f32x4.pmax(x, splat(0.0)), tail);
}

/**
 * tanh(ln(1 + e^x)) = n / (n + 2), n = e (e + 2), e = e^x; for x >= 0 with w = e^-x, (1 + 2 w) / (1 + 2 w + 2 w²). No
 * term is negative. `e` is e^-|x|.
 */
// @ts-ignore: decorator
@inline
export function softTanh4(x: v128, e: v128): v128 {
  const two = numberOf(Of.TWO);
  const below = f32x4.lt(x, splat(0.0));
  const n = v128.bitselect(f32x4.mul(e, f32x4.add(e, two)), fma(two, e, numberOf(Of.ONE)), below);
  const rest = v128.bitselect(two, f32x4.mul(two, f32x4.mul(e, e)), below);
  return f32x4.div(n, f32x4.add(n, rest));
}

/** Its derivative, 4 e (1 + e) / (n + 2)²; for x >= 0, 4 w² (1 + w) / (1 + 2 w + 2 w²)². */
// @ts-ignore: decorator
@inline
export function softTanhSlope4(x: v128, e: v128): v128 {
  const two = numberOf(Of.TWO);
  const below = f32x4.lt(x, splat(0.0));
  const square = f32x4.mul(e, e);
  const top = f32x4.mul(f32x4.mul(numberOf(Of.FOUR), f32x4.add(numberOf(Of.ONE), e)), v128.bitselect(e, square, below));
  const n = v128.bitselect(f32x4.mul(e, f32x4.add(e, two)), fma(two, e, numberOf(Of.ONE)), below);
  const bottom = f32x4.add(n, v128.bitselect(two, f32x4.mul(two, square), below));
  return f32x4.div(top, f32x4.mul(bottom, bottom));
}

/** s + s (1 - s) a b, s = sigmoid x: with e = e^-|x| and d = 1 / (1 + e), s is d or e d, and s (1 - s) is e d². */
// @ts-ignore: decorator
@inline
export function sigmoidLifted4(x: v128, a: v128, b: v128): v128 {
  const e = expFall4(x);
  const one = numberOf(Of.ONE);
  const d = f32x4.div(one, f32x4.add(one, e));
  const r = f32x4.mul(e, d);
  const s = v128.bitselect(r, d, f32x4.lt(x, splat(0.0)));
  return f32x4.add(s, f32x4.mul(f32x4.mul(f32x4.mul(r, d), a), b));
}

/** Φ(x) + x φ(x). */
export function geluSlope4(x: v128): v128 {
  const cdf = fma(constant(HALVES, 1), erf(f32x4.mul(x, constant(HALVES, 0))), constant(HALVES, 1));
  const power = exp4(f32x4.mul(f32x4.mul(x, x), constant(HALVES, 2)));
  return fma(x, f32x4.mul(power, constant(HALVES, 3)), cdf);
}

/** 2 √(2/π) (x + 0.044715 x³), the argument of the sigmoid in gelu's approximation. */
// @ts-ignore: decorator
@inline
export function geluArgument4(x: v128): v128 {
  return f32x4.mul(x, fma(f32x4.mul(x, x), numberOf(Of.CUBE), numberOf(Of.GROWTH)));
}
