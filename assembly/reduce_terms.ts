// What reductions are put together from: joins of two partial results, terms of an element. A lane alone is one of four.
import { splat } from './simd';

// Joins.

// @ts-ignore: decorator
@final @unmanaged export class AddF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.add(a, b); }
}
// @ts-ignore: decorator
@final @unmanaged export class MulF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.mul(a, b); }
}
// The pseudo-maximum is one instruction, as f32x4.max is not: it keeps NaN in a, and that in b sets all bits, NaN too.
// @ts-ignore: decorator
@final @unmanaged export class MaxF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return v128.or(f32x4.pmax(a, b), f32x4.ne(b, b)); }
}
// @ts-ignore: decorator
@final @unmanaged export class MinF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return v128.or(f32x4.pmin(a, b), f32x4.ne(b, b)); }
}
// @ts-ignore: decorator
@final @unmanaged export class AddI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.add(a, b); }
}
// @ts-ignore: decorator
@final @unmanaged export class MulI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.mul(a, b); }
}
// @ts-ignore: decorator
@final @unmanaged export class MaxI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.max_s(a, b); }
}
// @ts-ignore: decorator
@final @unmanaged export class MinI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.min_s(a, b); }
}

// Terms of an element, with the two words that they may need, in every lane.

// @ts-ignore: decorator
@final @unmanaged export class Same {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return x; }
}
/** Whether x is not zero, as i32. */
// @ts-ignore: decorator
@final @unmanaged export class NonzeroF32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return i32x4.shr_u(f32x4.ne(x, splat(0.0)), 31); }
}
// @ts-ignore: decorator
@final @unmanaged export class NonzeroI32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return i32x4.shr_u(i32x4.ne(x, i32x4.splat(0)), 31); }
}
/** Whether x is not zero, as f32. */
// @ts-ignore: decorator
@final @unmanaged export class One {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return v128.and(f32x4.ne(x, splat(0.0)), splat(1.0)); }
}
// @ts-ignore: decorator
@final @unmanaged export class Abs {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.abs(x); }
}
// @ts-ignore: decorator
@final @unmanaged export class Square {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.mul(x, x); }
}
/** |x|^u. */
// @ts-ignore: decorator
@final @unmanaged export class Power {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 {
    const p = f32x4.extract_lane(u, 0);
    const size = f32x4.abs(x);
    let y = f32x4.splat(Mathf.pow(f32x4.extract_lane(size, 0), p));
    y = f32x4.replace_lane(y, 1, Mathf.pow(f32x4.extract_lane(size, 1), p));
    y = f32x4.replace_lane(y, 2, Mathf.pow(f32x4.extract_lane(size, 2), p));
    return f32x4.replace_lane(y, 3, Mathf.pow(f32x4.extract_lane(size, 3), p));
  }
}
/** x - u. */
// @ts-ignore: decorator
@final @unmanaged export class Distance {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.sub(x, u); }
}
/** ((x - u) - v)². */
// @ts-ignore: decorator
@final @unmanaged export class Deviation {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 {
    const d = f32x4.sub(f32x4.sub(x, u), v);
    return f32x4.mul(d, d);
  }
}
/** x with the bits of u turned. */
// @ts-ignore: decorator
@final @unmanaged export class Turned {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return v128.xor(x, u); }
}

/** total^(1 / p). */
export function powerRoot(total: f32, p: f32): f32 {
  // What 1 / p loses in f32 counts ln total times: the logarithm is read off the bits, to within 0.1.
  const exponent = <f32>1.0 / p;
  const lost = 1.0 / <f64>p - <f64>exponent;
  const log2 = <f64>reinterpret<i32>(total) * (1.0 / 8388608.0) - 127.0;
  return <f32>(<f64>Mathf.pow(total, exponent) * (1.0 + lost * 0.6931471805599453 * log2));
}
