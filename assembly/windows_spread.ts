// Gradients of means of 2 by 2 or 3 by 3 elements and of maxima of 2 by 2, two apart, gathered: every element of dx is made
// once, of the few windows round it. Four windows at a time make two rows of eight elements. In a plane with its padding, row
// 2i has terms of windows i and, where they have three rows, of windows i - 1; row 2i + 1 of windows i alone; columns likewise.
import { Pool2dParams } from '../build/params';
import { splat } from './simd';
import { bottomOf, countedRows, fillWeights, topOf } from './windows';

/** Numbers of taps, four times each. */
const TAPS: usize = memory.data<i32>([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);

/** The elements of dy whose window's winner is `tap`. */
// @ts-ignore: decorator
@inline
function won(dy: v128, taps: v128, tap: i32): v128 {
  return v128.and(dy, i32x4.eq(taps, v128.load(TAPS + (tap << 4))));
}

// @ts-ignore: decorator
@inline
function tapsAt(taps: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(taps)));
}

/** Stores p0 q0 p1 q1 p2 q2 p3 q3, but for the first where that lies in padding. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, p: v128, q: v128, padded: bool): void {
  const low = v128.shuffle<i32>(p, q, 0, 4, 1, 5);
  const high = v128.shuffle<i32>(p, q, 2, 6, 3, 7);
  if (padded) v128.store(to, v128.shuffle<i32>(low, high, 1, 2, 3, 4), 4);
  else v128.store(to, low);
  v128.store(to, high, 16);
}

/**
 * Two rows of dx, `even` and `odd`, of windows `now` and those above them. `marks`: the taps of maxima, or if `mean` the
 * weights of windows, and `marksAbove` of those above.
 */
// @ts-ignore: decorator
@inline
function spreadPair(p: Pool2dParams, size: i32, mean: bool, now: usize, above: usize, marks: usize, marksAbove: usize, even: usize, odd: usize): void {
  const three = size == 3;
  const left = <i32>p.left;
  const last = <i32>p.outWidth - 4;
  let carriedEven = splat(0.0);
  let carriedOdd = carriedEven;
  let known = true;
  for (let ox = 0; ; ox += 4) {
    const at = ox << 2;
    const d = v128.load(now + at);
    const e = three ? v128.load(above + at) : d;
    let evens = d;
    let evenOdds = d;
    let evenNext = d;
    let odds = d;
    let oddOdds = d;
    let oddNext = d;
    if (mean) {
      odds = f32x4.mul(d, v128.load(marks + at));
      oddOdds = odds;
      oddNext = odds;
      evens = three ? f32x4.add(odds, f32x4.mul(e, v128.load(marksAbove + at))) : odds;
      evenOdds = evens;
      evenNext = evens;
    } else {
      const taps = tapsAt(marks + ox);
      evens = won(d, taps, 0);
      evenOdds = won(d, taps, 1);
      odds = won(d, taps, 2);
      oddOdds = won(d, taps, 3);
    }
    if (three) {
      evens = f32x4.add(evens, v128.shuffle<i32>(carriedEven, evenNext, 3, 4, 5, 6));
      odds = f32x4.add(odds, v128.shuffle<i32>(carriedOdd, oddNext, 3, 4, 5, 6));
      carriedEven = evenNext;
      carriedOdd = oddNext;
    }
    if (known) {
      const to = ((ox << 1) - left) << 2;
      const padded = three && (ox < left);
      storePairs(even + to, evens, evenOdds, padded);
      storePairs(odd + to, odds, oddOdds, padded);
    }
    if (ox == last) break;
    known = true;
    // The last four windows need what the one before them gives its neighbour.
    if (ox + 4 > last) {
      ox = three ? last - 8 : last - 4;
      known = !three;
    }
  }
  // Up to two columns are left.
  let column = 2 * (last + 4) - left;
  for (let term = true; column < <i32>p.width; column++) {
    store<f32>(even + (column << 2), term ? f32x4.extract_lane(carriedEven, 3) : 0.0);
    store<f32>(odd + (column << 2), term ? f32x4.extract_lane(carriedOdd, 3) : 0.0);
    term = false;
  }
}

/**
 * dx of a plane. Of maxima `taps` names the winners; `mean`: there are none. Scratch: zeros in place of rows of dy that there are
 * not, put there by the caller, weights of two rows, a row of dx that lies in padding. src/ops/avg_pool2d.ts and
 * src/ops/max_pool2d_gradient.ts reckon with it.
 */
export function spreadPlane(p: Pool2dParams, mean: bool, dy: usize, taps: usize, dx: usize, scratch: usize): void {
  const size = <i32>p.kernelWidth;
  const outHeight = <i32>p.outHeight;
  const height = <i32>p.height;
  const row = p.outWidth << 2;
  const line = p.width << 2;
  const room = row + 32;
  const weights = scratch + room;
  const beside = scratch + 3 * room;
  // The rows that the weights at `marks` and at `marksAbove` are for.
  let counted = 0;
  let countedAbove = 0;
  for (let oy = 0; oy <= outHeight; oy++) {
    const at = 2 * oy - <i32>p.top;
    if (at >= height) break;
    const even = at < 0 ? beside : dx + at * line;
    const odd = at + 1 < height ? dx + (at + 1) * line : beside;
    const now = oy < outHeight ? dy + oy * row : scratch;
    const above = oy && size == 3 ? dy + (oy - 1) * row : scratch;
    let marks = taps + min(oy, outHeight - 1) * <i32>p.outWidth;
    let marksAbove = taps + max(oy - 1, 0) * <i32>p.outWidth;
    if (mean) {
      marks = weights + (oy & 1) * room;
      marksAbove = oy ? weights + (~oy & 1) * room : marks;
      const own = min(oy, outHeight - 1);
      const rows = countedRows(p, own, bottomOf(p, own) - topOf(p, own));
      if (rows != counted) fillWeights(p, rows, marks);
      counted = countedAbove;
      countedAbove = rows;
    }
    if (size == 3) spreadPair(p, 3, true, now, above, marks, marksAbove, even, odd);
    else if (mean) spreadPair(p, 2, true, now, above, marks, marksAbove, even, odd);
    else spreadPair(p, 2, false, now, above, marks, marksAbove, even, odd);
  }
}
