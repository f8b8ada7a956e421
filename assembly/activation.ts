// y = f(x), element by element, of the smooth activations. Units are blocks of 512 elements.
import { UnaryParams } from '../build/params';
import { unary, unaryBy } from './elementwise';
import { expFall4, geluArgument4, numberOf, Of, softplus4, softTanh4 } from './functions';
import { ERF, EXP_RANGE, erfBy4, fma, SIGMOID_TEN, sigmoid4, sigmoidBy4, splat, TANH, tanhBy4 } from './simd';

// @ts-ignore: decorator
@final @unmanaged class Tanh {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, k: v128, l: v128): v128 {
    return tanhBy4(x, true, a, b, c, d, e, f, g, h, k, l);
  }
}
export function tanh_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryBy<Tanh>(o, p, s, begin, end, TANH, TANH + 32); }

// @ts-ignore: decorator
@final @unmanaged class Sigmoid {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, k: v128, l: v128): v128 {
    return sigmoidBy4(x, true, a, b, c, d, e, f, g, h, k, l);
  }
}
export function sigmoid_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryBy<Sigmoid>(o, p, s, begin, end, SIGMOID_TEN, EXP_RANGE); }

// @ts-ignore: decorator
@final @unmanaged class LogSigmoid { @inline lanes(x: v128, p: usize): v128 { return f32x4.neg(softplus4(f32x4.neg(x))); } }
export function log_sigmoid_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<LogSigmoid>(o, p, s, begin, end); }

/** ln(1 + e^(a x)) / a, x where a x > b. */
// @ts-ignore: decorator
@final @unmanaged class Softplus {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const given = changetype<UnaryParams>(p);
    const beta = splat(given.a);
    const z = f32x4.mul(x, beta);
    return v128.bitselect(x, f32x4.div(softplus4(z), beta), f32x4.gt(z, splat(given.b)));
  }
}
export function softplus_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Softplus>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Silu { @inline lanes(x: v128, p: usize): v128 { return f32x4.mul(x, sigmoid4(x)); } }
export function silu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Silu>(o, p, s, begin, end); }

/** x tanh(ln(1 + e^x)). */
// @ts-ignore: decorator
@final @unmanaged class Mish {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    return f32x4.mul(x, softTanh4(x, expFall4(x)));
  }
}
export function mish_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Mish>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Softsign { @inline lanes(x: v128, p: usize): v128 { return f32x4.div(x, f32x4.add(numberOf(Of.ONE), f32x4.abs(x))); } }
export function softsign_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Softsign>(o, p, s, begin, end); }

/** x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2. */
// @ts-ignore: decorator
@final @unmanaged class Gelu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, k: v128, l: v128): v128 {
    const half = f32x4.mul(x, numberOf(Of.HALF));
    return fma(half, erfBy4(f32x4.mul(x, numberOf(Of.ROOT_HALF)), true, a, b, c, d, e, f, g, h, k, l), half);
  }
}
export function gelu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryBy<Gelu>(o, p, s, begin, end, ERF, ERF + 32); }

/** x (1 + tanh(t / 2)) / 2 = x sigmoid(t), t = 2 √(2/π) (x + 0.044715 x³). */
// @ts-ignore: decorator
@final @unmanaged class GeluTanh {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    return f32x4.mul(x, sigmoid4(geluArgument4(x)));
  }
}
export function gelu_tanh_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<GeluTanh>(o, p, s, begin, end); }
