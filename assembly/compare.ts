// y = a relation b with broadcasting; a bool is a word of 0 or 1. Units are blocks of 512 elements of y.
import { broadcast2 } from './binary';

// @ts-ignore: decorator
@final @unmanaged class EqualF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.eq(a, b), 31); }
}
export function equal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<EqualF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class EqualI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.eq(a, b), 31); }
}
export function equal_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<EqualI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class NotEqualF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.ne(a, b), 31); }
}
export function not_equal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<NotEqualF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class NotEqualI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.ne(a, b), 31); }
}
export function not_equal_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<NotEqualI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LessF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.lt(a, b), 31); }
}
export function less_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<LessF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LessI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.lt_s(a, b), 31); }
}
export function less_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<LessI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LessEqualF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.le(a, b), 31); }
}
export function less_equal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<LessEqualF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LessEqualI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.le_s(a, b), 31); }
}
export function less_equal_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<LessEqualI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GreaterF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.gt(a, b), 31); }
}
export function greater_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<GreaterF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GreaterI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.gt_s(a, b), 31); }
}
export function greater_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<GreaterI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GreaterEqualF32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(f32x4.ge(a, b), 31); }
}
export function greater_equal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<GreaterEqualF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GreaterEqualI32 {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.shr_u(i32x4.ge_s(a, b), 31); }
}
export function greater_equal_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<GreaterEqualI32>(o, p, s, begin, end); }
