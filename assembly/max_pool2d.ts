// The largest element of windows of x [planes, height, width], and which of its window it is. Units are planes.
//
// Windows that slide are made in two steps, both four windows at a time. Of a row of x the largest element of each
// window's columns is kept in scratch, once for all windows that share the row; of these the largest over a window's rows
// is the result. Of equal elements the first wins, of NaNs the last, in both steps, so that the order is that of the
// window. The winner is left as a mark: its tap, a byte, or its index in the plane, a word.
import { Pool2dParams } from '../build/params';
import { loadUpTo, operand, storeUpTo } from './simd';
import { bottomOf, firstInside, gather4, isPairs, lastInside, leftOf, pitchOf, reachOf, rightOf, select, topOf } from './windows';

// @ts-ignore: decorator
@inline
function beats(later: v128, held: v128): v128 {
  return v128.or(f32x4.lt(held, later), f32x4.ne(later, later));
}

/**
 * The columns of four windows side by side, `step` bytes apart, or of one window where that is 0: their largest to `values`,
 * `each` times its tap to `marks`. All columns of four windows lie inside.
 */
// @ts-ignore: decorator
@inline
function columns(from: usize, step: usize, hop: usize, tap: i32, taps: i32, each: i32, values: usize, marks: usize): void {
  const move = i32x4.splat(each);
  let own = i32x4.splat(tap * each);
  let best = gather4(from, step);
  let mark = own;
  // The first two steps stand alone: they are all that the windows of most models need.
  if (taps > 1) {
    own = i32x4.add(own, move);
    let value = gather4(from + hop, step);
    let wins = beats(value, best);
    best = select(value, best, wins);
    mark = select(own, mark, wins);
    if (taps > 2) {
      own = i32x4.add(own, move);
      value = gather4(from + 2 * hop, step);
      wins = beats(value, best);
      best = select(value, best, wins);
      mark = select(own, mark, wins);
      from += 2 * hop;
      for (let tap = 3; tap < taps; tap++) {
        from += hop;
        own = i32x4.add(own, move);
        value = gather4(from, step);
        wins = beats(value, best);
        best = select(value, best, wins);
        mark = select(own, mark, wins);
      }
    }
  }
  if (step) {
    v128.store(values, best);
    v128.store(marks, mark);
  } else {
    v128.store32_lane(values, best, 0);
    v128.store32_lane(marks, mark, 0);
  }
}

// @ts-ignore: decorator
@inline
function over(n: i32, d: i32): i32 {
  return d == 1 ? n : n / d;
}

/** The largest of each window's columns in one row of x. Marks lie `pitch` bytes after the values. */
function rowWinners(p: Pool2dParams, row: usize, inside: i32, beyond: i32, each: i32, values: usize, pitch: usize): void {
  const outWidth = <i32>p.outWidth;
  const step = <usize>p.strideWidth << 2;
  const hop = <usize>p.dilationWidth << 2;
  const taps = <i32>p.kernelWidth;
  const start = row - (p.left << 2);
  let ox = 0;
  while (ox < outWidth) {
    let to = values + (ox << 2);
    if (ox < inside || ox >= beyond || beyond - inside < 4) {
      const left = leftOf(p, ox);
      const hop = <i32>p.dilationWidth;
      const tap = over(left + <i32>p.left - ox * <i32>p.strideWidth, hop);
      const count = over(rightOf(p, ox) - left + hop - 1, hop);
      columns(row + (left << 2), 0, hop << 2, tap, count, each, to, to + pitch);
      ox++;
      continue;
    }
    // The last four may be made of some that are there already.
    ox = min(ox, beyond - 4);
    to = values + (ox << 2);
    let from = start + ox * step;
    // Steps of one and two elements are constants to the loops that they choose.
    if (step == 4) {
      for (; ox + 4 <= beyond; ox += 4, from += 16, to += 16) columns(from, 4, hop, 0, taps, each, to, to + pitch);
    } else if (step == 8) {
      for (; ox + 4 <= beyond; ox += 4, from += 32, to += 16) columns(from, 8, hop, 0, taps, each, to, to + pitch);
    } else {
      for (; ox + 4 <= beyond; ox += 4, from += 4 * step, to += 16) columns(from, step, hop, 0, taps, each, to, to + pitch);
    }
  }
}

/** Stores the first `count` taps, at most four, as bytes. */
// @ts-ignore: decorator
@inline
function storeTaps(to: usize, taps: v128, count: i32): void {
  const pairs = i16x8.narrow_i32x4_u(taps, taps);
  const bytes = i8x16.narrow_i16x8_u(pairs, pairs);
  if (count >= 4) {
    v128.store32_lane(to, bytes, 0);
  } else {
    v128.store8_lane(to, bytes, 0);
    if (count > 1) v128.store8_lane(to, bytes, 1, 1);
    if (count > 2) v128.store8_lane(to, bytes, 2, 2);
  }
}

/** One row of windows of 2 by 2 side by side, whose rows of x lie at `a` and `b`: no step through scratch. */
function pairRow(a: usize, b: usize, count: i32, y: usize, taps: usize): void {
  const one = i32x4.splat(1);
  const two = i32x4.splat(2);
  for (; count > 0; count -= 4) {
    const whole = count >= 4;
    const a0 = whole ? v128.load(a) : loadUpTo(a, 2 * count);
    const a1 = whole ? v128.load(a, 16) : count > 2 ? loadUpTo(a + 16, 2 * count - 4) : a0;
    const b0 = whole ? v128.load(b) : loadUpTo(b, 2 * count);
    const b1 = whole ? v128.load(b, 16) : count > 2 ? loadUpTo(b + 16, 2 * count - 4) : b0;
    let above = v128.shuffle<f32>(a0, a1, 0, 2, 4, 6);
    let below = v128.shuffle<f32>(b0, b1, 0, 2, 4, 6);
    let right = v128.shuffle<f32>(a0, a1, 1, 3, 5, 7);
    const rightAbove = beats(right, above);
    above = select(right, above, rightAbove);
    right = v128.shuffle<f32>(b0, b1, 1, 3, 5, 7);
    const rightBelow = beats(right, below);
    below = select(right, below, rightBelow);
    const down = beats(below, above);
    const tap = v128.or(v128.and(select(rightBelow, rightAbove, down), one), v128.and(down, two));
    storeUpTo(y, select(below, above, down), count);
    storeTaps(taps, tap, count);
    a += 32;
    b += 32;
    y += 16;
    taps += 4;
  }
}

/**
 * One row of outputs from the rows of `rowWinners` whose addresses `lines` lists. Marks grow by `each` from row to row,
 * the first has `mark`, and from window to window by `move`. Words are stored as they are, else as bytes.
 */
// @ts-ignore: decorator
@inline
function joinRows(lines: usize, rows: i32, pitch: usize, mark: i32, each: i32, move: i32, count: i32, y: usize, winners: usize, words: bool): void {
  const moves = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(move));
  const end = <usize>count << 2;
  const first = load<usize>(lines);
  const second = load<usize>(lines, 4);
  const third = load<usize>(lines, 8);
  for (let at: usize = 0; at < end; at += 16) {
    let best = v128.load(first + at);
    let held = v128.load(first + pitch + at);
    if (rows > 1) {
      let added = i32x4.splat(each);
      let value = v128.load(second + at);
      let wins = beats(value, best);
      best = select(value, best, wins);
      held = select(i32x4.add(v128.load(second + pitch + at), added), held, wins);
      if (rows > 2) {
        added = i32x4.add(added, i32x4.splat(each));
        value = v128.load(third + at);
        wins = beats(value, best);
        best = select(value, best, wins);
        held = select(i32x4.add(v128.load(third + pitch + at), added), held, wins);
        for (let r = 3; r < rows; r++) {
          const line = load<usize>(lines + (r << 2)) + at;
          added = i32x4.add(added, i32x4.splat(each));
          value = v128.load(line);
          wins = beats(value, best);
          best = select(value, best, wins);
          held = select(i32x4.add(v128.load(line + pitch), added), held, wins);
        }
      }
    }
    held = i32x4.add(held, i32x4.splat(mark));
    const rest = count - <i32>(at >> 2);
    storeUpTo(y + at, best, rest);
    if (words) storeUpTo(winners + at, i32x4.add(held, i32x4.add(moves, i32x4.splat(<i32>(at >> 2) * move))), rest);
    else storeTaps(winners + (at >> 2), held, rest);
  }
}

/** Index, within the plane, of the winner of an adaptive window. */
function winner(p: Pool2dParams, x: usize, oy: i32, ox: i32): i32 {
  const width = <i32>p.width;
  const left = leftOf(p, ox);
  const right = rightOf(p, ox);
  const bottom = bottomOf(p, oy);
  let row = topOf(p, oy);
  let index = row * width + left;
  let best = load<f32>(x + (index << 2));
  for (; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const value = load<f32>(x + ((row * width + column) << 2));
      if (value > best || value != value) {
        best = value;
        index = row * width + column;
      }
    }
  }
  return index;
}

/**
 * One plane of windows that slide. Scratch: the addresses of a window's rows, then as many rows of winners as a window
 * reaches over, each after the number of the row of x that it holds, by that number's remainder.
 */
// @ts-ignore: decorator
@inline
function slidePlane(p: Pool2dParams, x: usize, y: usize, winners: usize, words: bool, scratch: usize): void {
  const outWidth = <i32>p.outWidth;
  const hop = <i32>p.dilationHeight;
  const pitch = pitchOf(p);
  const slots = reachOf(p);
  const size = 16 + 2 * pitch;
  const ring = scratch + (p.kernelHeight << 2) + 8;
  const eachColumn = words ? <i32>p.dilationWidth : 1;
  const eachRow = words ? hop * <i32>p.width : <i32>p.kernelWidth;
  const inside = firstInside(p);
  const beyond = lastInside(p);
  for (let slot = 0; slot < slots; slot++) store<i32>(ring + slot * size, -1);
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    const first = oy * <i32>p.strideHeight - <i32>p.top;
    const top = topOf(p, oy);
    const bottom = bottomOf(p, oy);
    let rows = 0;
    for (let row = top; row < bottom; row += hop) {
      const slot = ring + (row % slots) * size;
      if (load<i32>(slot) != row) {
        store<i32>(slot, row);
        rowWinners(p, x + ((row * <i32>p.width) << 2), inside, beyond, eachColumn, slot + 16, pitch);
      }
      store<usize>(scratch + (rows++ << 2), slot + 16);
    }
    const mark = (top - first) / hop * eachRow + (words ? first * <i32>p.width - <i32>p.left : 0);
    const at = oy * outWidth;
    const move = words ? <i32>p.strideWidth : 0;
    joinRows(scratch, rows, pitch, mark, eachRow, move, outWidth, y + (at << 2), winners + (words ? at << 2 : at), words);
  }
}

/** y, and one byte for the tap of each winner, row-major in its window. Operands: x, y, taps. */
export function max_pool2d_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width);
  const made = <i32>(p.outHeight * p.outWidth);
  const pairs = isPairs(p);
  for (let unit = begin; unit < end; unit++) {
    const x = operand(o, 0) + ((unit * plane) << 2);
    if (pairs) {
      const line = p.width << 2;
      const outWidth = <i32>p.outWidth;
      for (let oy = 0; oy < <i32>p.outHeight; oy++) {
        const at = unit * made + oy * outWidth;
        const row = x + 2 * oy * line;
        pairRow(row, row + line, outWidth, operand(o, 1) + (at << 2), operand(o, 2) + at);
      }
      continue;
    }
    slidePlane(p, x, operand(o, 1) + ((unit * made) << 2), operand(o, 2) + unit * made, false, scratch);
  }
  // The last word of taps may be longer than they are.
  if (end == <i32>p.planes) for (let i = end * made; i & 3; i++) store<u8>(operand(o, 2) + i, 0);
}

/** y, and where in its plane each was found. Operands: x, y, indices. */
export function max_pool2d_indices_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width);
  const outWidth = <i32>p.outWidth;
  const made = <i32>p.outHeight * outWidth;
  for (let unit = begin; unit < end; unit++) {
    const x = operand(o, 0) + ((unit * plane) << 2);
    const y = operand(o, 1) + ((unit * made) << 2);
    const indices = operand(o, 2) + ((unit * made) << 2);
    if (!p.adaptive) {
      slidePlane(p, x, y, indices, true, scratch);
      continue;
    }
    for (let i = 0; i < made; i++) {
      const index = winner(p, x, i / outWidth, i % outWidth);
      store<f32>(y + (i << 2), load<f32>(x + (index << 2)));
      store<i32>(indices + (i << 2), index);
    }
  }
}
