// Softmax, its logarithm and their gradients over rows of x [outer, length, inner]. Rows whose elements are neighbours are
// taken one by one, and are units; else units are 16 neighbouring rows, a line of cache, four of them in the lanes of
// vectors. A row is passed over three times, which it spends in the cache: its largest element, the powers and
// their sum, the quotient.
import { SoftmaxParams } from '../build/params';
import { fma, loadTail, loadUpTo, log4, operand, splat, storeTail, storeUpTo, sumLanes } from './simd';

/** 1 / ln 2; 1.5 · 2^23; -ln 2; 1 / k! by a minimax fit, k = 6 to 2; 1; ln 2^-126; -ln 2 in two parts. V8 makes constants in code anew each time. */
const POWERS = memory.data<f32>([
  1.44269504088896341, 12582912.0, -0.69314718056, 1.3843606731e-3, 8.3741956338e-3, 4.1668004726e-2, 1.66664308e-1, 4.9999994192e-1,
  1.0, -87.33, -0.693359375, 2.12194440e-4,
], 16);

// @ts-ignore: decorator
@inline
function constant(k: i32): v128 {
  return v128.load32_splat(POWERS + (k << 2));
}

/**
 * e^x within 2 ulp for x <= 0: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial of degree 6 in r, then n added to the
 * exponent. What would be smaller than a normal number is 0. Without a fused product ln 2 is taken in two parts.
 */
// @ts-ignore: decorator
@inline
function power(x: v128, perLn2: v128, magic: v128, ln2: v128, c6: v128, c5: v128, c4: v128, c3: v128, c2: v128, one: v128, least: v128): v128 {
  const shifted = fma(x, perLn2, magic);
  const n = f32x4.sub(shifted, magic);
  const r = ASC_FEATURE_RELAXED_SIMD ? fma(n, ln2, x) : fma(n, constant(11), fma(n, constant(10), x));
  let y = fma(c6, r, c5);
  y = fma(y, r, c4);
  y = fma(y, r, c3);
  y = fma(y, r, c2);
  y = fma(y, r, one);
  y = fma(y, r, one);
  return v128.andnot(i32x4.add(y, i32x4.shl(shifted, 23)), f32x4.lt(x, least));
}

// @ts-ignore: decorator
@inline
export function power4(x: v128): v128 {
  return power(x, constant(0), constant(1), constant(2), constant(3), constant(4), constant(5), constant(6), constant(7), constant(8), constant(9));
}

/** The larger of each lane, NaN where one is NaN: the pseudo-maximum keeps that of `held`, all bits are that of x. */
// @ts-ignore: decorator
@inline
export function larger4(held: v128, x: v128): v128 {
  return v128.or(f32x4.pmax(held, x), f32x4.ne(x, x));
}

/** The largest of `count` elements. */
export function rowMax(x: usize, count: i32): f32 {
  let top = splat(-<f32>Infinity);
  let other = top;
  let missing = splat(0.0);
  for (; count >= 8; count -= 8) {
    const v = v128.load(x);
    const w = v128.load(x, 16);
    top = f32x4.pmax(top, v);
    other = f32x4.pmax(other, w);
    missing = v128.or(missing, v128.or(f32x4.ne(v, v), f32x4.ne(w, w)));
    x += 32;
  }
  top = v128.or(f32x4.pmax(top, other), missing);
  for (; count >= 4; count -= 4) {
    top = larger4(top, v128.load(x));
    x += 16;
  }
  for (; count > 0; count--) {
    top = larger4(top, v128.load32_splat(x));
    x += 4;
  }
  top = larger4(top, v128.shuffle<f32>(top, top, 2, 3, 0, 1));
  return f32x4.extract_lane(larger4(top, v128.shuffle<f32>(top, top, 1, 0, 3, 2)), 0);
}

/** Σ e^(x - top) over `count` elements none above `top`, NaN where that is; the powers are kept at `y` unless that is 0. */
export function sumPowers(x: usize, y: usize, count: i32, top: f32): f32 {
  const shift = splat(top);
  const perLn2 = constant(0);
  const magic = constant(1);
  const ln2 = constant(2);
  const c6 = constant(3);
  const c5 = constant(4);
  const c4 = constant(5);
  const c3 = constant(6);
  const c2 = constant(7);
  const one = constant(8);
  const least = constant(9);
  let sums = splat(0.0);
  const end = x + (count << 2);
  for (; x + 16 <= end; x += 16) {
    const e = power(f32x4.sub(v128.load(x), shift), perLn2, magic, ln2, c6, c5, c4, c3, c2, one, least);
    sums = f32x4.add(sums, e);
    if (y) {
      v128.store(y, e);
      y += 16;
    }
  }
  count &= 3;
  if (count) {
    const e = power4(f32x4.sub(loadTail(x, count), shift));
    if (y) storeTail(y, e, count);
    sums = f32x4.add(sums, v128.and(e, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count))));
  }
  return top != top ? top : sumLanes(sums);
}

/** y *= factor. */
export function scaleRow(y: usize, count: i32, factor: f32): void {
  const scale = splat(factor);
  for (; count >= 4; count -= 4) {
    v128.store(y, f32x4.mul(v128.load(y), scale));
    y += 16;
  }
  if (count) storeTail(y, f32x4.mul(loadTail(y, count), scale), count);
}

export function logOf(value: f32): f32 {
  return f32x4.extract_lane(log4(splat(value)), 0);
}

export function gather(x: usize, step: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i++) store<f32>(to + (i << 2), load<f32>(x + i * step));
}

/** The largest elements of four rows whose elements lie `step` bytes apart up to `end` bytes; `rest` rows are there. */
// @ts-ignore: decorator
@inline
export function columnMax(x: usize, step: usize, end: usize, rest: i32): v128 {
  let top = loadUpTo(x, rest);
  for (let at = step; at < end; at += step) top = larger4(top, loadUpTo(x + at, rest));
  return top;
}

// F.row works on one row of `count` elements, F.columns on four rows.

// @ts-ignore: decorator
@inline
function forRows<F>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<SoftmaxParams>(params);
  const length = <i32>p.length;
  const inner = <i32>p.inner;
  const a = operand(o, 0);
  const b = operand(o, 1);
  const c = operand(o, 2);
  if (inner == 1) {
    for (let unit = begin; unit < end; unit++) {
      const skip = (unit * length) << 2;
      changetype<F>(0).row(a + skip, b + skip, c + skip, length);
    }
    return;
  }
  const step = <usize>inner << 2;
  const lines = (inner + 15) >> 4;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / lines;
    const first = (unit - block * lines) << 4;
    const stop = min(inner, first + 16);
    for (let column = first; column < stop; column += 4) {
      const skip = (block * length * inner + column) << 2;
      changetype<F>(0).columns(a + skip, b + skip, c + skip, step, step * length, stop - column);
    }
  }
}

/** y = e^(x - max) / Σ e^(x - max). */
// @ts-ignore: decorator
@final @unmanaged class Softmax {
  // @ts-ignore: decorator
  @inline row(x: usize, y: usize, none: usize, count: i32): void {
    scaleRow(y, count, <f32>1.0 / sumPowers(x, y, count, rowMax(x, count)));
  }
  // @ts-ignore: decorator
  @inline columns(x: usize, y: usize, none: usize, step: usize, end: usize, rest: i32): void {
    const top = columnMax(x, step, end, rest);
    let sum = splat(0.0);
    for (let at: usize = 0; at < end; at += step) {
      const power = power4(f32x4.sub(loadUpTo(x + at, rest), top));
      sum = f32x4.add(sum, power);
      storeUpTo(y + at, power, rest);
    }
    const scale = v128.or(f32x4.div(splat(1.0), sum), f32x4.ne(top, top));
    for (let at: usize = 0; at < end; at += step) storeUpTo(y + at, f32x4.mul(loadUpTo(y + at, rest), scale), rest);
  }
}
export function softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows<Softmax>(o, p, begin, end); }

/** y = x - max - ln Σ e^(x - max). */
// @ts-ignore: decorator
@final @unmanaged class LogSoftmax {
  // @ts-ignore: decorator
  @inline row(x: usize, y: usize, none: usize, count: i32): void {
    const top = rowMax(x, count);
    const shift = splat(logOf(sumPowers(x, 0, count, top)));
    for (let i = 0; i < count; i += 4) {
      const at = i << 2;
      storeUpTo(y + at, f32x4.sub(f32x4.sub(loadUpTo(x + at, count - i), splat(top)), shift), count - i);
    }
  }
  // @ts-ignore: decorator
  @inline columns(x: usize, y: usize, none: usize, step: usize, end: usize, rest: i32): void {
    const top = columnMax(x, step, end, rest);
    let sum = splat(0.0);
    for (let at: usize = 0; at < end; at += step) sum = f32x4.add(sum, power4(f32x4.sub(loadUpTo(x + at, rest), top)));
    const shift = v128.or(log4(sum), f32x4.ne(top, top));
    for (let at: usize = 0; at < end; at += step) {
      storeUpTo(y + at, f32x4.sub(f32x4.sub(loadUpTo(x + at, rest), top), shift), rest);
    }
  }
}
export function log_softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows<LogSoftmax>(o, p, begin, end); }

/** dx = y (dy - Σ dy y). */
// @ts-ignore: decorator
@final @unmanaged class SoftmaxBackward {
  // @ts-ignore: decorator
  @inline row(dy: usize, y: usize, dx: usize, count: i32): void {
    let sums = splat(0.0);
    for (let i = 0; i < count; i += 4) {
      const at = i << 2;
      sums = fma(loadUpTo(dy + at, count - i), loadUpTo(y + at, count - i), sums);
    }
    const total = splat(sumLanes(sums));
    for (let i = 0; i < count; i += 4) {
      const at = i << 2;
      const rest = count - i;
      storeUpTo(dx + at, f32x4.mul(loadUpTo(y + at, rest), f32x4.sub(loadUpTo(dy + at, rest), total)), rest);
    }
  }
  // @ts-ignore: decorator
  @inline columns(dy: usize, y: usize, dx: usize, step: usize, end: usize, rest: i32): void {
    let total = splat(0.0);
    for (let at: usize = 0; at < end; at += step) total = fma(loadUpTo(dy + at, rest), loadUpTo(y + at, rest), total);
    for (let at: usize = 0; at < end; at += step) {
      storeUpTo(dx + at, f32x4.mul(loadUpTo(y + at, rest), f32x4.sub(loadUpTo(dy + at, rest), total)), rest);
    }
  }
}
export function softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows<SoftmaxBackward>(o, p, begin, end); }

/** dx = dy - e^y Σ dy, y not above 0. */
// @ts-ignore: decorator
@final @unmanaged class LogSoftmaxBackward {
  // @ts-ignore: decorator
  @inline row(dy: usize, y: usize, dx: usize, count: i32): void {
    let sums = splat(0.0);
    for (let i = 0; i < count; i += 4) sums = f32x4.add(sums, loadUpTo(dy + (i << 2), count - i));
    const total = splat(sumLanes(sums));
    for (let i = 0; i < count; i += 4) {
      const at = i << 2;
      const rest = count - i;
      storeUpTo(dx + at, f32x4.sub(loadUpTo(dy + at, rest), f32x4.mul(power4(loadUpTo(y + at, rest)), total)), rest);
    }
  }
  // @ts-ignore: decorator
  @inline columns(dy: usize, y: usize, dx: usize, step: usize, end: usize, rest: i32): void {
    let total = splat(0.0);
    for (let at: usize = 0; at < end; at += step) total = f32x4.add(total, loadUpTo(dy + at, rest));
    for (let at: usize = 0; at < end; at += step) {
      storeUpTo(dx + at, f32x4.sub(loadUpTo(dy + at, rest), f32x4.mul(power4(loadUpTo(y + at, rest)), total)), rest);
    }
  }
}
export function log_softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows<LogSoftmaxBackward>(o, p, begin, end); }
