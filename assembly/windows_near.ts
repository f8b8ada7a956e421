// Rows of windows of 2 by 2 or 3 by 3 elements, two apart, at least four in a row, reduced to one number each: their sum or the
// largest. Four are made at a time, of two vectors of columns that are reduced over the rows first; the columns that lie evenly
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
