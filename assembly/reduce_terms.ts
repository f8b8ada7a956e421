// What reductions are put together from: joins of two partial results, terms of an element, ends of a total.
import { ReduceParams } from '../build/params';
import { splat } from './simd';

// Joins.

// @ts-ignore: decorator
@final @unmanaged export class AddF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.add(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return a + b; }
}
// @ts-ignore: decorator
@final @unmanaged export class MulF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.mul(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return a * b; }
}
// The pseudo-maximum is one instruction, as f32x4.max is not: it keeps NaN in a, and that in b sets all bits, NaN too.
// @ts-ignore: decorator
@final @unmanaged export class MaxF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return v128.or(f32x4.pmax(a, b), f32x4.ne(b, b)); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return f32x4.extract_lane(this.lanes(splat(a), splat(b)), 0); }
}
// @ts-ignore: decorator
@final @unmanaged export class MinF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return v128.or(f32x4.pmin(a, b), f32x4.ne(b, b)); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return f32x4.extract_lane(this.lanes(splat(a), splat(b)), 0); }
}
// @ts-ignore: decorator
@final @unmanaged export class AddI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.add(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: i32, b: i32): i32 { return a + b; }
}
// @ts-ignore: decorator
@final @unmanaged export class MulI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.mul(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: i32, b: i32): i32 { return a * b; }
}
// @ts-ignore: decorator
@final @unmanaged export class MaxI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.max_s(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: i32, b: i32): i32 { return max(a, b); }
}
// @ts-ignore: decorator
@final @unmanaged export class MinI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return i32x4.min_s(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: i32, b: i32): i32 { return min(a, b); }
}

// Terms of an element, with two numbers that they may need.

// @ts-ignore: decorator
@final @unmanaged export class SameF32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return x; }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return x; }
}
// @ts-ignore: decorator
@final @unmanaged export class SameI32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return x; }
  // @ts-ignore: decorator
  @inline lane(x: i32, u: f32, v: f32): i32 { return x; }
}
/** Whether x is not zero, as i32. */
// @ts-ignore: decorator
@final @unmanaged export class NonzeroF32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return i32x4.shr_u(f32x4.ne(x, splat(0.0)), 31); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): i32 { return i32(x != 0.0); }
}
// @ts-ignore: decorator
@final @unmanaged export class NonzeroI32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return i32x4.shr_u(i32x4.ne(x, i32x4.splat(0)), 31); }
  // @ts-ignore: decorator
  @inline lane(x: i32, u: f32, v: f32): i32 { return i32(x != 0); }
}
/** Whether x is not zero, as f32. */
// @ts-ignore: decorator
@final @unmanaged export class One {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return v128.and(f32x4.ne(x, splat(0.0)), splat(1.0)); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return x != 0.0 ? <f32>1.0 : <f32>0.0; }
}
// @ts-ignore: decorator
@final @unmanaged export class Abs {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.abs(x); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return abs(x); }
}
// @ts-ignore: decorator
@final @unmanaged export class Square {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.mul(x, x); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return x * x; }
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
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return Mathf.pow(abs(x), u); }
}
/** x - u. */
// @ts-ignore: decorator
@final @unmanaged export class Distance {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return f32x4.sub(x, u); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return x - u; }
}
/** ((x - u) - v)². */
// @ts-ignore: decorator
@final @unmanaged export class Deviation {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 {
    const d = f32x4.sub(f32x4.sub(x, u), v);
    return f32x4.mul(d, d);
  }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 {
    const d = x - u - v;
    return d * d;
  }
}
/** x with its sign turned where u is -0. */
// @ts-ignore: decorator
@final @unmanaged export class TurnedF32 {
  // @ts-ignore: decorator
  @inline lanes(x: v128, u: v128, v: v128): v128 { return v128.xor(x, u); }
  // @ts-ignore: decorator
  @inline lane(x: f32, u: f32, v: f32): f32 { return reinterpret<f32>(reinterpret<i32>(x) ^ reinterpret<i32>(u)); }
}

// What becomes of a total.

// @ts-ignore: decorator
@final @unmanaged export class Scaled {
  // @ts-ignore: decorator
  @inline lane(total: f32, p: ReduceParams, u: f32): f32 { return total * p.scale; }
}
// @ts-ignore: decorator
@final @unmanaged export class TurnedBack {
  // @ts-ignore: decorator
  @inline lane(total: f32, p: ReduceParams, u: f32): f32 { return reinterpret<f32>(reinterpret<i32>(total) ^ reinterpret<i32>(u)); }
}
// @ts-ignore: decorator
@final @unmanaged export class KeptF32 {
  // @ts-ignore: decorator
  @inline lane(total: f32, p: ReduceParams, u: f32): f32 { return total; }
}
// @ts-ignore: decorator
@final @unmanaged export class KeptI32 {
  // @ts-ignore: decorator
  @inline lane(total: i32, p: ReduceParams, u: f32): i32 { return total; }
}
// @ts-ignore: decorator
@final @unmanaged export class ScaledRoot {
  // @ts-ignore: decorator
  @inline lane(total: f32, p: ReduceParams, u: f32): f32 { return sqrt<f32>(total * p.scale); }
}
// @ts-ignore: decorator
@final @unmanaged export class PowerRoot {
  // @ts-ignore: decorator
  @inline lane(total: f32, p: ReduceParams, u: f32): f32 {
    // What 1 / p loses in f32 counts ln total times: the logarithm is read off the bits, to within 0.1.
    const exponent = <f32>1.0 / p.power;
    const lost = 1.0 / <f64>p.power - <f64>exponent;
    const log2 = <f64>reinterpret<i32>(total) * (1.0 / 8388608.0) - 127.0;
    return <f32>(<f64>Mathf.pow(total, exponent) * (1.0 + lost * 0.6931471805599453 * log2));
  }
}
