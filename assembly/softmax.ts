// Softmax, its logarithm and their gradients over rows of x [outer, length, inner]. Rows whose elements are neighbours are
// units; short ones are laid side by side into scratch, four at a time, for lanes don't mix. Else units are 16 neighbouring
// rows, a line of cache, four of them in the lanes of vectors.
import { SoftmaxParams } from '../build/params';
import { log4 } from './functions';
import { fma, loadUpTo, operand, splat, storeUpTo, sumLanes, transpose4 } from './simd';
import { coefficient, head, keep, passRow, power, power4, scaleRow, startRows } from './softmax_row';

/** Rows up to this long are taken in lanes; src/ops/rows.ts plans with the same number. */
export const SHORT: i32 = 32;

export function gather(x: usize, step: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i++) store<f32>(to + (i << 2), load<f32>(x + i * step));
}

/** Copies `count` rows from x on to lanes, element i of each into vector i, or `back`. */
export function moveLanes(x: usize, lanes: usize, count: i32, length: i32, inner: i32, back: bool): void {
  const pitch = <usize>length << 2;
  if (inner > 1) {
    const step = <usize>inner << 2;
    for (; length > 0; length--) {
      if (back) storeUpTo(x, v128.load(lanes), count);
      else v128.store(lanes, loadUpTo(x, count));
      x += step;
      lanes += 16;
    }
    return;
  }
  if (count == 4 && pitch >= 16) {
    // The last four may overlap those before.
    for (let c: usize = 0; c < pitch; c += 16) {
      const own = x + min(c, pitch - 16);
      const side = lanes + (min(c, pitch - 16) << 2);
      transpose4(back ? side : own, back ? 16 : pitch, back ? own : side, back ? pitch : 16);
    }
    return;
  }
  const stop = x + pitch;
  for (; x < stop; x += 4) {
    for (let r = 0; r < count; r++) {
      const at = x + r * pitch;
      const lane = lanes + (r << 2);
      store<u32>(back ? at : lane, load<u32>(back ? lane : at));
    }
    lanes += 16;
  }
}

/** The largest elements of four rows whose elements lie `step` bytes apart up to `end` bytes; `rest` rows are there. */
export function columnMax(x: usize, step: usize, end: usize, rest: i32): v128 {
  let top = splat(-<f32>Infinity);
  for (end += x; x < end; x += step) top = f32x4.pmax(top, loadUpTo(x, rest));
  return top;
}

/** Σ e^(x - top) of each such row, none above `top`; twice the powers are kept at `y` unless that is 0. */
export function sumColumns(x: usize, y: usize, step: usize, end: usize, rest: i32, top: v128): v128 {
  const magic = coefficient(1);
  const ln2 = coefficient(2);
  const c4 = coefficient(4);
  const c3 = coefficient(5);
  const c2 = coefficient(6);
  const two = coefficient(7);
  const least = coefficient(8);
  let sums = splat(0.0);
  for (end += x; x < end; x += step) {
    const e = power(f32x4.sub(loadUpTo(x, rest), top), magic, ln2, c4, c3, c2, two, least);
    sums = f32x4.add(sums, e);
    if (y) {
      storeUpTo(y, e, rest);
      y += step;
    }
  }
  return f32x4.mul(sums, splat(0.5));
}

// What works on one row of `count` elements of several, and what on four rows side by side; of one input or two, by kind.
const SOFTMAX = 0;
const LOG_SOFTMAX = 1;
const SOFTMAX_BACKWARD = 2;
const LOG_SOFTMAX_BACKWARD = 3;

function byRow(kind: i32, a: usize, b: usize, c: usize, count: i32, state: usize, first: bool, last: bool): void {
  if (kind <= LOG_SOFTMAX) softmaxRow(a, b, count, state, first, last, kind == LOG_SOFTMAX);
  else if (kind == SOFTMAX_BACKWARD) softmaxRowBackward(a, b, c, count);
  else logSoftmaxRowBackward(a, b, c, count);
}

function byColumns(kind: i32, a: usize, b: usize, c: usize, step: usize, end: usize, rest: i32): void {
  if (kind == SOFTMAX) softmaxColumns(a, b, step, end, rest);
  else if (kind == LOG_SOFTMAX) logSoftmaxColumns(a, b, step, end, rest);
  else if (kind == SOFTMAX_BACKWARD) softmaxColumnsBackward(a, b, c, step, end, rest);
  else logSoftmaxColumnsBackward(a, b, c, step, end, rest);
}

function forRows(o: usize, params: usize, scratch: usize, begin: i32, end: i32, kind: i32): void {
  const pairs = kind >= SOFTMAX_BACKWARD;
  const p = changetype<SoftmaxParams>(params);
  const length = <i32>p.length;
  const inner = <i32>p.inner;
  let a = operand(o, 0);
  let b = operand(o, 1);
  let c = operand(o, 2);
  if (inner == 1) {
    const step = <usize>length << 2;
    a += begin * step;
    b += begin * step;
    c += begin * step;
    if (length > SHORT) {
      for (let row = begin; row < end; row++) {
        byRow(kind, a, b, c, length, scratch, row == begin, row + 1 == end);
        a += step;
        b += step;
        c += step;
      }
      return;
    }
    const other = scratch + 4 * step;
    for (let row = begin; row < end; row += 4) {
      const count = min(4, end - row);
      moveLanes(a, scratch, count, length, 1, false);
      if (pairs) moveLanes(b, other, count, length, 1, false);
      byColumns(kind, scratch, pairs ? other : scratch, scratch, 16, 4 * step, 4);
      moveLanes(pairs ? c : b, scratch, count, length, 1, true);
      a += 4 * step;
      b += 4 * step;
      c += 4 * step;
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
      byColumns(kind, a + skip, b + skip, c + skip, step, step * length, stop - column);
    }
  }
}

/** y = e^(x - max) / Σ e^(x - max). */
function softmaxRow(x: usize, y: usize, count: i32, state: usize, first: bool, last: bool, logarithm: bool): void {
  const step = <usize>count << 2;
  if (first) startRows(x, count, state);
  passRow(x, y, last ? x : x + step, first ? y : y - step, count, state, logarithm);
  if (last) scaleRow(y, count, load<f32>(state, 4), load<f32>(state, 8));
}

function softmaxColumns(x: usize, y: usize, step: usize, end: usize, rest: i32): void {
  const sums = sumColumns(x, y, step, end, rest, columnMax(x, step, end, rest));
  const scale = f32x4.div(splat(0.5), sums);
  for (end += y; y < end; y += step) storeUpTo(y, f32x4.mul(loadUpTo(y, rest), scale), rest);
}
export function softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows(o, p, s, begin, end, SOFTMAX); }

function shiftColumns(x: usize, y: usize, step: usize, end: usize, rest: i32, top: v128, shift: v128): void {
  for (end += x; x < end; x += step) {
    storeUpTo(y, f32x4.sub(f32x4.sub(loadUpTo(x, rest), top), shift), rest);
    y += step;
  }
}

/** y = x - max - ln Σ e^(x - max). */
function logSoftmaxColumns(x: usize, y: usize, step: usize, end: usize, rest: i32): void {
  const top = columnMax(x, step, end, rest);
  shiftColumns(x, y, step, end, rest, top, log4(sumColumns(x, 0, step, end, rest, top)));
}
export function log_softmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows(o, p, s, begin, end, LOG_SOFTMAX); }

function spreadColumns(dy: usize, y: usize, dx: usize, step: usize, end: usize, rest: i32, total: v128): void {
  for (let at: usize = 0; at < end; at += step) {
    storeUpTo(dx + at, f32x4.mul(loadUpTo(y + at, rest), f32x4.sub(loadUpTo(dy + at, rest), total)), rest);
  }
}

/** dx = y (dy - Σ dy y). */
function softmaxRowBackward(dy: usize, y: usize, dx: usize, count: i32): void {
  let sums = splat(0.0);
  let more = sums;
  const whole = <usize>(count & ~3) << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const last = sums;
    sums = fma(v128.load(dy + at), v128.load(y + at), more);
    more = last;
  }
  count &= 3;
  if (count) more = fma(head(dy + whole, count), head(y + whole, count), more);
  const total = splat(sumLanes(f32x4.add(sums, more)));
  spreadColumns(dy, y, dx, 16, whole, 4, total);
  if (count) spreadColumns(dy + whole, y + whole, dx + whole, 16, 16, count, total);
}

function softmaxColumnsBackward(dy: usize, y: usize, dx: usize, step: usize, end: usize, rest: i32): void {
  let total = splat(0.0);
  for (let at: usize = 0; at < end; at += step) total = fma(loadUpTo(dy + at, rest), loadUpTo(y + at, rest), total);
  spreadColumns(dy, y, dx, step, end, rest, total);
}
export function softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows(o, p, s, begin, end, SOFTMAX_BACKWARD); }

/** dx = dy - e^y Σ dy, y not above 0. */
function logSoftmaxRowBackward(dy: usize, y: usize, dx: usize, count: i32): void {
  const half = splat(<f32>-0.5 * sumOf(dy, count));
  const magic = coefficient(1);
  const ln2 = coefficient(2);
  const c4 = coefficient(4);
  const c3 = coefficient(5);
  const c2 = coefficient(6);
  const two = coefficient(7);
  const least = coefficient(8);
  for (; count >= 4; count -= 4) {
    const e = power(v128.load(y), magic, ln2, c4, c3, c2, two, least);
    v128.store(dx, fma(e, half, v128.load(dy)));
    dx += 16;
    dy += 16;
    y += 16;
  }
  if (count) keep(dx, fma(power4(head(y, count)), half, head(dy, count)), count);
}

function logSoftmaxColumnsBackward(dy: usize, y: usize, dx: usize, step: usize, end: usize, rest: i32): void {
  let total = splat(0.0);
  for (let at: usize = 0; at < end; at += step) total = f32x4.add(total, loadUpTo(dy + at, rest));
  total = f32x4.mul(total, splat(-0.5));
  for (let at: usize = 0; at < end; at += step) {
    storeUpTo(dx + at, fma(power4(loadUpTo(y + at, rest)), total, loadUpTo(dy + at, rest)), rest);
  }
}
export function log_softmax_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { forRows(o, p, s, begin, end, LOG_SOFTMAX_BACKWARD); }

export function sumOf(x: usize, count: i32): f32 {
  let sums = splat(0.0);
  let more = sums;
  for (; count >= 4; count -= 4) {
    const last = sums;
    sums = f32x4.add(more, v128.load(x));
    more = last;
    x += 16;
  }
  if (count) more = f32x4.add(more, head(x, count));
  return sumLanes(f32x4.add(sums, more));
}
