// y = f(x), element by element, of the smooth activations. Units are blocks of 512 elements.
import { geluAbreast, tanhAbreast } from '../build/abreast';
import { UnaryParams } from '../build/params';
import { gelu, tanh } from './curves';
import { unary, unaryAbreast } from './elementwise';
import { sigmoidFour, siluFour } from './four';
import { expFall4, geluArgument4, numberOf, Of, sigmoid4, silu4, softplus4, softTanh4 } from './functions';
import { splat } from './simd';

// @ts-ignore: decorator
@final @unmanaged class Tanh {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return tanh(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { tanhAbreast(x, y); }
}
export function tanh_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Tanh>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sigmoid {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return sigmoid4(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { sigmoidFour(x, y); }
}
export function sigmoid_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Sigmoid>(o, p, s, begin, end); }

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
@final @unmanaged class Silu {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return silu4(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { siluFour(x, y); }
}
export function silu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Silu>(o, p, s, begin, end); }

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

// @ts-ignore: decorator
@final @unmanaged class Gelu {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return gelu(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { geluAbreast(x, y); }
}
export function gelu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Gelu>(o, p, s, begin, end); }

/** x (1 + tanh(t / 2)) / 2 = x sigmoid(t), t = 2 √(2/π) (x + 0.044715 x³). */
// @ts-ignore: decorator
@final @unmanaged class GeluTanh {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    return f32x4.mul(x, sigmoid4(geluArgument4(x)));
  }
}
export function gelu_tanh_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<GeluTanh>(o, p, s, begin, end); }
