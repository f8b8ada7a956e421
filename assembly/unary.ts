// y = f(x), element by element. Units are blocks of 4096 elements.
import { UnaryParams } from '../build/params';
import { erf4, exp4, log4, operand, sigmoid4, sine4, splat, tanh4 } from './simd';
import { first, last, map } from './walk';

// @ts-ignore: decorator
@inline
function unary<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const size = <i32>changetype<UnaryParams>(params).size;
  map<F>(params, operand(operands, 0), operand(operands, 1), first(begin), last(end, size));
}

// @ts-ignore: decorator
@final @unmanaged class Neg { @inline lanes(x: v128, p: usize): v128 { return f32x4.neg(x); } }
export function neg_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Neg>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sign {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), splat(1.0));
    return v128.bitselect(x, one, v128.or(f32x4.eq(x, splat(0.0)), f32x4.ne(x, x)));
  }
}
export function sign_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sign>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Abs { @inline lanes(x: v128, p: usize): v128 { return f32x4.abs(x); } }
export function abs_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Abs>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Exp { @inline lanes(x: v128, p: usize): v128 { return exp4(x); } }
export function exp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Exp>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Log { @inline lanes(x: v128, p: usize): v128 { return log4(x); } }
export function log_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Log>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sqrt { @inline lanes(x: v128, p: usize): v128 { return f32x4.sqrt(x); } }
export function sqrt_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sqrt>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Square { @inline lanes(x: v128, p: usize): v128 { return f32x4.mul(x, x); } }
export function square_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Square>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sin { @inline lanes(x: v128, p: usize): v128 { return sine4(x, 0); } }
export function sin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sin>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Cos { @inline lanes(x: v128, p: usize): v128 { return sine4(x, 1); } }
export function cos_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Cos>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Tanh { @inline lanes(x: v128, p: usize): v128 { return tanh4(x); } }
export function tanh_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Tanh>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sigmoid { @inline lanes(x: v128, p: usize): v128 { return sigmoid4(x); } }
export function sigmoid_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sigmoid>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Relu { @inline lanes(x: v128, p: usize): v128 { return f32x4.pmax(x, splat(0.0)); } }
export function relu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Relu>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LeakyRelu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const slope = splat(changetype<UnaryParams>(p).a);
    return v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(x, splat(0.0)));
  }
}
export function leaky_relu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<LeakyRelu>(o, p, begin, end); }

/** x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2. */
// @ts-ignore: decorator
@final @unmanaged class Gelu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const half = f32x4.mul(x, splat(0.5));
    return f32x4.add(half, f32x4.mul(half, erf4(f32x4.mul(x, splat(0.70710678118654752)))));
  }
}
export function gelu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Gelu>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Clamp {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const bounds = changetype<UnaryParams>(p);
    return f32x4.min(f32x4.max(x, splat(bounds.a)), splat(bounds.b));
  }
}
export function clamp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Clamp>(o, p, begin, end); }
