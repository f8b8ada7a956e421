// The largest element of windows of x [planes, height, width], and which of its window it is. Units are planes.
//
// A row of windows is made in two steps by whole vectors: of its rows of x the largest element of each column goes to
// scratch, between -Inf for the padding, and of these each window's columns give the result. Of equal elements the window's
// first wins, row by row. Elements are marked by 16 bits: their taps, stored as bytes, or their distances from the window's
// first, which become indices in the plane, words. Scratch holds marks' complements, so that the larger of two is the first.
//
// Comparisons are right for numbers alone. Sums of all elements, and of the results times zero, are NaN where a plane may
// hold something else, or a window nothing but -Inf beside its padding. Such a plane is made once more, element by element: of NaNs
// the last wins.
import { Pool2dParams } from '../build/params';
import { lowBytes, nearWinners, placesOf } from './max_pool2d_near';
import { slideWinners } from './max_pool2d_slide';
import { fma, operand, splat, storeUpTo } from './simd';
import { bottomOf, gather4, isNear, isSliding, leftOf, rightOf, select, topOf } from './windows';
import { Largest, nearRow } from './windows_near';
import { Most, slidePlane } from './windows_slide';

/** Elements of a row between its padding, and of what four windows read beyond. src/ops/max_pool2d_gradient.ts reckons with it. */
// @ts-ignore: decorator
@inline
function paddedColumns(p: Pool2dParams): i32 {
  return <i32>(p.left + p.width + p.kernelWidth * p.dilationWidth + (p.outWidth + 4) * p.strideWidth);
}

/**
 * The largest of `rows` elements, `hop` bytes apart, of each of `width` columns, at least four, to `values`; `mark` and as
 * many times `each` as the winner's row to `marks`. Returns `seen` plus all elements.
 */
function columnWinners(x: usize, hop: usize, rows: i32, width: i32, mark: i32, each: i32, values: usize, marks: usize, seen: v128): v128 {
  // Two vectors at a time; the last may hold columns that were done before.
  const far: usize = min(width - 4, 4) << 2;
  const last = ((<usize>width - 4) << 2) - far;
  const first = i16x8.splat(<i16>~mark);
  const move = i16x8.splat(<i16>each);
  for (let at: usize = 0; ; at = min(at + 32, last)) {
    let from = x + at;
    let a = v128.load(from);
    let b = v128.load(from + far);
    let sum = f32x4.add(a, b);
    let own = first;
    let held = first;
    let left = rows - 1;
    if (left) do {
      from += hop;
      const later = v128.load(from);
      const beyond = v128.load(from + far);
      sum = f32x4.add(sum, f32x4.add(later, beyond));
      own = i16x8.sub(own, move);
      held = select(own, held, i16x8.narrow_i32x4_s(f32x4.lt(a, later), f32x4.lt(b, beyond)));
      a = f32x4.pmax(a, later);
      b = f32x4.pmax(b, beyond);
    } while (--left);
    seen = f32x4.add(seen, sum);
    v128.store(values + at, a);
    v128.store(values + at + far, b);
    v128.store64_lane(marks + (at >> 1), held, 0);
    v128.store64_lane(marks + ((at + far) >> 1), held, 1);
    if (at == last) break;
  }
  return seen;
}

/** Four marks of columns `step` / 2 bytes apart in the low halves of lanes. */
// @ts-ignore: decorator
@inline
function gatherMarks(marks: usize, step: usize): v128 {
  if (step == 4) return v128.load_ext<u16>(marks);
  if (step == 8) return v128.load(marks);
  step >>= 1;
  let lanes = v128.load16_lane(marks, i32x4.splat(0), 0);
  lanes = v128.load16_lane(marks + step, lanes, 2);
  lanes = v128.load16_lane(marks + 2 * step, lanes, 4);
  return v128.load16_lane(marks + 3 * step, lanes, 6);
}

/** A row of windows from its columns. The first of them begins `origin` after the plane's start. Returns `seen` plus 0 y. */
// @ts-ignore: decorator
@inline
function rowWinners(p: Pool2dParams, values: usize, marks: usize, origin: i32, y: usize, winners: usize, words: bool, seen: v128): v128 {
  const count = <i32>p.outWidth;
  const taps = <i32>p.kernelWidth;
  const step = <usize>p.strideWidth << 2;
  const hop = <usize>p.dilationWidth << 2;
  const move = i32x4.splat(words ? <i32>p.dilationWidth : 1);
  const zero = splat(0.0);
  // The last four may hold windows that were done before.
  const last = max(count - 4, 0);
  for (let ox = 0; ; ox = min(ox + 4, last)) {
    let from = values + ox * step;
    let mark = marks + ((ox * step) >> 1);
    let best = splat(-Infinity);
    let held = zero;
    let own = zero;
    for (let tap = 0; tap < taps; tap++) {
      const value = gather4(from, step);
      const later = v128.and(i32x4.add(gatherMarks(mark, step), own), f32x4.le(best, value));
      held = i16x8.max_u(v128.andnot(held, f32x4.lt(best, value)), later);
      best = f32x4.pmax(best, value);
      from += hop;
      mark += hop >> 1;
      own = i32x4.sub(own, move);
    }
    seen = fma(best, zero, seen);
    storeUpTo(y + (ox << 2), best, count);
    if (words) storeUpTo(winners + (ox << 2), placesOf(held, origin, ox, p.strideWidth), count);
    else if (winners) storeTaps(winners + ox, lowBytes(held), count);
    if (ox == last) break;
  }
  return seen;
}

/** Stores four bytes, or as many as there is room for. */
// @ts-ignore: decorator
@inline
function storeTaps(to: usize, bytes: v128, count: i32): void {
  if (count >= 4) {
    v128.store32_lane(to, bytes, 0);
  } else {
    v128.store8_lane(to, bytes, 0);
    if (count > 1) v128.store8_lane(to, bytes, 1, 1);
    if (count > 2) v128.store8_lane(to, bytes, 2, 2);
  }
}

/** Adaptive windows from their columns. */
function adaptiveWinners(p: Pool2dParams, values: usize, marks: usize, origin: i32, y: usize, winners: usize): void {
  for (let ox = 0; ox < <i32>p.outWidth; ox++) {
    const right = rightOf(p, ox);
    let best: f32 = -Infinity;
    let place = i32.MAX_VALUE;
    for (let column = leftOf(p, ox); column < right; column++) {
      const value = load<f32>(values + (column << 2));
      const at = column + (load<u16>(marks + (column << 1)) ^ 0xffff);
      if (value > best || (value == best && at < place)) {
        best = value;
        place = at;
      }
    }
    store<f32>(y + (ox << 2), best);
    store<i32>(winners + (ox << 2), origin + place);
  }
}

/** A plane by vectors; false if that may be wrong. Scratch: a row of columns between padding, and their marks. */
function planeWinners(p: Pool2dParams, x: usize, y: usize, winners: usize, words: bool, scratch: usize): bool {
  const width = <i32>p.width;
  const hop = <i32>p.dilationHeight;
  const each = words ? hop * width : <i32>p.kernelWidth;
  const marks = scratch + (paddedColumns(p) << 2);
  let seen = splat(0.0);
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    const top = topOf(p, oy);
    const rows = (bottomOf(p, oy) - top + hop - 1) / hop;
    const first = p.adaptive ? top : oy * <i32>p.strideHeight - <i32>p.top;
    const mark = (top - first) / hop * each;
    seen = columnWinners(x + ((top * width) << 2), (hop * width) << 2, rows, width, mark, each, scratch + (p.left << 2), marks + (p.left << 1), seen);
    const origin = first * width - <i32>p.left;
    if (p.adaptive) adaptiveWinners(p, scratch, marks, origin, y, winners);
    else seen = rowWinners(p, scratch, marks, origin, y, winners, words, seen);
    y += p.outWidth << 2;
    if (winners) winners += words ? p.outWidth << 2 : p.outWidth;
  }
  return !v128.any_true(f32x4.ne(seen, seen));
}

/** The values alone of a plane of windows of 3 by 3, one or two apart; false if they may be wrong. */
function nearValues(p: Pool2dParams, x: usize, y: usize): bool {
  const line = p.width << 2;
  const stride = <i32>p.strideHeight;
  let seen = splat(0.0);
  if (stride == 1) {
    seen = slidePlane<Most>(x, p.height, p.width, y, p.outHeight, p.outWidth, p.top, p.left, 1.0, 0);
    // Rows that are nowhere the first.
    const size = line * p.height;
    for (let at = line * max(<i32>p.height - 2, 0); at < size; at += 16) seen = f32x4.add(seen, v128.load(x + min(at, size - 16)));
  } else for (let row = -<i32>p.top; row < stride * <i32>p.outHeight - <i32>p.top; row += stride) {
    // Rows beyond the plane's ends are replaced by the second.
    const b = x + ((row * <i32>p.width - <i32>p.left) << 2) + line;
    const a = row < 0 ? b : b - line;
    const c = row + 2 < <i32>p.height ? b + line : b;
    seen = nearRow<Largest>(p, true, a, b, c, 0, y, seen);
    y += p.outWidth << 2;
  }
  return !v128.any_true(f32x4.ne(seen, seen));
}

/** A plane element by element. */
function planeByElement(p: Pool2dParams, x: usize, y: usize, winners: usize, words: bool): void {
  const width = <i32>p.width;
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    for (let ox = 0; ox < <i32>p.outWidth; ox++) {
      const top = topOf(p, oy);
      const left = leftOf(p, ox);
      let index = top * width + left;
      let best = load<f32>(x + (index << 2));
      for (let row = top; row < bottomOf(p, oy); row += p.dilationHeight) {
        for (let column = left; column < rightOf(p, ox); column += p.dilationWidth) {
          const value = load<f32>(x + ((row * width + column) << 2));
          if (value > best || value != value) {
            best = value;
            index = row * width + column;
          }
        }
      }
      store<f32>(y, best);
      y += 4;
      if (words) {
        store<i32>(winners, index);
        winners += 4;
      } else if (winners) {
        const row = (index / width - oy * <i32>p.strideHeight + <i32>p.top) / <i32>p.dilationHeight;
        const column = (index % width - ox * <i32>p.strideWidth + <i32>p.left) / <i32>p.dilationWidth;
        store<u8>(winners++, row * <i32>p.kernelWidth + column);
      }
    }
  }
}

function forEachPlane(o: usize, p: Pool2dParams, scratch: usize, begin: i32, end: i32, words: bool): void {
  const plane = <i32>(p.height * p.width);
  const made = <i32>(p.outHeight * p.outWidth);
  // The farthest that a winner's row may be marked with.
  const reach = words ? (p.adaptive ? plane : <i32>(p.kernelHeight * p.dilationHeight * p.width)) : 0;
  const fast = p.width >= 4 && reach < 0x10000;
  const columns = paddedColumns(p);
  // What windows beyond the last read ends in zeros, which are neither NaN nor -Inf.
  const needed = <i32>((p.outWidth - 1) * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1);
  for (let i = 0; i < columns; i++) store<f32>(scratch + (i << 2), i < needed ? -Infinity : 0.0);
  const near = fast && isNear(p);
  const slides = isSliding(p);
  const taps = p.kernelWidth;
  for (let unit = begin; unit < end; unit++) {
    const x = operand(o, 0) + ((unit * plane) << 2);
    const y = operand(o, 1) + ((unit * made) << 2);
    const named = operand(o, 2);
    const winners = named ? named + (words ? (unit * made) << 2 : unit * made) : 0;
    let right = false;
    if (near && taps == 2) right = nearWinners(p, 2, x, y, winners, words);
    else if ((near || slides) && !named) right = nearValues(p, x, y);
    else if (slides && !words) right = slideWinners(p, x, y, winners, scratch);
    else if (near) right = nearWinners(p, 3, x, y, winners, words);
    else if (fast) right = planeWinners(p, x, y, winners, words, scratch);
    if (!right) planeByElement(p, x, y, winners, words);
  }
}

/** y, and one byte for the tap of each winner, row-major in its window. Operands: x, y, taps or none. */
export function max_pool2d_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  forEachPlane(o, p, scratch, begin, end, false);
  // The last word of taps may be longer than they are.
  if (operand(o, 2) && end == <i32>p.planes) for (let i = end * <i32>(p.outHeight * p.outWidth); i & 3; i++) store<u8>(operand(o, 2) + i, 0);
}

/** y, and where in its plane each was found. Operands: x, y, indices. */
export function max_pool2d_indices_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  forEachPlane(o, changetype<Pool2dParams>(params), scratch, begin, end, true);
}
