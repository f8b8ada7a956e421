// A pass over a row of softmax: powers e^(x - top) and their sum, the largest element of the next row, and the factor of the
// row before.
//
// Powers are bound by arithmetic: 7 multiply-adds, a maximum, a minimum, a subtraction and 2 whole-number steps of four elements,
// and softmax adds the difference, the sum, the maximum and the factor. A core does about three such steps a cycle, two of
// them multiply-adds, if none waits: four vectors go abreast, step by step, each constant read once for the four. On their own
// the maximum and the factor would take a cycle each: so a pass over a row finds the largest element of the next one, and
// multiplies the row before.
import { log4 } from './functions';
import { constant, fma, loadTail, splat, storeTail, sumLanes } from './simd';

/**
 * 1 / ln 2; 1.5 · 2^23; -ln 2; the powers' polynomial, from the highest degree down; its last two; -128 ln 2 as rounded; -ln 2 in two
 * parts, of which 128 times are exact.
 */
const POWERS = memory.data<f32>([
  1.44269504, 12582912.0, -0.69314718056, 0.0166249368339777, 0.08378051221370697, 0.3333423137664795, 0.999984622001648,
  2.0, -88.72283935546875, -0.693359375, 2.12192535400390625e-4,
], 16);

// @ts-ignore: decorator
@inline
export function coefficient(k: usize): v128 {
  return constant(POWERS, k);
}

/**
 * magic + n, n = x / ln 2 rounded, and magic for NaN: the low bits of n's vector are shifted into exponents, and a NaN may have
 * bits there, as those of NVIDIA's GPUs do.
 */
// @ts-ignore: decorator
@inline
function roundedOf(x: v128, scale: v128, magic: v128): v128 {
  return f32x4.pmin(magic, fma(x, scale, magic));
}

/** x - n ln 2. */
// @ts-ignore: decorator
@inline
function remainder(x: v128, n: v128, ln2: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? fma(n, ln2, x) : fma(n, coefficient(10), fma(n, coefficient(9), x));
}

/**
 * 2 e^x for x <= 0, off by 3 + |x| units of 2^-24: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial of degree 5 that is 2 at 0, by
 * minimax 1.8 units off, and n added to its exponent. Below -128 ln 2 that leaves exactly 0, above it numbers below the normal
 * ones are off by less than 2^-126. NaN stays NaN. Constants that an instruction would overwrite are read anew.
 */
// @ts-ignore: decorator
@inline
export function power(given: v128, magic: v128, ln2: v128, c4: v128, c3: v128, c2: v128, two: v128, least: v128): v128 {
  const x = f32x4.pmax(given, least);
  const shifted = roundedOf(x, coefficient(0), magic);
  const n = f32x4.sub(shifted, magic);
  const r = remainder(x, n, ln2);
  let y = fma(coefficient(3), r, c4);
  y = fma(y, r, c3);
  y = fma(y, r, c2);
  y = fma(y, r, two);
  y = fma(y, r, two);
  return i32x4.add(y, i32x4.shl(shifted, 23));
}

// The functions below that are no loops are out of line, for the binary's size.

export function power4(x: v128): v128 {
  return power(x, coefficient(1), coefficient(2), coefficient(4), coefficient(5), coefficient(6), coefficient(7), coefficient(8));
}

export function head(from: usize, count: i32): v128 {
  return loadTail(from, count);
}

export function keep(to: usize, lanes: v128, count: i32): void {
  storeTail(to, lanes, count);
}

/** The largest lane in each; NaN is passed over. */
function largest(top: v128): v128 {
  top = f32x4.pmax(top, v128.shuffle<f32>(top, top, 2, 3, 0, 1));
  return f32x4.pmax(top, v128.shuffle<f32>(top, top, 1, 0, 3, 2));
}

function tailMax(top: v128, x: usize, count: i32): v128 {
  for (; count > 0; count--) {
    top = f32x4.pmax(top, v128.load32_splat(x));
    x += 4;
  }
  return top;
}

/** The largest of `count` elements but NaNs. */
export function rowMax(x: usize, count: i32): f32 {
  let a = splat(-<f32>Infinity);
  let b = a;
  let c = a;
  let d = a;
  for (; count >= 16; count -= 16) {
    a = f32x4.pmax(a, v128.load(x));
    b = f32x4.pmax(b, v128.load(x, 16));
    c = f32x4.pmax(c, v128.load(x, 32));
    d = f32x4.pmax(d, v128.load(x, 48));
    x += 64;
  }
  return f32x4.extract_lane(largest(tailMax(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)), x, count)), 0);
}

/** Σ of the first `count` lanes. */
function firstLanes(lanes: v128, count: i32): v128 {
  return v128.and(lanes, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/**
 * Σ 2 e^d over the elements up to `end`, whole groups of sixteen, d = x - shift. At y remain d for the logarithm, else the powers,
 * unless y is 0; with a row at `next`, its largest element goes to `top`, and those at `done` become done factor + term.
 */
// @ts-ignore: decorator
@inline
function passFours(x: usize, y: usize, next: usize, done: usize, end: usize, shift: v128, factor: v128, term: v128, top: usize, logarithm: bool): v128 {
  const rows = next != 0;
  let sums = splat(0.0);
  let most = splat(-<f32>Infinity);
  while (x < end) {
    let x0 = f32x4.sub(v128.load(x), shift);
    let x1 = f32x4.sub(v128.load(x, 16), shift);
    let x2 = f32x4.sub(v128.load(x, 32), shift);
    let x3 = f32x4.sub(v128.load(x, 48), shift);
    if (logarithm) {
      v128.store(y, x0);
      v128.store(y, x1, 16);
      v128.store(y, x2, 32);
      v128.store(y, x3, 48);
    }
    let k = coefficient(8);
    x0 = f32x4.pmax(x0, k);
    x1 = f32x4.pmax(x1, k);
    x2 = f32x4.pmax(x2, k);
    x3 = f32x4.pmax(x3, k);
    if (rows) {
      most = f32x4.pmax(most, v128.load(next));
      most = f32x4.pmax(most, v128.load(next, 16));
      most = f32x4.pmax(most, v128.load(next, 32));
      most = f32x4.pmax(most, v128.load(next, 48));
    }
    k = coefficient(0);
    let l = coefficient(1);
    const n0 = roundedOf(x0, k, l);
    const n1 = roundedOf(x1, k, l);
    const n2 = roundedOf(x2, k, l);
    const n3 = roundedOf(x3, k, l);
    if (rows) {
      v128.store(done, fma(v128.load(done), factor, term));
      v128.store(done, fma(v128.load(done, 16), factor, term), 16);
      v128.store(done, fma(v128.load(done, 32), factor, term), 32);
      v128.store(done, fma(v128.load(done, 48), factor, term), 48);
    }
    k = coefficient(2);
    x0 = remainder(x0, f32x4.sub(n0, l), k);
    x1 = remainder(x1, f32x4.sub(n1, l), k);
    x2 = remainder(x2, f32x4.sub(n2, l), k);
    x3 = remainder(x3, f32x4.sub(n3, l), k);
    k = coefficient(3);
    l = coefficient(4);
    let y0 = fma(k, x0, l);
    let y1 = fma(k, x1, l);
    let y2 = fma(k, x2, l);
    let y3 = fma(k, x3, l);
    k = coefficient(5);
    y0 = fma(y0, x0, k);
    y1 = fma(y1, x1, k);
    y2 = fma(y2, x2, k);
    y3 = fma(y3, x3, k);
    k = coefficient(6);
    y0 = fma(y0, x0, k);
    y1 = fma(y1, x1, k);
    y2 = fma(y2, x2, k);
    y3 = fma(y3, x3, k);
    k = coefficient(7);
    y0 = fma(y0, x0, k);
    y1 = fma(y1, x1, k);
    y2 = fma(y2, x2, k);
    y3 = fma(y3, x3, k);
    y0 = fma(y0, x0, k);
    y1 = fma(y1, x1, k);
    y2 = fma(y2, x2, k);
    y3 = fma(y3, x3, k);
    y0 = i32x4.add(y0, i32x4.shl(n0, 23));
    y1 = i32x4.add(y1, i32x4.shl(n1, 23));
    y2 = i32x4.add(y2, i32x4.shl(n2, 23));
    y3 = i32x4.add(y3, i32x4.shl(n3, 23));
    sums = f32x4.add(sums, y0);
    sums = f32x4.add(sums, y1);
    sums = f32x4.add(sums, y2);
    sums = f32x4.add(sums, y3);
    if (y && !logarithm) {
      v128.store(y, y0);
      v128.store(y, y1, 16);
      v128.store(y, y2, 32);
      v128.store(y, y3, 48);
    }
    x += 64;
    if (y) y += 64;
    if (rows) {
      next += 64;
      done += 64;
    }
  }
  if (rows) v128.store32_lane(top, largest(most), 0);
  return sums;
}

/**
 * A pass over a row of `count` elements, as said above: y = 2 e^d with d = x - shift, or d itself for the logarithm, and what was
 * kept so of the row before, at `done`, times its factor and with its term. `state` has shift, factor and term, and gets
 * those that come next: the largest element of the row at `next`, and 1 / Σ 2 e^d or -ln Σ e^d; then Σ 2 e^d.
 */
export function passRow(x: usize, y: usize, next: usize, done: usize, count: i32, state: usize, logarithm: bool): void {
  const shift = v128.load32_splat(state);
  const factor = v128.load32_splat(state, 4);
  const term = v128.load32_splat(state, 8);
  const fours = <usize>(count & ~15) << 2;
  let sums = passFours(x, y, next, done, x + fours, shift, factor, term, state, logarithm);
  let top = v128.load32_splat(state);
  x += fours;
  y += fours;
  next += fours;
  done += fours;
  for (count &= 15; count >= 4; count -= 4) {
    const d = f32x4.sub(v128.load(x), shift);
    const e = power4(d);
    sums = f32x4.add(sums, e);
    top = f32x4.pmax(top, v128.load(next));
    v128.store(done, fma(v128.load(done), factor, term));
    v128.store(y, logarithm ? d : e);
    x += 16;
    y += 16;
    next += 16;
    done += 16;
  }
  if (count) {
    const d = f32x4.sub(head(x, count), shift);
    const e = power4(d);
    sums = f32x4.add(sums, firstLanes(e, count));
    top = tailMax(top, next, count);
    keep(done, fma(head(done, count), factor, term), count);
    keep(y, logarithm ? d : e, count);
  }
  v128.store32_lane(state, largest(top), 0);
  const sum = sumLanes(sums);
  store<f32>(state, sum, 12);
  if (logarithm) store<f32>(state, -logOf(<f32>0.5 * sum), 8);
  else store<f32>(state, <f32>1.0 / sum, 4);
}

/** Σ e^(x - top) over `count` elements none above `top`; twice the powers are kept at `y` unless that is 0. */
export function sumPowers(x: usize, y: usize, count: i32, top: f32): f32 {
  const shift = splat(top);
  const fours = <usize>(count & ~15) << 2;
  let sums = passFours(x, y, 0, 0, x + fours, shift, shift, shift, 0, false);
  x += fours;
  if (y) y += fours;
  for (count &= 15; count >= 4; count -= 4) {
    const e = power4(f32x4.sub(v128.load(x), shift));
    sums = f32x4.add(sums, e);
    x += 16;
    if (!y) continue;
    v128.store(y, e);
    y += 16;
  }
  if (count) {
    const e = power4(f32x4.sub(head(x, count), shift));
    sums = f32x4.add(sums, firstLanes(e, count));
    if (y) keep(y, e, count);
  }
  return <f32>0.5 * sumLanes(sums);
}

/** Before the first of several such rows. */
export function startRows(x: usize, count: i32, state: usize): void {
  store<f32>(state, rowMax(x, count));
  store<f32>(state, 1.0, 4);
  store<f32>(state, 0.0, 8);
}

/** y = y factor + term. */
export function scaleRow(y: usize, count: i32, factor: f32, term: f32): void {
  const a = splat(factor);
  const b = splat(term);
  for (; count >= 4; count -= 4) {
    v128.store(y, fma(v128.load(y), a, b));
    y += 16;
  }
  if (count) keep(y, fma(head(y, count), a, b), count);
}

export function logOf(value: f32): f32 {
  return f32x4.extract_lane(log4(splat(value)), 0);
}
