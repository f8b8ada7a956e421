// y = f(x), element by element. Units are blocks of 512 elements.
import { erfAbreast } from '../build/abreast';
import { UnaryParams } from '../build/params';
import { erf } from './curves';
import { unary, unaryAbreast } from './elementwise';
import { expFour } from './four';
import { exp4, expm1x4, log1px4, log4, sine4, tangent4 } from './functions';
import { splat } from './simd';

// @ts-ignore: decorator
@final @unmanaged class Neg { @inline lanes(x: v128, p: usize): v128 { return f32x4.neg(x); } }
export function neg_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Neg>(o, p, s, begin, end); }

/** ±1 where |x| > 0, which NaN is not, else 0. */
// @ts-ignore: decorator
@final @unmanaged class Sign {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const one = v128.or(splat(1.0), v128.and(x, i32x4.splat(0x80000000)));
    return v128.and(one, f32x4.gt(f32x4.abs(x), splat(0.0)));
  }
}
export function sign_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sign>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Abs { @inline lanes(x: v128, p: usize): v128 { return f32x4.abs(x); } }
export function abs_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Abs>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Exp {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return exp4(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { expFour(x, y); }
}
export function exp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Exp>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Expm1 { @inline lanes(x: v128, p: usize): v128 { return expm1x4(x); } }
export function expm1_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Expm1>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Log { @inline lanes(x: v128, p: usize): v128 { return log4(x); } }
export function log_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Log>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Log1p { @inline lanes(x: v128, p: usize): v128 { return log1px4(x); } }
export function log1p_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Log1p>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sqrt { @inline lanes(x: v128, p: usize): v128 { return f32x4.sqrt(x); } }
export function sqrt_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sqrt>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Rsqrt { @inline lanes(x: v128, p: usize): v128 { return f32x4.div(splat(1.0), f32x4.sqrt(x)); } }
export function rsqrt_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Rsqrt>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Reciprocal { @inline lanes(x: v128, p: usize): v128 { return f32x4.div(splat(1.0), x); } }
export function reciprocal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Reciprocal>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Square { @inline lanes(x: v128, p: usize): v128 { return f32x4.mul(x, x); } }
export function square_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Square>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Sin { @inline lanes(x: v128, p: usize): v128 { return sine4(x, 0); } }
export function sin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Sin>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Cos { @inline lanes(x: v128, p: usize): v128 { return sine4(x, 1); } }
export function cos_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Cos>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Tan { @inline lanes(x: v128, p: usize): v128 { return tangent4(x); } }
export function tan_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Tan>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Erf {
  // @ts-ignore: decorator
  @inline lanes(x: v128): v128 { return erf(x); }
  // @ts-ignore: decorator
  @inline abreast(x: usize, y: usize): void { erfAbreast(x, y); }
}
export function erf_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unaryAbreast<Erf>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Floor { @inline lanes(x: v128, p: usize): v128 { return f32x4.floor(x); } }
export function floor_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Floor>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Ceil { @inline lanes(x: v128, p: usize): v128 { return f32x4.ceil(x); } }
export function ceil_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Ceil>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Round { @inline lanes(x: v128, p: usize): v128 { return f32x4.nearest(x); } }
export function round_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Round>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Trunc { @inline lanes(x: v128, p: usize): v128 { return f32x4.trunc(x); } }
export function trunc_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Trunc>(o, p, s, begin, end); }

/** The pseudo-minimum and -maximum let their first operand through where it is NaN, or the bound's other zero. */
// @ts-ignore: decorator
@final @unmanaged class Clamp {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const bounds = changetype<UnaryParams>(p);
    return f32x4.pmin(f32x4.pmax(x, splat(bounds.a)), splat(bounds.b));
  }
}
export function clamp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Clamp>(o, p, s, begin, end); }
