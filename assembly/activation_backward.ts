// dx = dy f'(v), element by element, where v is the op's input or its output. Units are blocks of 512 elements.
import { UnaryParams } from '../build/params';
import { backward, backwardAbreast } from './elementwise';
import { geluSlopeFour } from './four';
import { expFall4, geluArgument4, geluSlope4, numberOf, Of, sigmoid4, sigmoidLifted4, softTanh4, softTanhSlope4 } from './functions';
import { fma, splat } from './simd';

/** dy (1 - y²). */
// @ts-ignore: decorator
@final @unmanaged class TanhBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 {
    return f32x4.mul(dy, f32x4.mul(f32x4.sub(numberOf(Of.ONE), y), f32x4.add(numberOf(Of.ONE), y)));
  }
}
export function tanh_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<TanhBackward>(o, p, s, begin, end); }

/** dy y (1 - y). */
// @ts-ignore: decorator
@final @unmanaged class SigmoidBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 {
    return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(numberOf(Of.ONE), y)));
  }
}
export function sigmoid_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SigmoidBackward>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LogSigmoidBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    return f32x4.mul(dy, sigmoid4(f32x4.neg(x)));
  }
}
export function log_sigmoid_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<LogSigmoidBackward>(o, p, s, begin, end); }

/** dy sigmoid(a x), dy where a x > b. */
// @ts-ignore: decorator
@final @unmanaged class SoftplusBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const given = changetype<UnaryParams>(p);
    const z = f32x4.mul(x, splat(given.a));
    return v128.bitselect(dy, f32x4.mul(dy, sigmoid4(z)), f32x4.gt(z, splat(given.b)));
  }
}
export function softplus_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SoftplusBackward>(o, p, s, begin, end); }

/** dy s (1 + x (1 - s)), s = sigmoid x. */
// @ts-ignore: decorator
@final @unmanaged class SiluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    return f32x4.mul(dy, sigmoidLifted4(x, x, numberOf(Of.ONE)));
  }
}
export function silu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SiluBackward>(o, p, s, begin, end); }

/** dy (t + x t'), t = tanh(ln(1 + e^x)). */
// @ts-ignore: decorator
@final @unmanaged class MishBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const e = expFall4(x);
    return f32x4.mul(dy, f32x4.add(softTanh4(x, e), f32x4.mul(x, softTanhSlope4(x, e))));
  }
}
export function mish_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<MishBackward>(o, p, s, begin, end); }

/** dy / (1 + |x|)². */
// @ts-ignore: decorator
@final @unmanaged class SoftsignBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const size = f32x4.add(numberOf(Of.ONE), f32x4.abs(x));
    return f32x4.div(dy, f32x4.mul(size, size));
  }
}
export function softsign_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SoftsignBackward>(o, p, s, begin, end); }

/** dy (s + x s (1 - s) t'), s = sigmoid t, t = 2 √(2/π) (x + 0.044715 x³). */
// @ts-ignore: decorator
@final @unmanaged class GeluTanhBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const t = geluArgument4(x);
    // From |x| = 16 on s (1 - s) is 0, which an infinite slope must not meet.
    const slope = fma(f32x4.min(f32x4.mul(x, x), numberOf(Of.FLAT)), numberOf(Of.BEND), numberOf(Of.GROWTH));
    return f32x4.mul(dy, sigmoidLifted4(t, x, slope));
  }
}
export function gelu_tanh_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<GeluTanhBackward>(o, p, s, begin, end); }

/** dy (Φ(x) + x φ(x)). */
// @ts-ignore: decorator
@final @unmanaged class GeluBackward {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return geluSlope4(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { geluSlopeFour(x, y); }
}
export function gelu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backwardAbreast<GeluBackward>(o, p, s, begin, end); }
