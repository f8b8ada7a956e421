// Softmax, its logarithm and their gradients over rows. Units are rows; a row whose elements are not neighbours is
// gathered into scratch and scattered back.
import { SoftmaxParams } from '../build/params';
import { exp4, loadTail, log4, maxLanes, operand, splat, storeTail, sumLanes } from './simd';

/** The largest of `count` elements. */
export function rowMax(x: usize, count: i32): f32 {
  let i = 0;
  let top = splat(-<f32>Infinity);
  for (; i + 4 <= count; i += 4) top = f32x4.max(top, v128.load(x + (i << 2)));
  let best = maxLanes(top);
  for (; i < count; i++) best = max(best, load<f32>(x + (i << 2)));
  return best;
}

/** Σ e^(x - top) over `count` elements; the powers are kept at `y` unless that is 0. */
export function sumPowers(x: usize, y: usize, count: i32, top: f32): f32 {
  const shift = splat(top);
  let i = 0;
  let sums = splat(0.0);
  for (; i + 4 <= count; i += 4) {
    const power = exp4(f32x4.sub(v128.load(x + (i << 2)), shift));
    if (y) v128.store(y + (i << 2), power);
    sums = f32x4.add(sums, power);
  }
  let total = sumLanes(sums);
  const rest = count & 3;
  if (rest) {
    const power = exp4(f32x4.sub(loadTail(x + (i << 2), rest), shift));
    if (y) storeTail(y + (i << 2), power, rest);
    total += f32x4.extract_lane(power, 0);
    if (rest > 1) total += f32x4.extract_lane(power, 1);
    if (rest > 2) total += f32x4.extract_lane(power, 2);
  }
  return total;
}

export function logOf(value: f32): f32 {
  return f32x4.extract_lane(log4(splat(value)), 0);
}

export function gather(x: usize, step: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i++) store<f32>(to + (i << 2), load<f32>(x + i * step));
}

export function scatter(from: usize, y: usize, step: usize, count: i32): void {
  for (let i = 0; i < count; i++) store<f32>(y + i * step, load<f32>(from + (i << 2)));
}

// @ts-ignore: decorator
@inline
function forRows1<F>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<SoftmaxParams>(params);
  const length = <i32>p.length;
  const inner = <i32>p.inner;
  const step = <usize>inner << 2;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / inner;
    const skip = (block * length * inner + (unit - block * inner)) << 2;
    const x = operand(o, 0) + skip;
    const y = operand(o, 1) + skip;
    if (inner == 1) {
      changetype<F>(0).row(x, y, length);
    } else {
      gather(x, step, length, scratch);
      changetype<F>(0).row(scratch, scratch, length);
      scatter(scratch, y, step, length);
    }
  }
}

// @ts-ignore: decorator
@inline
function forRows2<F>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<SoftmaxParams>(params);
  const length = <i32>p.length;
  const inner = <i32>p.inner;
  const step = <usize>inner << 2;
  const second = scratch + (length << 2);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / inner;
    const skip = (block * length * inner + (unit - block * inner)) << 2;
    const dy = operand(o, 0) + skip;
    const y = operand(o, 1) + skip;
    const dx = operand(o, 2) + skip;
    if (inner == 1) {
      changetype<F>(0).row(dy, y, dx, length);
    } else {
      gather(dy, step, length, scratch);
      gather(y, step, length, second);
      changetype<F>(0).row(scratch, second, scratch, length);
      scatter(scratch, dx, step, length);
    }
  }
}

/** y = e^(x - max) / Σ e^(x - max). */
// @ts-ignore: decorator
@final @unmanaged class Softmax {
  row(x: usize, y: usize, count: i32): void {
    const total = sumPowers(x, y, count, rowMax(x, count));
    const scale = splat(<f32>1.0 / total);
    let i = 0;
    for (; i + 4 <= count; i += 4) v128.store(y + (i << 2), f32x4.mul(v128.load(y + (i << 2)), scale));
    for (; i < count; i++) store<f32>(y + (i << 2), load<f32>(y + (i << 2)) * (<f32>1.0 / total));
  }
}
export function softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows1<Softmax>(o, p, s, begin, end); }

/** y = x - max - ln Σ e^(x - max). */
// @ts-ignore: decorator
@final @unmanaged class LogSoftmax {
  row(x: usize, y: usize, count: i32): void {
    const top = rowMax(x, count);
    const shift = logOf(sumPowers(x, 0, count, top));
    for (let i = 0; i < count; i++) store<f32>(y + (i << 2), load<f32>(x + (i << 2)) - top - shift);
  }
}
export function log_softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows1<LogSoftmax>(o, p, s, begin, end); }

/** dx = y (dy - Σ dy y). */
// @ts-ignore: decorator
@final @unmanaged class SoftmaxBackward {
  row(dy: usize, y: usize, dx: usize, count: i32): void {
    let i = 0;
    let sums = splat(0.0);
    for (; i + 4 <= count; i += 4) sums = f32x4.add(sums, f32x4.mul(v128.load(dy + (i << 2)), v128.load(y + (i << 2))));
    let total = sumLanes(sums);
    for (; i < count; i++) total += load<f32>(dy + (i << 2)) * load<f32>(y + (i << 2));
    for (i = 0; i < count; i++) {
      store<f32>(dx + (i << 2), load<f32>(y + (i << 2)) * (load<f32>(dy + (i << 2)) - total));
    }
  }
}
export function softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows2<SoftmaxBackward>(o, p, s, begin, end); }

/** dx = dy - e^y Σ dy. */
// @ts-ignore: decorator
@final @unmanaged class LogSoftmaxBackward {
  row(dy: usize, y: usize, dx: usize, count: i32): void {
    let i = 0;
    let sums = splat(0.0);
    for (; i + 4 <= count; i += 4) sums = f32x4.add(sums, v128.load(dy + (i << 2)));
    let total = sumLanes(sums);
    for (; i < count; i++) total += load<f32>(dy + (i << 2));
    const scale = splat(total);
    for (i = 0; i + 4 <= count; i += 4) {
      const power = exp4(v128.load(y + (i << 2)));
      v128.store(dx + (i << 2), f32x4.sub(v128.load(dy + (i << 2)), f32x4.mul(power, scale)));
    }
    const rest = count & 3;
    if (rest) {
      const power = exp4(loadTail(y + (i << 2), rest));
      storeTail(dx + (i << 2), f32x4.sub(loadTail(dy + (i << 2), rest), f32x4.mul(power, scale)), rest);
    }
  }
}
export function log_softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows2<LogSoftmaxBackward>(o, p, s, begin, end); }
