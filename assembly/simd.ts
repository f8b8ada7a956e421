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

/**
 * Constant number `i` of a table. V8 makes a constant vector by three instructions in every round of a loop; one from
 * memory takes a single load.
 */
// @ts-ignore: decorator
@inline
export function constant(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

/** Constant number `i` of a table, or as a loop holds it in a register. */
// @ts-ignore: decorator
@inline
function pick(held: bool, value: v128, table: usize, i: usize): v128 {
  return held ? value : constant(table, i);
}

/** 1/ln 2; 1.5 · 2^23; ln 2 in two parts, negated; the polynomial of e^r from degree 6 down (Remez); |x| up to 87. */
const EXP: usize = memory.data<f32>([
  1.44269504, 12582912.0, -0.693359375, 2.12194440e-4,
  1.3814540579915047e-3, 8.36874544620514e-3, 4.166838899254799e-2, 0.1666652113199234, 0.4999999403953552, 1.0,
]);
/** The same for e^-x, by way of -r. */
const EXP_MINUS: usize = memory.data<f32>([
  -1.44269504, 12582912.0, 0.693359375, -2.12194440e-4,
  1.3814540579915047e-3, -8.36874544620514e-3, 4.166838899254799e-2, -0.1666652113199234, 0.4999999403953552, -1.0,
]);
/** All bits but the sign; the bits of 87. */
export const EXP_RANGE: usize = memory.data<u32>([0x7fffffff, 0x42ae0000]);

/** P(r) with e^r = 1 + r + r² P(r) for |r| <= ln 2 / 2, within 0.06 units of 2^-24. */
// @ts-ignore: decorator
@inline
function expPolynomial4(r: v128, table: usize, held: bool, c6: v128, c5: v128, c4: v128, c3: v128, c2: v128): v128 {
  let y = fma(pick(held, c6, table, 4), r, pick(held, c5, table, 5));
  y = fma(y, r, pick(held, c4, table, 6));
  y = fma(y, r, pick(held, c3, table, 7));
  return fma(y, r, pick(held, c2, table, 8));
}

/** e^r - 1 for |r| <= ln 2 / 2 within 2 ulp, a polynomial of degree 6. */
// @ts-ignore: decorator
@inline
export function expTail4(r: v128): v128 {
  const none = splat(0.0);
  return fma(expPolynomial4(r, EXP, false, none, none, none, none, none), f32x4.mul(r, r), r);
}

/** Whether every lane's absolute value is at most 87: e^x and e^-x are normal numbers. NaN is not. */
// @ts-ignore: decorator
@inline
function expIsNormal(x: v128, held: bool, bits: v128, most: v128): bool {
  return !v128.any_true(i32x4.gt_s(v128.and(x, pick(held, bits, EXP_RANGE, 0)), pick(held, most, EXP_RANGE, 1)));
}

/**
 * e^x, or e^-x by the constants for it, where that is a normal number: x = n ln 2 + r with |r| <= ln 2 / 2, the polynomial,
 * and n added to its exponent. Adding 1.5 · 2^23 rounds to a whole number n and leaves it in the low bits.
 */
// @ts-ignore: decorator
@inline
function expNormal4(x: v128, table: usize, held: bool, given: v128, high: v128, low: v128, c6: v128, c5: v128, c4: v128, c3: v128, c2: v128): v128 {
  const magic = pick(held, given, table, 1);
  const shifted = fma(x, constant(table, 0), magic);
  const n = f32x4.sub(shifted, magic);
  const r = fma(n, pick(held, low, table, 3), fma(n, pick(held, high, table, 2), x));
  let y = fma(expPolynomial4(r, table, held, c6, c5, c4, c3, c2), r, constant(table, 9));
  y = fma(y, r, constant(EXP, 9));
  return i32x4.add(y, i32x4.shl(shifted, 23));
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

/**
 * e^x within 1.2 ulp (measured on every 13th f32, as the bounds below). NaN stays NaN. This and the like below take ten of
 * their constants from a loop that has them in registers: a core loads two vectors a cycle, and they are more than a dozen.
 */
// @ts-ignore: decorator
@inline
export function expBy4(x: v128, held: bool, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, bits: v128, most: v128): v128 {
  return expIsNormal(x, held, bits, most) ? expNormal4(x, EXP, held, a, b, c, d, e, f, g, h) : expAny4(x);
}

/** Where the ten are, eight and two. */
export const EXP_TEN: usize = EXP + 4;
export const SIGMOID_TEN: usize = EXP_MINUS + 4;

// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const none = splat(0.0);
  return expBy4(x, false, none, none, none, none, none, none, none, none, none, none);
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
  const m = f32x4.sub(i32x4.sub(x, i32x4.shl(steps, 23)), constant(EXP, 9));
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
export function tanhBy4(given: v128, held: bool, least: v128, most: v128, whole: v128, c5: v128, c4: v128, c3: v128, c2: v128, unit: v128, half: v128, minus: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(given, pick(held, least, TANH, 0)), pick(held, most, TANH, 1));
  const magic = pick(held, whole, TANH, 2);
  const shifted = fma(x, constant(TANH, 10), magic);
  const n = f32x4.sub(shifted, magic);
  const h = fma(n, constant(TANH, 12), fma(n, constant(TANH, 11), x));
  const u = fma(fma(fma(fma(fma(constant(TANH, 13), h, pick(held, c5, TANH, 3)), h, pick(held, c4, TANH, 4)), h, pick(held, c3, TANH, 5)), h, pick(held, c2, TANH, 6)), f32x4.mul(h, h), h);
  const one = pick(held, unit, TANH, 7);
  const power = i32x4.add(i32x4.shl(shifted, 23), one);
  const t = fma(power, u, fma(power, pick(held, half, TANH, 8), pick(held, minus, TANH, 9)));
  return f32x4.div(t, f32x4.add(t, one));
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const none = splat(0.0);
  return tanhBy4(x, false, none, none, none, none, none, none, none, none, none, none);
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
export function sigmoidBy4(x: v128, held: bool, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, bits: v128, most: v128): v128 {
  if (!expIsNormal(x, held, bits, most)) return sigmoidAny4(x);
  const one = constant(EXP, 9);
  return f32x4.div(one, f32x4.add(one, expNormal4(x, EXP_MINUS, held, a, b, c, d, e, f, g, h)));
}

// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const none = splat(0.0);
  return sigmoidBy4(x, false, none, none, none, none, none, none, none, none, none, none);
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
export function erfBy4(given: v128, held: bool, least: v128, most: v128, p5: v128, p4: v128, p3: v128, p2: v128, p1: v128, q4: v128, q3: v128, q2: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(given, pick(held, least, ERF, 0)), pick(held, most, ERF, 1));
  const z = f32x4.mul(x, x);
  const p = fma(fma(fma(fma(fma(fma(constant(ERF, 10), z, pick(held, p5, ERF, 2)), z, pick(held, p4, ERF, 3)), z, pick(held, p3, ERF, 4)), z, pick(held, p2, ERF, 5)), z, pick(held, p1, ERF, 6)), z, constant(ERF, 11));
  const q = fma(fma(fma(fma(fma(constant(ERF, 12), z, pick(held, q4, ERF, 7)), z, pick(held, q3, ERF, 8)), z, pick(held, q2, ERF, 9)), z, constant(ERF, 13)), z, constant(ERF, 14));
  return f32x4.div(f32x4.mul(x, p), q);
}

// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const none = splat(0.0);
  return erfBy4(x, false, none, none, none, none, none, none, none, none, none, none);
}

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

/** tan x within 1 ulp, for any finite x. */
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

/** Output elements of one work unit of an elementwise kernel. */
export const BLOCK: i32 = 512;
