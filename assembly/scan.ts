// y_i = x_0 ∘ ... ∘ x_i and y_i = a_i y_{i-1} + b_i along rows of elements that lie `inner` apart. Units are rows.
import { ScanParams } from '../build/params';
import { AddF32, AddI32, MulF32 } from './reduce_terms';
import { exp4, log4, operand, splat } from './simd';

/** Bytes from the start of the operands to the first element of the scan of row number `row`. */
function firstOf(p: ScanParams, row: i32): i32 {
  const inner = <i32>p.inner;
  const length = <i32>p.length;
  const block = row / inner;
  const start = p.reverse ? (length - 1) * inner : 0;
  return (block * length * inner + (row - block * inner) + start) << 2;
}

/** mode 0: with x_i, 1: without. */
// @ts-ignore: decorator
@inline
function scan<F, T>(o: usize, params: usize, begin: i32, end: i32, start: T): void {
  const p = changetype<ScanParams>(params);
  const step = (p.reverse ? -<i32>p.inner : <i32>p.inner) << 2;
  for (let unit = begin; unit < end; unit++) {
    const first = firstOf(p, unit);
    let x = operand(o, 0) + first;
    let y = operand(o, 1) + first;
    let held = start;
    for (let k = 0; k < <i32>p.length; k++) {
      const before = held;
      held = changetype<F>(0).lane(held, load<T>(x));
      store<T>(y, p.mode == 1 ? before : held);
      x += step;
      y += step;
    }
  }
}

export function cumsum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<AddF32, f32>(o, p, begin, end, 0.0); }
export function cumsum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<AddI32, i32>(o, p, begin, end, 0); }
export function cumprod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<MulF32, f32>(o, p, begin, end, 1.0); }

/** ln (e^a + e^b). */
// @ts-ignore: decorator
@final @unmanaged class LogAdd {
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 {
    const top = max(a, b);
    if (abs(top) == <f32>Infinity) return top;
    const power = f32x4.add(splat(1.0), exp4(splat(min(a, b) - top)));
    return top + f32x4.extract_lane(log4(power), 0);
  }
}
export function log_cum_sum_exp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { scan<LogAdd, f32>(o, p, begin, end, -<f32>Infinity); }

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
