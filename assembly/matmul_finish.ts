// What becomes of a product's sums.
import { tanh } from './curves';
import { sigmoid4 } from './functions';
import { loadUpTo, splat, storeUpTo } from './simd';

/** Applies an activation, 1 relu, 2 tanh, 3 sigmoid, to `count` numbers. */
export function activate(activation: u32, at: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    let x = loadUpTo(at, count);
    if (activation == 1) x = v128.andnot(x, f32x4.le(x, splat(0.0)));
    else if (activation == 2) x = tanh(x);
    else x = sigmoid4(x);
    storeUpTo(at, x, count);
    at += 16;
  }
}
