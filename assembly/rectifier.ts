// Activations with a kink, forward y = f(x) and backward dx = dy f'(v), element by element, where v is the op's input or
// its output. Units are blocks of 512 elements.
import { UnaryParams } from '../build/params';
import { backward, unary } from './elementwise';
import { exp4, expm1x4 } from './functions';
import { splat } from './simd';

/** min(max(x + 3, 0), 6). */
// @ts-ignore: decorator
@inline
function upToSix(x: v128): v128 {
  return f32x4.min(f32x4.max(f32x4.add(x, splat(3.0)), splat(0.0)), splat(6.0));
}

// @ts-ignore: decorator
@final @unmanaged class Relu { @inline lanes(x: v128, p: usize): v128 { return f32x4.pmax(x, splat(0.0)); } }
export function relu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Relu>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LeakyRelu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const slope = splat(changetype<UnaryParams>(p).a);
    return v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(x, splat(0.0)));
  }
}
export function leaky_relu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<LeakyRelu>(o, p, s, begin, end); }

/** x where x > 0, else a (e^(b x) - 1). */
// @ts-ignore: decorator
@final @unmanaged class Elu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const given = changetype<UnaryParams>(p);
    const low = f32x4.mul(splat(given.a), expm1x4(f32x4.mul(x, splat(given.b))));
    return v128.bitselect(x, low, f32x4.gt(x, splat(0.0)));
  }
}
export function elu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Elu>(o, p, s, begin, end); }

/** 1.0507 x where x > 0, else a (e^x - 1). */
// @ts-ignore: decorator
@final @unmanaged class Selu {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    const low = f32x4.mul(splat(changetype<UnaryParams>(p).a), expm1x4(x));
    return v128.bitselect(f32x4.mul(splat(1.05070098735548049342), x), low, f32x4.gt(x, splat(0.0)));
  }
}
export function selu_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Selu>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Hardsigmoid {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    return f32x4.mul(upToSix(x), splat(0.16666666666666667));
  }
}
export function hardsigmoid_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Hardsigmoid>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Hardswish {
  // @ts-ignore: decorator
  @inline lanes(x: v128, p: usize): v128 {
    return f32x4.mul(f32x4.mul(x, upToSix(x)), splat(0.16666666666666667));
  }
}
export function hardswish_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { unary<Hardswish>(o, p, s, begin, end); }

/** 0 where y <= 0, else dy. */
// @ts-ignore: decorator
@final @unmanaged class ReluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, y: v128, p: usize): v128 {
    return v128.andnot(dy, f32x4.le(y, splat(0.0)));
  }
}
export function relu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<ReluBackward>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class LeakyReluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    return v128.bitselect(dy, f32x4.mul(dy, splat(changetype<UnaryParams>(p).a)), f32x4.gt(x, splat(0.0)));
  }
}
export function leaky_relu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<LeakyReluBackward>(o, p, s, begin, end); }

/** dy, or dy a b e^(b x) where x <= 0. */
// @ts-ignore: decorator
@final @unmanaged class EluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const given = changetype<UnaryParams>(p);
    const low = f32x4.mul(splat(given.a * given.b), exp4(f32x4.mul(x, splat(given.b))));
    return f32x4.mul(dy, v128.bitselect(low, splat(1.0), f32x4.le(x, splat(0.0))));
  }
}
export function elu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<EluBackward>(o, p, s, begin, end); }

/** 1.0507 dy, or dy a e^x where x <= 0. */
// @ts-ignore: decorator
@final @unmanaged class SeluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const low = f32x4.mul(splat(changetype<UnaryParams>(p).a), exp4(x));
    return f32x4.mul(dy, v128.bitselect(low, splat(1.05070098735548049342), f32x4.le(x, splat(0.0))));
  }
}
export function selu_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<SeluBackward>(o, p, s, begin, end); }

/** 0 where x <= a or x >= b, else dy. */
// @ts-ignore: decorator
@final @unmanaged class HardtanhBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const bounds = changetype<UnaryParams>(p);
    return v128.andnot(dy, v128.or(f32x4.le(x, splat(bounds.a)), f32x4.ge(x, splat(bounds.b))));
  }
}
export function hardtanh_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<HardtanhBackward>(o, p, s, begin, end); }

/** dy / 6 where -3 < x < 3, else 0. */
// @ts-ignore: decorator
@final @unmanaged class HardsigmoidBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const inside = v128.and(f32x4.gt(x, splat(-3.0)), f32x4.lt(x, splat(3.0)));
    return v128.and(f32x4.mul(dy, splat(0.16666666666666667)), inside);
  }
}
export function hardsigmoid_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<HardsigmoidBackward>(o, p, s, begin, end); }

/** 0 where x <= -3, dy (x / 3 + 1/2) where x < 3, else dy. */
// @ts-ignore: decorator
@final @unmanaged class HardswishBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, x: v128, p: usize): v128 {
    const slope = f32x4.add(f32x4.mul(x, splat(0.33333333333333333)), splat(0.5));
    const middle = v128.bitselect(f32x4.mul(dy, slope), dy, f32x4.lt(x, splat(3.0)));
    return v128.andnot(middle, f32x4.le(x, splat(-3.0)));
  }
}
export function hardswish_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { backward<HardswishBackward>(o, p, s, begin, end); }
