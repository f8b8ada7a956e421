// The kernels of elementwise families, written once over a functor. Units are blocks of 1024 elements.
import { UnaryParams } from '../build/params';
import { operand } from './simd';
import { first, last, map, map2 } from './walk';

/** y = f(x). */
// @ts-ignore: decorator
@inline
export function unary<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const size = <i32>changetype<UnaryParams>(params).size;
  map<F>(params, operand(operands, 0), operand(operands, 1), first(begin), last(end, size));
}

/** dx = f(dy, v). */
// @ts-ignore: decorator
@inline
export function backward<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const start = first(begin);
  const count = last(end, <i32>changetype<UnaryParams>(params).size) - start;
  const skip = start << 2;
  map2<F>(params, operand(operands, 0) + skip, true, operand(operands, 1) + skip, true, operand(operands, 2) + skip, count);
}
