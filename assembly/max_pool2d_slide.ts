// The largest elements of windows of 3 by 3, one apart, and which of its window each is.
//
// Of each row of x the largest of four windows' columns and its mark are found once, then the largest of the rows; two rows of
// windows at a time share the rows in their middle, and what the next two begin with waits in scratch. Marks tell how far
// before a window's last element the winner lies, 0, -1, ...: of equal elements the comparison with the largest finds the first,
// whose mark is the least. 15 vector instructions compute four windows: four pipes need 4 cycles for them.
import { Pool2dParams } from '../build/params';
import { constant, splat } from './simd';

/** What bounds columns from above: four from 0 on where the first lies in padding, from 5 on where the last does, else from 4 on. */
const BOUNDS: usize = memory.data<f32>([
  -Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, -Infinity,
]);
/** The last element's number. */
const LAST: usize = memory.data<i16>([8, 8]);

/** The larger of two, the first if they are equal. */
// @ts-ignore: decorator
@inline
function larger(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

/** The mark of `best`, the larger of two: of a, which lies `before` elements earlier than its mark says, or of the other. */
// @ts-ignore: decorator
@inline
function markOf(best: v128, a: v128, mark: v128, before: v128, other: v128): v128 {
  return i32x4.min_s(other, v128.and(i32x4.eq(a, best), i32x4.sub(mark, before)));
}

/**
 * y, and one byte for the tap of each winner. False if an element is not finite, for then they may be wrong. Reads up to four
 * bytes behind x. Scratch: of each row of windows, in fours, two rows' largest and their marks.
 */
export function slideWinners(p: Pool2dParams, x: usize, y: usize, taps: usize, scratch: usize): bool {
  const count = <i32>p.outWidth;
  const last = <i32>p.outHeight - 1;
  const bottom = <i32>p.height - 1;
  const line = p.width << 2;
  const left = p.left;
  const end = (count - 4) << 2;
  const three = i32x4.splat(3);
  const six = i32x4.splat(6);
  let seen = splat(0.0);
  // The first two rows of windows are none: theirs are the rows of x that the next two begin with.
  for (let oy = -2; oy <= last; oy += 2) {
    const row = oy + 2 - <i32>p.top;
    // Rows beyond the plane's end are replaced by the last, which can't win twice.
    let first = x + max(min(row, bottom), 0) * line;
    let second = x + max(min(row + 1, bottom), 0) * line;
    seen = f32x4.add(seen, f32x4.add(v128.load(first), v128.load(second)));
    seen = f32x4.add(seen, f32x4.add(v128.load(first + line - 16), v128.load(second + line - 16)));
    first -= left << 2;
    second -= left << 2;
    const above = max(oy, 0) * count;
    const below = min(oy + 1, last) * count;
    let held = scratch;
    for (let at = 0; ; at = min(at + 16, end)) {
      let a = v128.load(first + at);
      let b = v128.load(first + at, 4);
      let c = v128.load(first + at, 8);
      let d = v128.load(second + at);
      let e = v128.load(second + at, 4);
      let f = v128.load(second + at, 8);
      seen = f32x4.add(seen, f32x4.add(b, e));
      if (left) {
        const low = v128.load(BOUNDS + min(at, 16));
        const high = v128.load(BOUNDS + (at == end ? 20 : 16));
        a = f32x4.pmin(low, a);
        c = f32x4.pmin(high, c);
        d = f32x4.pmin(low, d);
        f = f32x4.pmin(high, f);
      }
      b = larger(a, b);
      c = larger(b, c);
      const third = i32x4.add(i32x4.eq(a, c), i32x4.eq(b, c));
      e = larger(d, e);
      f = larger(e, f);
      const fourth = i32x4.add(i32x4.eq(d, f), i32x4.eq(e, f));
      if (oy < 0) {
        // Nothing wins over padding.
        if (row < 0) c = splat(-Infinity);
      } else {
        b = v128.load(held, 32);
        const both = larger(b, c);
        const bothMark = markOf(both, b, v128.load(held, 48), three, third);
        a = v128.load(held);
        const upper = larger(a, both);
        const upperMark = markOf(upper, a, v128.load(held, 16), six, bothMark);
        const lower = larger(both, f);
        const lowerMark = markOf(lower, both, bothMark, three, fourth);
        // Where the rows are one it is the upper.
        v128.store(y + (below << 2) + at, lower);
        v128.store(y + (above << 2) + at, upper);
        const marks = i16x8.add(i16x8.narrow_i32x4_s(upperMark, lowerMark), constant(LAST, 0));
        const bytes = i8x16.narrow_i16x8_u(marks, marks);
        v128.store32_lane(taps + below + (at >> 2), bytes, 1);
        v128.store32_lane(taps + above + (at >> 2), bytes, 0);
      }
      v128.store(held, c);
      v128.store(held, third, 16);
      v128.store(held, f, 32);
      v128.store(held, fourth, 48);
      held += 64;
      if (at == end) break;
    }
  }
  seen = f32x4.sub(seen, seen);
  return !v128.any_true(f32x4.ne(seen, seen));
}
