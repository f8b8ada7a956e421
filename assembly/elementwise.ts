// The kernels of elementwise families, written once over a functor. Units are blocks of 512 elements.
import { UnaryParams } from '../build/params';
import { map, map2, mapBy } from './walk';

/** y = f(x). */
// @ts-ignore: decorator
@inline
export function unary<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  map<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}

/** y = f(x), of a function that takes ten constants. */
// @ts-ignore: decorator
@inline
export function unaryBy<F>(o: usize, p: usize, s: usize, begin: i32, end: i32, table: usize, more: usize): void {
  mapBy<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size, table, more);
}

/** dx = f(dy, v). */
// @ts-ignore: decorator
@inline
export function backward<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  map2<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}
