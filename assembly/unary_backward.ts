// dx = dy f'(v), element by element, where v is the op's input or its output. Units are blocks of 4096 elements.
import { UnaryParams } from '../build/params';
import { erf4, exp4, operand, splat } from './simd';
import { first, last, map2 } from './walk';

// @ts-ignore: decorator
@inline
function backward<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const start = first(begin);
  const count = last(end, <i32>changetype<UnaryParams>(params).size) - start;
  const skip = start << 2;
  map2<F>(params, operand(operands, 0) + skip, true, operand(operands, 1) + skip, true, operand(operands, 2) + skip, count);
}

/** dy (1 - y²). */
// @ts-ignore: decorator
@final @unmanaged class TanhBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 {
    return f32x4.mul(dy, f32x4.mul(f32x4.sub(splat(1.0), y), f32x4.add(splat(1.0), y)));
  }
}
export function tanh_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<TanhBackward>(o, p, begin, end); }

/** dy y (1 - y). */
// @ts-ignore: decorator
@final @unmanaged class SigmoidBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 {
    return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(splat(1.0), y)));
  }
}
export function sigmoid_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SigmoidBackward>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class ReluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 { return v128.and(dy, f32x4.gt(y, splat(0.0))); }
}
export function relu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<ReluBackward>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LeakyReluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    return v128.bitselect(dy, f32x4.mul(dy, splat(changetype<UnaryParams>(p).a)), f32x4.gt(x, splat(0.0)));
  }
}
export function leaky_relu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<LeakyReluBackward>(o, p, begin, end); }

/** dy (Φ(x) + x φ(x)), φ(x) = e^(-x²/2) / √2π. */
// @ts-ignore: decorator
@final @unmanaged class GeluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const cdf = f32x4.mul(splat(0.5), f32x4.add(splat(1.0), erf4(f32x4.mul(x, splat(0.70710678118654752)))));
    const pdf = f32x4.mul(splat(0.39894228040143268), exp4(f32x4.mul(f32x4.mul(x, x), splat(-0.5))));
    return f32x4.mul(dy, f32x4.add(cdf, f32x4.mul(x, pdf)));
  }
}
export function gelu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<GeluBackward>(o, p, begin, end); }
