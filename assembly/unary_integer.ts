// y = f(x), element by element, where x or y is i32 or bool (a word of 0 or 1). Units are blocks of 512 elements.
import { IntegerParams } from '../build/params';
import { unary } from './elementwise';
import { splat } from './simd';

// @ts-ignore: decorator
@final @unmanaged class Neg { @inline lanes(x: v128, p: usize): v128 { return i32x4.neg(x); } }
export function neg_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Neg>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sign { @inline lanes(x: v128, p: usize): v128 { return v128.or(i32x4.shr_s(x, 31), i32x4.shr_u(i32x4.neg(x), 31)); } }
export function sign_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sign>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Abs { @inline lanes(x: v128, p: usize): v128 { return i32x4.abs(x); } }
export function abs_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Abs>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Square { @inline lanes(x: v128, p: usize): v128 { return i32x4.mul(x, x); } }
export function square_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Square>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Clamp {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const bounds = changetype<IntegerParams>(p);
    return i32x4.min_s(i32x4.max_s(x, i32x4.splat(bounds.a)), i32x4.splat(bounds.b));
  }
}
export function clamp_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Clamp>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class IsNaN { @inline lanes(x: v128, p: usize): v128 { return i32x4.shr_u(f32x4.ne(x, x), 31); } }
export function is_nan_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<IsNaN>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class IsInfinite { @inline lanes(x: v128, p: usize): v128 { return i32x4.shr_u(f32x4.eq(f32x4.abs(x), splat(<f32>Infinity)), 31); } }
export function is_infinite_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<IsInfinite>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class IsFinite { @inline lanes(x: v128, p: usize): v128 { return i32x4.shr_u(f32x4.lt(f32x4.abs(x), splat(<f32>Infinity)), 31); } }
export function is_finite_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<IsFinite>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LogicalNot { @inline lanes(x: v128, p: usize): v128 { return v128.xor(x, i32x4.splat(1)); } }
export function logical_not_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<LogicalNot>(o, p, s, begin, end); }
