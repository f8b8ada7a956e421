// What becomes of a product's sums.
import { sigmoid4, splat, tanh4 } from './simd';

/** x, or its activation: 1 relu, 2 tanh, 3 sigmoid. */
export function activate(activation: u32, x: v128): v128 {
  if (activation == 1) return v128.andnot(x, f32x4.le(x, splat(0.0)));
  if (activation == 2) return tanh4(x);
  if (activation == 3) return sigmoid4(x);
  return x;
}
