// y = f(a, b), element by element, with broadcasting. Units are blocks of 512 elements of y.
import { BinaryParams } from '../build/params';
import { map2 } from './walk';

// @ts-ignore: decorator
@inline
export function broadcast2<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  const given = changetype<BinaryParams>(p);
  const shape = p + offsetof<BinaryParams>('shape0');
  map2<F>(o, p, s, begin, end, <i32>given.size, <i32>given.rank, shape, p + offsetof<BinaryParams>('aStrides0'));
}

// @ts-ignore: decorator
@final @unmanaged class Add { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.add(a, b); } }
export function add_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Add>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sub { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.sub(a, b); } }
export function sub_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Sub>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Mul { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.mul(a, b); } }
export function mul_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Mul>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Div { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.div(a, b); } }
export function div_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Div>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Maximum { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.max(a, b); } }
export function maximum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Maximum>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Minimum { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.min(a, b); } }
export function minimum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Minimum>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class AddI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.add(a, b); } }
export function add_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<AddI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class SubI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.sub(a, b); } }
export function sub_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<SubI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MulI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.mul(a, b); } }
export function mul_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MulI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MaximumI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.max_s(a, b); } }
export function maximum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MaximumI32>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MinimumI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.min_s(a, b); } }
export function minimum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MinimumI32>(o, p, s, begin, end); }
