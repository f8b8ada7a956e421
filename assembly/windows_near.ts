// Rows of windows of 2 by 2 or 3 by 3 elements, two apart, or of 3 by 3 one apart, at least four in a row, reduced to one number
// each: their sum or the largest. Of windows two apart four are made at a time, of two vectors of columns that are reduced over the rows first; the columns that lie evenly
// and oddly make two vectors by shuffles, the odd ones moved by a lane a third, whose first is the last column of the four before.
import { Pool2dParams } from '../build/params';
import { fma, splat } from './simd';

/** The sum of a window times its weight. */
// @ts-ignore: decorator
@final @unmanaged export class Mean {
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
  @inline watch(seen: v128, a: v128, b: v128, c: v128, d: v128): v128 {
    return seen;
  }
  // @ts-ignore: decorator
  @inline finish(v: v128, weights: usize): v128 {
    return f32x4.mul(v, v128.load(weights));
  }
}

/** The largest of a window's numbers; `seen` turns NaN where one may not be a number. */
// @ts-ignore: decorator
@final @unmanaged export class Largest {
  // @ts-ignore: decorator
  @inline join(a: v128, b: v128): v128 {
    return f32x4.pmax(a, b);
  }
  // @ts-ignore: decorator
  @inline nothing(): v128 {
    return splat(-Infinity);
  }
  // @ts-ignore: decorator
  @inline watch(seen: v128, a: v128, b: v128, c: v128, d: v128): v128 {
    return f32x4.add(seen, fma(a, b, f32x4.mul(c, d)));
  }
  // @ts-ignore: decorator
  @inline finish(v: v128, weights: usize): v128 {
    return v;
  }
}

/** A row of windows whose rows of x begin, with their padding, at `a`, `b` and `c`. Returns what F.watch makes of `seen`. */
// @ts-ignore: decorator
@inline
export function nearRow<F>(p: Pool2dParams, three: bool, a: usize, b: usize, c: usize, weights: usize, y: usize, seen: v128): v128 {
  const f = changetype<F>(0);
  const nothing = f.nothing();
  const last = <i32>p.outWidth - 4;
  // Whether the last windows reach one column too far.
  const end = <i32>(2 * p.outWidth + p.kernelWidth - 2 - p.left) > <i32>p.width ? last : -1;
  let held = nothing;
  let ox = 0;
  while (true) {
    const from = ox << 3;
    if (three && (ox || !p.left)) {
      const a0 = v128.load32_splat(a + from);
      const b0 = v128.load32_splat(b + from);
      const c0 = v128.load32_splat(c + from);
      seen = f.watch(seen, a0, b0, c0, c0);
      held = f.join(f.join(a0, b0), c0);
    }
    do {
      const at = (ox << 3) + (three ? 4 : 0);
      const to = three && ox == end ? at - 4 : at;
      const a0 = v128.load(a + at);
      const b0 = v128.load(b + at);
      const a1 = v128.load(a + to, 16);
      const b1 = v128.load(b + to, 16);
      let near = f.join(a0, b0);
      let far = f.join(a1, b1);
      seen = f.watch(seen, a0, b0, a1, b1);
      if (three) {
        const c0 = v128.load(c + at);
        const c1 = v128.load(c + to, 16);
        seen = f.watch(seen, c0, c0, c1, c1);
        near = f.join(near, c0);
        far = f.join(far, c1);
      }
      if (three && ox == end) far = v128.shuffle<i32>(far, nothing, 1, 2, 3, 4);
      const odd = v128.shuffle<i32>(near, far, 1, 3, 5, 7);
      let whole = f.join(v128.shuffle<i32>(near, far, 0, 2, 4, 6), odd);
      if (three) whole = f.join(v128.shuffle<i32>(held, odd, 3, 4, 5, 6), whole);
      held = odd;
      v128.store(y + (ox << 2), f.finish(whole, weights + (ox << 2)));
      ox += 4;
    } while (ox <= last);
    if (ox == last + 4) break;
    ox = last;
  }
  return seen;
}

/** What F.join makes of four columns of three rows. */
// @ts-ignore: decorator
@inline
function columns<F>(a: usize, b: usize, c: usize): v128 {
  return changetype<F>(0).join(changetype<F>(0).join(v128.load(a), v128.load(b)), v128.load(c));
}

/**
 * The same of windows of 3 by 3, one apart: four columns are reduced over the rows once, and joined with themselves moved by
 * one column and by two, into the four that follow.
 */
export function slideRow<F>(p: Pool2dParams, a: usize, b: usize, c: usize, weights: usize, y: usize, seen: v128): v128 {
  const f = changetype<F>(0);
  const nothing = f.nothing();
  const left = <i32>p.left << 2;
  const last = <i32>(p.outWidth - 4) << 2;
  // The last four columns of a row, and the last windows before which four more are there.
  const end = (<i32>p.width << 2) + left - 16;
  const whole = min(last, end - 16);
  let now = columns<F>(a + left, b + left, c + left);
  seen = f.watch(seen, v128.load(a + left), v128.load(b + left), v128.load(c + left), v128.load(c + left));
  if (left) now = v128.shuffle<i32>(nothing, now, 3, 4, 5, 6);
  let at = 0;
  while (true) {
    for (; at <= whole; at += 16) {
      const p = v128.load(a + at, 16), q = v128.load(b + at, 16), r = v128.load(c + at, 16);
      seen = f.watch(seen, p, q, r, r);
      const next = f.join(f.join(p, q), r);
      v128.store(y + at, f.finish(slide<F>(now, next), weights + at));
      now = next;
    }
    if (at > last) {
      if (at == last + 16) break;
      at = last;
      now = columns<F>(a + at, b + at, c + at);
      if (at <= whole) continue;
    }
    let next = columns<F>(a + end, b + end, c + end);
    seen = f.watch(seen, v128.load(a + end), v128.load(b + end), v128.load(c + end), v128.load(c + end));
    for (let from = end; from < at + 16; from += 4) next = v128.shuffle<i32>(next, nothing, 1, 2, 3, 4);
    v128.store(y + at, f.finish(slide<F>(now, next), weights + at));
    at += 16;
    now = next;
  }
  return seen;
}

// @ts-ignore: decorator
@inline
function slide<F>(now: v128, next: v128): v128 {
  const f = changetype<F>(0);
  return f.join(f.join(now, v128.shuffle<i32>(now, next, 1, 2, 3, 4)), v128.shuffle<i32>(now, next, 2, 3, 4, 5));
}
