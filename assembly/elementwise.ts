// The kernels of elementwise families, written once over a functor. Units are blocks of 512 elements.
import { UnaryParams } from '../build/params';
import { map, map2, mapAbreast, scaleAbreast } from './walk';

/** y = f(x). */
// @ts-ignore: decorator
@inline
export function unary<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  map<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}

/** y = f(x), four vectors abreast. */
// @ts-ignore: decorator
@inline
export function unaryAbreast<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  mapAbreast<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}

/** dx = f(dy, v). */
// @ts-ignore: decorator
@inline
export function backward<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  map2<F>(o, p, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}

/** dx = dy f'(x), four vectors abreast. */
// @ts-ignore: decorator
@inline
export function backwardAbreast<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  scaleAbreast<F>(o, s, begin, end, <i32>changetype<UnaryParams>(p).size);
}
