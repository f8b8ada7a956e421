// Elementary functions as straight lines: y = f(x) on vectors, all of whose lanes are in the function's range. Such a chain of
// instructions waits for itself, and a processor looks ahead no further than a few of them. So loops take four vectors
// abreast, by functions that scripts/build-abreast.mjs makes of these: of `exp`, `expAbreast(x, y)`, from address to address,
// step by step for all four, each constant read once. They take up to a third less time.
//
// What it reads: functions of one x, whose lines declare or assign a vector and end in `return`; another function of this file
// is called for the whole of such a line.
import { constant, fma } from './simd';

/** 1/ln 2; 1.5 · 2^23; ln 2 in two parts, negated; the polynomial of e^r from degree 6 down (Remez). */
export const EXP: usize = memory.data<f32>([
  1.44269504, 12582912.0, -0.693359375, 2.12194440e-4,
  1.3814540579915047e-3, 8.36874544620514e-3, 4.166838899254799e-2, 0.1666652113199234, 0.4999999403953552, 1.0,
]);

/** P(r) with e^r = 1 + r + r² P(r) for |r| <= ln 2 / 2, within 0.06 units of 2^-24. */
// @ts-ignore: decorator
@inline
export function expPolynomial(x: v128): v128 {
  let y = fma(constant(EXP, 4), x, constant(EXP, 5));
  y = fma(y, x, constant(EXP, 6));
  y = fma(y, x, constant(EXP, 7));
  return fma(y, x, constant(EXP, 8));
}

/**
 * e^x where that is a normal number: x = n ln 2 + r with |r| <= ln 2 / 2, the polynomial, and n added to its exponent. Adding
 * 1.5 · 2^23 rounds to a whole number n and leaves it in the low bits.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const shifted = fma(x, constant(EXP, 0), constant(EXP, 1));
  const n = f32x4.sub(shifted, constant(EXP, 1));
  let r = fma(n, constant(EXP, 2), x);
  r = fma(n, constant(EXP, 3), r);
  let y = expPolynomial(r);
  y = fma(y, r, constant(EXP, 9));
  y = fma(y, r, constant(EXP, 9));
  return i32x4.add(y, i32x4.shl(shifted, 23));
}

/** The sign's bit. */
export const SIGN: usize = memory.data<u32>([0x80000000]);

/** 1 / (1 + e^-x) where e^-x is a normal number, within 2.5 ulp. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const minus = v128.xor(x, constant(SIGN, 0));
  const e = exp(minus);
  return f32x4.div(constant(EXP, 9), f32x4.add(constant(EXP, 9), e));
}

// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  const s = sigmoid(x);
  return f32x4.mul(x, s);
}

/** Bounds of x; 1.5 · 2^23; e^2h as in EXP, halved, from degree 5 down; 1, 1/2, -1/2; 2/ln 2; (ln 2)/2 in two parts, negated; degree 6. */
export const TANH: usize = memory.data<f32>([
  -9.1, 9.1, 12582912.0, 0.13389992713928223, 0.3333471119403839, 0.6666608452796936, 0.9999998807907104, 1.0,
  0.5, -0.5, 2.88539008, -0.3466796875, 1.06097220e-4, 0.04420652985572815,
]);

/**
 * tanh x within 2.6 ulp, never beyond ±1: t / (t + 1) with t = (e^2x - 1) / 2, which is 2^n u + (2^n - 1) / 2 for
 * 2x = n ln 2 + 2h, u = (e^2h - 1) / 2 and |h| <= (ln 2) / 4: right for small x too, where n is 0.
 */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  let h = f32x4.pmax(x, constant(TANH, 0));
  h = f32x4.pmin(h, constant(TANH, 1));
  const shifted = fma(h, constant(TANH, 10), constant(TANH, 2));
  const n = f32x4.sub(shifted, constant(TANH, 2));
  h = fma(n, constant(TANH, 11), h);
  h = fma(n, constant(TANH, 12), h);
  let u = fma(constant(TANH, 13), h, constant(TANH, 3));
  u = fma(u, h, constant(TANH, 4));
  u = fma(u, h, constant(TANH, 5));
  u = fma(u, h, constant(TANH, 6));
  u = fma(u, f32x4.mul(h, h), h);
  const power = i32x4.add(i32x4.shl(shifted, 23), constant(TANH, 7));
  const t = fma(power, u, fma(power, constant(TANH, 8), constant(TANH, 9)));
  return f32x4.div(t, f32x4.add(t, constant(TANH, 7)));
}

/** Bounds of x; the numerator's degrees 5 to 1 in x², the denominator's 4 to 2; then 6 and 0 of the one, 5, 1 and 0 of the other (Remez). */
export const ERF: usize = memory.data<f32>([
  -3.84, 3.84, 4.662789706344483e-6, 3.789042239077389e-4, 3.851331537589431e-3, 5.431085079908371e-2, 0.18529970943927765,
  1.307013793848455e-3, 1.5462599694728851e-2, 0.11398167908191681, -1.3092289918859024e-8, 1.128379225730896,
  6.290612509474158e-5, 0.49755096435546875, 1.0,
]);

/**
 * erf x within 7 ulp: x times a quotient of polynomials in x² on ±3.84, 0.1 units of 2^-24 off but for rounding; ±1
 * beyond.
 */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  let v = f32x4.pmax(x, constant(ERF, 0));
  v = f32x4.pmin(v, constant(ERF, 1));
  const z = f32x4.mul(v, v);
  let p = fma(constant(ERF, 10), z, constant(ERF, 2));
  p = fma(p, z, constant(ERF, 3));
  p = fma(p, z, constant(ERF, 4));
  p = fma(p, z, constant(ERF, 5));
  p = fma(p, z, constant(ERF, 6));
  p = fma(p, z, constant(ERF, 11));
  p = f32x4.mul(v, p);
  let q = fma(constant(ERF, 12), z, constant(ERF, 7));
  q = fma(q, z, constant(ERF, 8));
  q = fma(q, z, constant(ERF, 9));
  q = fma(q, z, constant(ERF, 13));
  q = fma(q, z, constant(ERF, 14));
  return f32x4.div(p, q);
}

/** √½; ½; -½; 1 / √2π. */
export const HALVES: usize = memory.data<f32>([0.70710678118654752, 0.5, -0.5, 0.39894228040143268]);

/** x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2. */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const v = f32x4.mul(x, constant(HALVES, 0));
  const e = erf(v);
  const half = f32x4.mul(x, constant(HALVES, 1));
  return fma(half, e, half);
}

/** Φ(x) + x φ(x), φ(x) = e^(-x²/2) / √2π, the derivative of x Φ(x), where e^(-x²/2) is a normal number. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const v = f32x4.mul(x, constant(HALVES, 0));
  const e = erf(v);
  const cdf = fma(constant(HALVES, 1), e, constant(HALVES, 1));
  const z = f32x4.mul(f32x4.mul(x, x), constant(HALVES, 2));
  const power = exp(z);
  const pdf = f32x4.mul(power, constant(HALVES, 3));
  return fma(x, pdf, cdf);
}
