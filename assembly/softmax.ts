// Softmax, its logarithm and their gradients over rows of x [outer, length, inner]. Rows whose elements are neighbours are
// units; short ones are laid side by side into scratch, four at a time, for lanes don't mix. Else units are 16 neighbouring
// rows, a line of cache, four of them in the lanes of vectors.
//
// Powers are bound by arithmetic, of which a core does about two steps of floats a cycle: they take 11 of them, the difference
// and the sum included, and four vectors go abreast. The largest element of a row and its factor would take a cycle each on
// their own, which half a cycle of arithmetic is: so a pass over a row finds the largest element of the next one, and multiplies
// the row before.
import { powerAbreast } from '../build/abreast';
import { SoftmaxParams } from '../build/params';
import { power } from './curves';
import { log4 } from './functions';
import { fma, loadTail, loadUpTo, operand, splat, storeTail, storeUpTo, sumLanes, transpose4 } from './simd';

/** Rows up to this long are taken in lanes; src/ops/rows.ts plans with the same number. */
export const SHORT: i32 = 32;
/** Bytes of what a pass over a row leaves to the next one, at the start of scratch memory, and of four vectors behind that. */
export const STATE: usize = 16;
export const SPARE: usize = 64;

// The functions below that are no loops are out of line, for the binary's size.

function power4(x: v128): v128 {
  return power(x);
}

function head(from: usize, count: i32): v128 {
  return loadTail(from, count);
}

function keep(to: usize, lanes: v128, count: i32): void {
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

/** y = y factor + term, four vectors. */
// @ts-ignore: decorator
@inline
function scaleFour(y: usize, factor: v128, term: v128): void {
  v128.store(y, fma(v128.load(y), factor, term));
  v128.store(y, fma(v128.load(y, 16), factor, term), 16);
  v128.store(y, fma(v128.load(y, 32), factor, term), 32);
  v128.store(y, fma(v128.load(y, 48), factor, term), 48);
}

/** sums plus the four vectors at x, one after the other. */
// @ts-ignore: decorator
@inline
function addFour(sums: v128, x: usize): v128 {
  sums = f32x4.add(sums, v128.load(x));
  sums = f32x4.add(sums, v128.load(x, 16));
  sums = f32x4.add(sums, v128.load(x, 32));
  return f32x4.add(sums, v128.load(x, 48));
}

/**
 * A pass over a row of `count` elements, as said above: y = 2 e^d with d = x - shift, or d itself for the logarithm, and what was
 * kept so of the row before, at `done`, times its factor and with its term. `state` has shift, factor and term, and gets
 * those that come next: the largest element of the row at `next`, and 1 / Σ 2 e^d or -ln Σ e^d; then Σ 2 e^d. 64 bytes at
 * `spare` are written.
 */
export function passRow(x: usize, y: usize, next: usize, done: usize, count: i32, state: usize, spare: usize, logarithm: bool): void {
  const shift = v128.load32_splat(state);
  const factor = v128.load32_splat(state, 4);
  const term = v128.load32_splat(state, 8);
  let sums = splat(0.0);
  let top = splat(-<f32>Infinity);
  for (; count >= 16; count -= 16) {
    scaleFour(done, factor, term);
    v128.store(y, f32x4.sub(v128.load(x), shift));
    v128.store(y, f32x4.sub(v128.load(x, 16), shift), 16);
    v128.store(y, f32x4.sub(v128.load(x, 32), shift), 32);
    v128.store(y, f32x4.sub(v128.load(x, 48), shift), 48);
    top = f32x4.pmax(top, v128.load(next));
    top = f32x4.pmax(top, v128.load(next, 16));
    top = f32x4.pmax(top, v128.load(next, 32));
    top = f32x4.pmax(top, v128.load(next, 48));
    const powers = logarithm ? spare : y;
    powerAbreast(y, powers);
    sums = addFour(sums, powers);
    x += 64;
    next += 64;
    done += 64;
    y += 64;
  }
  for (; count > 0; count -= 4) {
    const d = f32x4.sub(loadUpTo(x, count), shift);
    const e = power4(d);
    sums = f32x4.add(sums, firstLanes(e, count));
    top = count < 4 ? tailMax(top, next, count) : f32x4.pmax(top, v128.load(next));
    storeUpTo(done, fma(loadUpTo(done, count), factor, term), count);
    storeUpTo(y, logarithm ? d : e, count);
    x += 16;
    next += 16;
    done += 16;
    y += 16;
  }
  v128.store32_lane(state, largest(top), 0);
  const sum = sumLanes(sums);
  store<f32>(state, sum, 12);
  if (logarithm) store<f32>(state, -logOf(<f32>0.5 * sum), 8);
  else store<f32>(state, <f32>1.0 / sum, 4);
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

/**
 * Σ e^(x - top) of each such row, none above `top`; twice the powers are kept at `y` unless that is 0. 64 bytes at `spare` are
 * written.
 */
export function sumColumns(x: usize, y: usize, step: usize, end: usize, rest: i32, top: v128, spare: usize): v128 {
  let sums = splat(0.0);
  end += x;
  for (; x + 3 * step < end; x += 4 * step) {
    v128.store(spare, f32x4.sub(loadUpTo(x, rest), top));
    v128.store(spare, f32x4.sub(loadUpTo(x + step, rest), top), 16);
    v128.store(spare, f32x4.sub(loadUpTo(x + 2 * step, rest), top), 32);
    v128.store(spare, f32x4.sub(loadUpTo(x + 3 * step, rest), top), 48);
    powerAbreast(spare, spare);
    sums = addFour(sums, spare);
    if (!y) continue;
    storeUpTo(y, v128.load(spare), rest);
    storeUpTo(y + step, v128.load(spare, 16), rest);
    storeUpTo(y + 2 * step, v128.load(spare, 32), rest);
    storeUpTo(y + 3 * step, v128.load(spare, 48), rest);
    y += 4 * step;
  }
  for (; x < end; x += step) {
    const e = power4(f32x4.sub(loadUpTo(x, rest), top));
    sums = f32x4.add(sums, e);
    if (!y) continue;
    storeUpTo(y, e, rest);
    y += step;
  }
  return f32x4.mul(sums, splat(0.5));
}

/** Σ e^(x - top) over `count` elements none above `top`, as above. */
export function sumPowers(x: usize, y: usize, count: i32, top: f32, spare: usize): f32 {
  const shift = splat(top);
  const whole = (count & ~3) << 2;
  let sums = sumColumns(x, y, 16, whole, 4, shift, spare);
  count &= 3;
  if (count) {
    const e = power4(f32x4.sub(head(x + whole, count), shift));
    if (y) keep(y + whole, e, count);
    sums = f32x4.add(sums, f32x4.mul(firstLanes(e, count), splat(0.5)));
  }
  return sumLanes(sums);
}

// What works on one row of `count` elements of several, and what on four rows side by side; of one input or two, by kind.
const SOFTMAX = 0;
const LOG_SOFTMAX = 1;
const SOFTMAX_BACKWARD = 2;
const LOG_SOFTMAX_BACKWARD = 3;

function byRow(kind: i32, a: usize, b: usize, c: usize, count: i32, scratch: usize, first: bool, last: bool): void {
  if (kind <= LOG_SOFTMAX) softmaxRow(a, b, count, scratch, first, last, kind == LOG_SOFTMAX);
  else if (kind == SOFTMAX_BACKWARD) softmaxRowBackward(a, b, c, count);
  else logSoftmaxRowBackward(a, b, c, count, scratch + STATE);
}

function byColumns(kind: i32, a: usize, b: usize, c: usize, step: usize, end: usize, rest: i32, spare: usize): void {
  if (kind == SOFTMAX) softmaxColumns(a, b, step, end, rest, spare);
  else if (kind == LOG_SOFTMAX) logSoftmaxColumns(a, b, step, end, rest, spare);
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
    const lanes = scratch + STATE + SPARE;
    const other = lanes + 4 * step;
    for (let row = begin; row < end; row += 4) {
      const count = min(4, end - row);
      moveLanes(a, lanes, count, length, 1, false);
      if (pairs) moveLanes(b, other, count, length, 1, false);
      byColumns(kind, lanes, pairs ? other : lanes, lanes, 16, 4 * step, 4, scratch + STATE);
      moveLanes(pairs ? c : b, lanes, count, length, 1, true);
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
      byColumns(kind, a + skip, b + skip, c + skip, step, step * length, stop - column, scratch + STATE);
    }
  }
}

/** y = e^(x - max) / Σ e^(x - max). */
function softmaxRow(x: usize, y: usize, count: i32, scratch: usize, first: bool, last: bool, logarithm: bool): void {
  const step = <usize>count << 2;
  if (first) startRows(x, count, scratch);
  passRow(x, y, last ? x : x + step, first ? y : y - step, count, scratch, scratch + STATE, logarithm);
  if (last) scaleRow(y, count, load<f32>(scratch, 4), load<f32>(scratch, 8));
}

function softmaxColumns(x: usize, y: usize, step: usize, end: usize, rest: i32, spare: usize): void {
  const sums = sumColumns(x, y, step, end, rest, columnMax(x, step, end, rest), spare);
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
function logSoftmaxColumns(x: usize, y: usize, step: usize, end: usize, rest: i32, spare: usize): void {
  const top = columnMax(x, step, end, rest);
  shiftColumns(x, y, step, end, rest, top, log4(sumColumns(x, 0, step, end, rest, top, spare)));
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
function logSoftmaxRowBackward(dy: usize, y: usize, dx: usize, count: i32, spare: usize): void {
  const half = splat(<f32>-0.5 * sumOf(dy, count));
  for (; count >= 16; count -= 16) {
    powerAbreast(y, spare);
    v128.store(dx, fma(v128.load(spare), half, v128.load(dy)));
    v128.store(dx, fma(v128.load(spare, 16), half, v128.load(dy, 16)), 16);
    v128.store(dx, fma(v128.load(spare, 32), half, v128.load(dy, 32)), 32);
    v128.store(dx, fma(v128.load(spare, 48), half, v128.load(dy, 48)), 48);
    dx += 64;
    dy += 64;
    y += 64;
  }
  for (; count > 0; count -= 4) {
    storeUpTo(dx, fma(power4(loadUpTo(y, count)), half, loadUpTo(dy, count)), count);
    dx += 16;
    dy += 16;
    y += 16;
  }
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
