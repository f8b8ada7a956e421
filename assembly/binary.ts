// y = f(a, b), element by element, with broadcasting. Units are blocks of 1024 elements of y.
import { BinaryParams } from '../build/params';
import { operand } from './simd';
import { first, last, map2, rowOffset } from './walk';

/** Walks y row by row; within a row an operand either moves with y or stands still. */
// @ts-ignore: decorator
@inline
export function broadcast2<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<BinaryParams>(params);
  const a = operand(operands, 0);
  const b = operand(operands, 1);
  const y = operand(operands, 2);
  const rank = <i32>p.rank;
  const shape = params + offsetof<BinaryParams>('shape0');
  const aStrides = params + offsetof<BinaryParams>('aStrides0');
  const bStrides = params + offsetof<BinaryParams>('bStrides0');
  const inner = load<i32>(shape + ((rank - 1) << 2));
  const aMove = load<i32>(aStrides + ((rank - 1) << 2));
  const bMove = load<i32>(bStrides + ((rank - 1) << 2));
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    const p = a + ((rowOffset(row, rank, shape, aStrides) + column * aMove) << 2);
    const q = b + ((rowOffset(row, rank, shape, bStrides) + column * bMove) << 2);
    map2<F>(params, p, aMove != 0, q, bMove != 0, y + (at << 2), count);
    at += count;
  }
}

// @ts-ignore: decorator
@final @unmanaged class Add { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.add(a, b); } }
export function add_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Add>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sub { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.sub(a, b); } }
export function sub_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Sub>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Mul { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.mul(a, b); } }
export function mul_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Mul>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Div { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.div(a, b); } }
export function div_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Div>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Maximum { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.max(a, b); } }
export function maximum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Maximum>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Minimum { @inline lanes(a: v128, b: v128, p: usize): v128 { return f32x4.min(a, b); } }
export function minimum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Minimum>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class AddI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.add(a, b); } }
export function add_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<AddI32>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class SubI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.sub(a, b); } }
export function sub_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<SubI32>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MulI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.mul(a, b); } }
export function mul_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MulI32>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MaximumI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.max_s(a, b); } }
export function maximum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MaximumI32>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class MinimumI32 { @inline lanes(a: v128, b: v128, p: usize): v128 { return i32x4.min_s(a, b); } }
export function minimum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<MinimumI32>(o, p, begin, end); }
