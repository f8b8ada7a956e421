// The largest elements of windows of 2 by 2 or 3 by 3 elements, two apart: the poolings of LeNet, VGG, ResNet.
//
// Four windows at a time. Of 8 columns of x, two vectors, the largest element of each column and its row; the columns that lie
// evenly and oddly make two vectors by shuffles, the odd ones moved by a lane a third, and of these each lane's largest is
// the result. Marks are 16 bits, those of an even and an odd column side by side, and complements, so that of equal
// elements the one with the largest mark is the window's first. Some 46 vector instructions for windows of 3 by 3, of
// which 29 compute: four pipes need 8 cycles for them.
import { Pool2dParams } from '../build/params';
import { fma, splat } from './simd';
import { select } from './windows';

/** Where the lowest bytes of four lanes lie. */
const PICK: usize = memory.data<u8>([0, 4, 8, 12, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]);
const TWOS: usize = memory.data<i32>([2, 2, 2, 2]);

/** The lowest bytes of four lanes, one after another. */
// @ts-ignore: decorator
@inline
export function lowBytes(v: v128): v128 {
  return v128.not(ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(v, v128.load(PICK)) : i8x16.swizzle(v, v128.load(PICK)));
}

/** Indices in the plane of the winners that the low halves of lanes mark, of windows from `ox` on. */
// @ts-ignore: decorator
@inline
export function placesOf(marks: v128, origin: i32, ox: i32, stride: i32): v128 {
  const starts = i32x4.add(i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(stride)), i32x4.splat(origin + ox * stride));
  return i32x4.add(v128.andnot(i32x4.splat(0xffff), marks), starts);
}

/** The larger of two, the first if they are equal; wrong where the second is NaN. */
// @ts-ignore: decorator
@inline
function larger(held: v128, later: v128): v128 {
  return f32x4.pmax(held, later);
}

/** The marks of columns whose winner is in the first row, else in the second, else in the third. */
// @ts-ignore: decorator
@inline
function rowMarks(three: bool, isFirst: v128, isSecond: v128, first: v128, second: v128, third: v128): v128 {
  return select(first, three ? select(second, third, isSecond) : second, isFirst);
}

/** The marks of columns that are the largest of their windows, else 0. */
// @ts-ignore: decorator
@inline
function marksOf(best: v128, columns: v128, marks: v128): v128 {
  return v128.and(marks, f32x4.eq(columns, best));
}

/** Four columns without the first, and one that can't win. */
// @ts-ignore: decorator
@inline
function withoutFirst(columns: v128): v128 {
  return v128.shuffle<i32>(columns, splat(-Infinity), 1, 2, 3, 4);
}

/** The last of four columns before those that follow, except their last. */
// @ts-ignore: decorator
@inline
function moved(held: v128, columns: v128): v128 {
  return v128.shuffle<i32>(held, columns, 3, 4, 5, 6);
}

/** Stores what the winners of four windows are marked with, as indices or as taps, if at all. */
// @ts-ignore: decorator
@inline
function storeWinners(winners: usize, words: bool, marks: v128, origin: i32, ox: i32): void {
  if (words) v128.store(winners + (ox << 2), placesOf(marks, origin, ox, 2));
  else if (winners) v128.store32_lane(winners + ox, lowBytes(marks), 0);
}

/**
 * A row of windows whose rows of x begin, with their padding, at `a`, `b` and `c`, and mark columns by `first`, `second` and
 * `third`. The four from `end` on reach one column too far. Returns `seen` plus what is NaN if a result is, or an element of the
 * second or third row.
 */
// @ts-ignore: decorator
@inline
function winnersRow(p: Pool2dParams, three: bool, end: i32, a: usize, b: usize, c: usize, first: v128, second: v128, third: v128, y: usize, winners: usize, words: bool, origin: i32, seen: v128): v128 {
  const zero = splat(0.0);
  const last = <i32>p.outWidth - 4;
  let held = splat(-Infinity);
  let heldMark = zero;
  let ox = 0;
  while (true) {
    // The column that the windows begin with.
    if (three && (ox || !p.left)) {
      const a0 = v128.load32_splat(a + (ox << 3));
      const b0 = v128.load32_splat(b + (ox << 3));
      const c0 = v128.load32_splat(c + (ox << 3));
      seen = fma(b0, c0, seen);
      held = larger(larger(a0, b0), c0);
      heldMark = i32x4.shr_u(rowMarks(three, i32x4.eq(a0, held), i32x4.eq(b0, held), first, second, third), 16);
    }
    do {
      const at = (ox << 3) + (three ? 4 : 0);
      const a0 = v128.load(a + at);
      const b0 = v128.load(b + at);
      const c0 = three ? v128.load(c + at) : a0;
      let a1 = zero;
      let b1 = zero;
      let c1 = zero;
      if (three && ox == end) {
        a1 = withoutFirst(v128.load(a + at, 12));
        b1 = withoutFirst(v128.load(b + at, 12));
        c1 = withoutFirst(v128.load(c + at, 12));
      } else {
        a1 = v128.load(a + at, 16);
        b1 = v128.load(b + at, 16);
        c1 = three ? v128.load(c + at, 16) : a1;
      }
      const sum = fma(b1, c1, f32x4.mul(b0, c0));
      let near = larger(a0, b0);
      let far = larger(a1, b1);
      if (three) {
        near = larger(near, c0);
        far = larger(far, c1);
      }
      const isFirst = i16x8.narrow_i32x4_s(i32x4.eq(a0, near), i32x4.eq(a1, far));
      const isSecond = i16x8.narrow_i32x4_s(i32x4.eq(b0, near), i32x4.eq(b1, far));
      const evenMark = rowMarks(three, isFirst, isSecond, first, second, third);
      const oddMark = i32x4.shr_u(evenMark, 16);
      const even = v128.shuffle<i32>(near, far, 0, 2, 4, 6);
      const odd = v128.shuffle<i32>(near, far, 1, 3, 5, 7);
      const left = moved(held, odd);
      const best = larger(three ? larger(left, even) : even, odd);
      let mark = i16x8.max_u(marksOf(best, even, evenMark), marksOf(best, odd, oddMark));
      if (three) {
        const leftMark = i32x4.add(moved(heldMark, oddMark), v128.load(TWOS));
        mark = i16x8.max_u(mark, marksOf(best, left, leftMark));
        held = odd;
        heldMark = oddMark;
      }
      seen = f32x4.add(seen, fma(best, zero, sum));
      v128.store(y + (ox << 2), best);
      storeWinners(winners, words, mark, origin, ox);
      ox += 4;
    } while (ox <= last);
    if (ox == last + 4) break;
    ox = last;
  }
  return seen;
}

/** NaN where one of `bytes`, at least 16, at `x` may be. */
// @ts-ignore: decorator
@inline
function seenOf(x: usize, bytes: usize): v128 {
  let seen = splat(0.0);
  for (let at: usize = 0; at < bytes; at += 16) seen = f32x4.add(seen, f32x4.mul(v128.load(x + min(at, bytes - 16)), splat(0.0)));
  return seen;
}

/**
 * A plane of windows of 2 by 2 or 3 by 3 elements, two apart, at least four in a row; false if that may be wrong. Four are made
 * at a time: of two vectors of columns, and of the last column of the four before.
 */
// @ts-ignore: decorator
@inline
export function nearWinners(p: Pool2dParams, taps: i32, x: usize, y: usize, winners: usize, words: bool): bool {
  const three = taps == 3;
  const count = <i32>p.outWidth;
  const line = p.width << 2;
  // The last windows may reach one column too far.
  const end = three && 2 * count + 1 - <i32>p.left > <i32>p.width ? count - 4 : -1;
  const each = words ? <i32>p.width : taps;
  // Marks of a column's rows: the even column's in the low half of a lane, the odd one's in the high half.
  const tap = three ? 0x20001 : 0x10000;
  const second = i32x4.splat(~(each * 0x10001 + tap));
  const third = i32x4.splat(~(2 * each * 0x10001 + tap));
  // The first row of all is nobody's second or third.
  let seen = three && !p.top ? seenOf(x, line) : splat(0.0);
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    // Rows beyond the plane's ends are replaced by the second, which can't win twice.
    const row = 2 * oy - <i32>p.top;
    const origin = row * <i32>p.width - <i32>p.left;
    const b = x + (origin << 2) + line;
    const a = row < 0 ? b : b - line;
    const c = row + 2 < <i32>p.height ? b + line : b;
    const first = row < 0 ? second : i32x4.splat(~tap);
    seen = winnersRow(p, three, end, a, b, c, first, second, third, y, winners, words, origin, seen);
    y += count << 2;
    if (winners) winners += words ? count << 2 : count;
  }
  return !v128.any_true(f32x4.ne(seen, seen));
}
