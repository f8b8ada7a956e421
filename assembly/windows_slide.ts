// Windows of 3 by 3 elements, one apart, reduced to one number each: their sum or the largest. Two rows of windows at a time
// share the two rows of x in their middle: of four columns the rows are joined first, then the columns with themselves moved
// by one and by two, into the four that follow: 2 loads, 3.5 joins and 2 shuffles a vector. A row of so few vectors spends much
// on its ends, which two rows share as well. Padding of two makes it the gradient of the sum.
import { splat } from './simd';

/** The sum, weighed. */
// @ts-ignore: decorator
@final @unmanaged export class Sum {
  // @ts-ignore: decorator
  @inline join(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }
  /** What doesn't count. */
  // @ts-ignore: decorator
  @inline nothing(): v128 {
    return splat(0.0);
  }
  // @ts-ignore: decorator
  @inline watch(seen: v128, v: v128): v128 {
    return seen;
  }
  // @ts-ignore: decorator
  @inline finish(v: v128, weight: v128): v128 {
    return f32x4.mul(v, weight);
  }
}

/** The largest, but NaN where the first of them is. `seen` turns NaN where something watched is. */
// @ts-ignore: decorator
@final @unmanaged export class Most {
  // @ts-ignore: decorator
  @inline join(a: v128, b: v128): v128 {
    return f32x4.pmax(a, b);
  }
  // @ts-ignore: decorator
  @inline nothing(): v128 {
    return splat(-Infinity);
  }
  // @ts-ignore: decorator
  @inline watch(seen: v128, v: v128): v128 {
    return f32x4.add(seen, v);
  }
  // @ts-ignore: decorator
  @inline finish(v: v128, weight: v128): v128 {
    return v;
  }
}

/** Four windows of the columns `now` and the four that follow. */
// @ts-ignore: decorator
@inline
function slide<F>(now: v128, next: v128): v128 {
  const f = changetype<F>(0);
  return f.join(f.join(now, v128.shuffle<i32>(now, next, 1, 2, 3, 4)), v128.shuffle<i32>(now, next, 2, 3, 4, 5));
}

/**
 * y [outHeight, outWidth] of x [height, width] between `top` rows and `left` columns of what doesn't count on each side, two
 * of each at most; four columns at least. A row outside is `beside`, or if that is 0 the one next to it. Returns NaN if an
 * element is.
 */
export function slidePlane<F>(x: usize, height: i32, width: i32, y: usize, outHeight: i32, outWidth: i32, top: i32, left: i32, weight: f32, beside: usize): v128 {
  const f = changetype<F>(0);
  const nothing = f.nothing();
  const weights = splat(weight);
  const line = width << 2;
  const last = (outWidth - 4) << 2;
  // The last four columns of a row, and the last windows before which four more are there.
  const end = (width + left - 4) << 2;
  const whole = min(last, end - 16);
  let seen = splat(0.0);
  for (let oy = min(0, outHeight - 2); ; oy = min(oy + 2, outHeight - 2)) {
    const upper = y + (max(oy, 0) * outWidth << 2);
    const lower = y + ((oy + 1) * outWidth << 2);
    const row = oy - top;
    const a = rowAt(x, row, height, line, beside) - (left << 2);
    const b = rowAt(x, row + 1, height, line, beside) - (left << 2);
    const c = rowAt(x, row + 2, height, line, beside) - (left << 2);
    const d = rowAt(x, row + 3, height, line, beside) - (left << 2);
    let at = left << 2;
    let both = f.join(v128.load(b + at), v128.load(c + at));
    let now = f.join(v128.load(a + at), both);
    let below = f.join(both, v128.load(d + at));
    seen = f.watch(f.watch(seen, now), below);
    for (; at; at -= 4) {
      now = v128.shuffle<i32>(nothing, now, 3, 4, 5, 6);
      below = v128.shuffle<i32>(nothing, below, 3, 4, 5, 6);
    }
    while (true) {
      for (; at <= whole; at += 16) {
        both = f.join(v128.load(b + at, 16), v128.load(c + at, 16));
        const next = f.join(v128.load(a + at, 16), both);
        const nextBelow = f.join(both, v128.load(d + at, 16));
        seen = f.watch(f.watch(seen, next), nextBelow);
        v128.store(upper + at, f.finish(slide<F>(now, next), weights));
        v128.store(lower + at, f.finish(slide<F>(below, nextBelow), weights));
        now = next;
        below = nextBelow;
      }
      if (at > last) {
        if (at == last + 16) break;
        at = last;
        both = f.join(v128.load(b + at), v128.load(c + at));
        now = f.join(v128.load(a + at), both);
        below = f.join(both, v128.load(d + at));
        if (at <= whole) continue;
      }
      both = f.join(v128.load(b + end), v128.load(c + end));
      let next = f.join(v128.load(a + end), both);
      let nextBelow = f.join(both, v128.load(d + end));
      seen = f.watch(f.watch(seen, next), nextBelow);
      for (let from = end; from < at + 16; from += 4) {
        next = v128.shuffle<i32>(next, nothing, 1, 2, 3, 4);
        nextBelow = v128.shuffle<i32>(nextBelow, nothing, 1, 2, 3, 4);
      }
      v128.store(upper + at, f.finish(slide<F>(now, next), weights));
      v128.store(lower + at, f.finish(slide<F>(below, nextBelow), weights));
      at += 16;
      now = next;
      below = nextBelow;
    }
    if (oy >= outHeight - 2) break;
  }
  return seen;
}

// @ts-ignore: decorator
@inline
function rowAt(x: usize, row: i32, height: i32, line: i32, beside: usize): usize {
  const near = max(min(row, height - 1), 0);
  return beside && near != row ? beside : x + near * line;
}
