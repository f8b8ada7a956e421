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

/**
 * A plane of windows of 2 by 2 or 3 by 3 elements, two apart, at least four in a row; false if that may be wrong. Four are made
 * at a time: of two vectors of columns, and of the last column of the four before.
 */
// @ts-ignore: decorator
@inline
export function nearWinners(p: Pool2dParams, taps: i32, x: usize, y: usize, winners: usize, words: bool): bool {
  const three = taps == 3;
  const zero = splat(0.0);
  const count = <i32>p.outWidth;
  const last = count - 4;
  const line = p.width << 2;
  // The last windows may reach one column too far.
  const end = three && 2 * count + 1 - <i32>p.left > <i32>p.width ? last : -1;
  const each = words ? <i32>p.width : taps;
  // Marks of a column's rows: the even column's in the low half of a lane, the odd one's in the high half.
  const tap = three ? 0x20001 : 0x10000;
  const second = i32x4.splat(~(each * 0x10001 + tap));
  const third = i32x4.splat(~(2 * each * 0x10001 + tap));
  let seen = zero;
  // The second and third rows' products are NaN where an element is; the first row of all is nobody's second or third.
  if (three && !p.top) {
    for (let at: usize = 0; at < line; at += 16) seen = f32x4.add(seen, f32x4.mul(v128.load(x + min(at, line - 16)), zero));
  }
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    // Rows beyond the plane's ends are replaced by the second, which can't win twice.
    const row = 2 * oy - <i32>p.top;
    const origin = row * <i32>p.width - <i32>p.left;
    const b = x + (origin << 2) + line;
    const a = row < 0 ? b : b - line;
    const c = row + 2 < <i32>p.height ? b + line : b;
    const first = row < 0 ? second : i32x4.splat(~tap);
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
        heldMark = select(first, select(second, third, i32x4.eq(b0, held)), i32x4.eq(a0, held));
        heldMark = i32x4.shr_u(heldMark, 16);
      }
      do {
        const at = (ox << 3) + (three ? 4 : 0);
        const a0 = v128.load(a + at);
        const b0 = v128.load(b + at);
        const c0 = three ? v128.load(c + at) : a0;
        let best = larger(a0, b0);
        if (three) best = larger(best, c0);
        let isFirst = i32x4.eq(a0, best);
        let isSecond = i32x4.eq(b0, best);
        let sum = f32x4.mul(b0, c0);
        let a1 = zero;
        let b1 = zero;
        let c1 = zero;
        if (three && ox == end) {
          const lowest = splat(-Infinity);
          a1 = v128.shuffle<i32>(v128.load(a + at, 12), lowest, 1, 2, 3, 4);
          b1 = v128.shuffle<i32>(v128.load(b + at, 12), lowest, 1, 2, 3, 4);
          c1 = v128.shuffle<i32>(v128.load(c + at, 12), lowest, 1, 2, 3, 4);
        } else {
          a1 = v128.load(a + at, 16);
          b1 = v128.load(b + at, 16);
          c1 = three ? v128.load(c + at, 16) : a1;
        }
        sum = fma(b1, c1, sum);
        let beyond = larger(a1, b1);
        if (three) beyond = larger(beyond, c1);
        isFirst = i16x8.narrow_i32x4_s(isFirst, i32x4.eq(a1, beyond));
        isSecond = i16x8.narrow_i32x4_s(isSecond, i32x4.eq(b1, beyond));
        let mark = select(first, three ? select(second, third, isSecond) : second, isFirst);
        const even = v128.shuffle<i32>(best, beyond, 0, 2, 4, 6);
        const odd = v128.shuffle<i32>(best, beyond, 1, 3, 5, 7);
        const oddMark = i32x4.shr_u(mark, 16);
        if (three) {
          const left = v128.shuffle<i32>(held, odd, 3, 4, 5, 6);
          const leftMark = i32x4.add(v128.shuffle<i32>(heldMark, oddMark, 3, 4, 5, 6), v128.load(TWOS));
          best = larger(larger(left, even), odd);
          mark = i16x8.max_u(v128.and(mark, f32x4.eq(even, best)), v128.and(oddMark, f32x4.eq(odd, best)));
          mark = i16x8.max_u(mark, v128.and(leftMark, f32x4.eq(left, best)));
          held = odd;
          heldMark = oddMark;
        } else {
          best = larger(even, odd);
          mark = i16x8.max_u(v128.and(mark, f32x4.eq(even, best)), v128.and(oddMark, f32x4.eq(odd, best)));
        }
        seen = f32x4.add(seen, fma(best, zero, sum));
        v128.store(y + (ox << 2), best);
        if (words) v128.store(winners + (ox << 2), placesOf(mark, origin, ox, 2));
        else if (winners) v128.store32_lane(winners + ox, lowBytes(mark), 0);
        ox += 4;
      } while (ox <= last);
      if (ox == count) break;
      ox = last;
    }
    y += count << 2;
    if (winners) winners += words ? count << 2 : count;
  }
  return !v128.any_true(f32x4.ne(seen, seen));
}
