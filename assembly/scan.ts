// y_i = x_0 ∘ ... ∘ x_i and y_i = a_i y_{i-1} + b_i along rows of elements that lie `inner` apart. Units are rows,
// or blocks of rows that are neighbours.
import { ScanParams } from '../build/params';
import { AddF32, AddI32, MulF32 } from './reduce_terms';
import { exp4, log4 } from './functions';
import { loadUpTo, operand, splat, storeUpTo } from './simd';

/** Bytes from the start of the operands to the first element of the scan of row number `row`. */
function firstOf(p: ScanParams, row: i32): i32 {
  const inner = <i32>p.inner;
  const length = <i32>p.length;
  const block = row / inner;
  const start = p.reverse ? (length - 1) * inner : 0;
  return (block * length * inner + (row - block * inner) + start) << 2;
}

/** Neighbouring rows of one unit; src/ops/scan.ts plans with the same number. */
const TOGETHER: i32 = 1024;

/**
 * mode 0: with x_i, 1: without. Rows that are neighbours go together, line by line, the line before being read from y. One
 * row goes by vectors, each joined within itself in two steps, unless that may overflow where the row does not (`ordered`).
 */
// @ts-ignore: decorator
@inline
function scan<F>(o: usize, params: usize, begin: i32, end: i32, start: i32, ordered: bool): void {
  const p = changetype<ScanParams>(params);
  const inner = <i32>p.inner;
  const length = <i32>p.length;
  const none = i32x4.splat(start);
  const parts = (inner + TOGETHER - 1) / TOGETHER;
  const move = (p.reverse ? -inner : inner) << 2;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / parts;
    const part = (unit - block * parts) * TOGETHER;
    const first = firstOf(p, block * inner + part);
    let x = operand(o, 0) + first;
    let y = operand(o, 1) + first;
    let k = 0;
    let held = none;
    if (inner > 1) {
      for (; k < length; k++) {
        const from = p.mode == 1 ? x - move : x;
        for (let rest = min(TOGETHER, inner - part), at = 0; rest > 0; rest -= 4) {
          let sum = none;
          if (k) sum = changetype<F>(0).lanes(loadUpTo(y - move + at, rest), loadUpTo(from + at, rest));
          else if (p.mode != 1) sum = loadUpTo(from + at, rest);
          storeUpTo(y + at, sum, rest);
          at += 16;
        }
        x += move;
        y += move;
      }
    }
    for (; !ordered && k + 4 <= length; k += 4) {
      let v = v128.load(p.reverse ? x - 12 : x);
      if (p.reverse) v = v128.shuffle<i32>(v, v, 3, 2, 1, 0);
      v = changetype<F>(0).lanes(v128.shuffle<i32>(none, v, 0, 4, 5, 6), v);
      v = changetype<F>(0).lanes(v128.shuffle<i32>(none, v, 0, 1, 4, 5), v);
      v = changetype<F>(0).lanes(held, v);
      let sums = v;
      if (p.mode == 1) sums = v128.shuffle<i32>(held, v, 3, 4, 5, 6);
      if (p.reverse) sums = v128.shuffle<i32>(sums, sums, 3, 2, 1, 0);
      v128.store(p.reverse ? y - 12 : y, sums);
      held = v128.shuffle<i32>(v, v, 3, 3, 3, 3);
      x += 4 * move;
      y += 4 * move;
    }
    for (; k < length; k++) {
      const before = held;
      held = changetype<F>(0).lanes(held, v128.load32_splat(x));
      v128.store_lane<u32>(y, p.mode == 1 ? before : held, 0);
      x += move;
      y += move;
    }
  }
}

export function cumsum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<AddF32>(o, p, begin, end, 0, false); }
export function cumsum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<AddI32>(o, p, begin, end, 0, false); }
export function cumprod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<MulF32>(o, p, begin, end, 0x3f800000, true); }

/** ln (e^a + e^b). */
// @ts-ignore: decorator
@final @unmanaged class LogAdd {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 {
    const top = f32x4.max(a, b);
    const power = f32x4.add(splat(1.0), exp4(f32x4.sub(f32x4.min(a, b), top)));
    const infinite = f32x4.eq(f32x4.abs(top), splat(<f32>Infinity));
    return v128.bitselect(top, f32x4.add(top, log4(power)), infinite);
  }
}
export function log_cum_sum_exp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<LogAdd>(o, p, begin, end, 0xff800000, true); }

/** mode 0: y_i = a_i y_{i-1} + b_i, 1: the same one place later, 2: y_i = a_{i-1} y_{i-1} + b_i; from 0 on. */
export function linear_scan_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<ScanParams>(params);
  const step = (p.reverse ? -<i32>p.inner : <i32>p.inner) << 2;
  for (let unit = begin; unit < end; unit++) {
    let at = firstOf(p, unit);
    let held: f32 = 0.0;
    for (let k = 0; k < <i32>p.length; k++) {
      const a = load<f32>(operand(o, 0) + at);
      const b = load<f32>(operand(o, 1) + at);
      const before = held;
      if (p.mode == 2) {
        store<f32>(operand(o, 2) + at, b + before);
        held = a * (b + before);
      } else {
        held = a * before + b;
        store<f32>(operand(o, 2) + at, p.mode == 1 ? before : held);
      }
      at += step;
    }
  }
}
