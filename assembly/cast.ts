// y = x as another dtype; a bool is a word of 0 or 1. Units are blocks of 512 elements.
import { SizeParams } from '../build/params';
import { splat } from './simd';
import { map } from './walk';

// @ts-ignore: decorator
@inline
function cast<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  map<F>(o, p, s, begin, end, <i32>changetype<SizeParams>(p).size);
}

// @ts-ignore: decorator
@final @unmanaged class F32ToI32 { @inline lanes(x: v128, p: usize): v128 { return i32x4.trunc_sat_f32x4_s(x); } }
export function cast_f32_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<F32ToI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class F32ToBool { @inline lanes(x: v128, p: usize): v128 { return i32x4.shr_u(f32x4.ne(x, splat(0.0)), 31); } }
export function cast_f32_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<F32ToBool>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class I32ToF32 { @inline lanes(x: v128, p: usize): v128 { return f32x4.convert_i32x4_s(x); } }
export function cast_i32_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<I32ToF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class I32ToBool { @inline lanes(x: v128, p: usize): v128 { return i32x4.shr_u(i32x4.ne(x, i32x4.splat(0)), 31); } }
export function cast_i32_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<I32ToBool>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BoolToF32 { @inline lanes(x: v128, p: usize): v128 { return f32x4.convert_i32x4_s(x); } }
export function cast_bool_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<BoolToF32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BoolToI32 { @inline lanes(x: v128, p: usize): v128 { return x; } }
export function cast_bool_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { cast<BoolToI32>(o, p, s, begin, end); }
