// Elementary functions of four lanes, on top of those in simd.ts.
import { constant, exp4, expTail4, fma, log4, logTail4, splat } from './simd';

/** Numbers of these functions: see `constant` for why they come from memory. */
const NUMBERS: usize = memory.data<f32>([
  -0.0, 1.0, 0.5, -0.5, 0.41421356, 0.69314718, 0.07135481, 1.59576912,
  2.0, 4.0, 0.34657359, -0.29289322, 0.70710678118654752, 0.39894228040143268, 256.0, 0.21406459,
]);

/** Their places. FAR is √2 - 1; CUBE and GROWTH belong to gelu's approximation, FLAT and BEND to its slope. */
export const enum Of {
  SIGN, ONE, HALF, MINUS_HALF, FAR, LN2, CUBE, GROWTH, TWO, FOUR, NEAR, LOW, ROOT_HALF, DENSITY, FLAT, BEND,
}

// @ts-ignore: decorator
@inline
export function numberOf(i: usize): v128 {
  return constant(NUMBERS, i);
}

/** e^-|x|. */
// @ts-ignore: decorator
@inline
export function expFall4(x: v128): v128 {
  return exp4(v128.or(x, numberOf(Of.SIGN)));
}


/** e^x - 1 within 8 ulp. */
// @ts-ignore: decorator
@inline
export function expm1x4(x: v128): v128 {
  const far = f32x4.sub(exp4(x), numberOf(Of.ONE));
  return v128.bitselect(expTail4(x), far, f32x4.le(f32x4.abs(x), numberOf(Of.NEAR)));
}

/** ln(1 + x) within 4 ulp. */
// @ts-ignore: decorator
@inline
export function log1px4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  const near = f32x4.add(x, fma(z, numberOf(Of.MINUS_HALF), logTail4(x, z)));
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
  const m = v128.bitselect(f32x4.mul(f32x4.sub(e, numberOf(Of.ONE)), numberOf(Of.HALF)), e, far);
  const z = f32x4.mul(m, m);
  const logarithm = f32x4.add(m, fma(z, numberOf(Of.MINUS_HALF), logTail4(m, z)));
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

/** 2 √(2/π) (x + 0.044715 x³), the argument of the sigmoid in gelu's approximation. */
// @ts-ignore: decorator
@inline
export function geluArgument4(x: v128): v128 {
  return f32x4.mul(x, fma(f32x4.mul(x, x), numberOf(Of.CUBE), numberOf(Of.GROWTH)));
}
