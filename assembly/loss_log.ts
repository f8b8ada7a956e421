// Losses of probabilities and rates: logarithms and powers. The walks are those of assembly/loss.ts.
import { LossParams } from '../build/params';
import { losses, slopes } from './loss';
import { exp4, log4, sigmoid4 } from './functions';
import { splat } from './simd';

// Functions, not inlined: losses are a small share of any program, and each of them takes several of these.

function exponential(x: v128): v128 {
  return exp4(x);
}

function logarithm(x: v128): v128 {
  return log4(x);
}

/** ln(1 + u), relative to the result for small u: u - u² / 2 is off by u³ / 3 there. */
function logAboveOne(u: v128): v128 {
  const near = f32x4.sub(u, f32x4.mul(splat(0.5), f32x4.mul(u, u)));
  return v128.bitselect(near, logarithm(f32x4.add(splat(1.0), u)), f32x4.lt(f32x4.abs(u), splat(0.00048828125)));
}

/** ln(1 + e^z), which does not overflow. */
function softplus4(z: v128): v128 {
  return f32x4.add(f32x4.max(z, splat(0.0)), logAboveOne(exponential(f32x4.neg(f32x4.abs(z)))));
}

function sigmoidOf(z: v128): v128 {
  return sigmoid4(z);
}

/** ln p and ln(1 - p), not below -100. */
// @ts-ignore: decorator
@inline
function logOfP(p: v128): v128 {
  return f32x4.max(logarithm(p), splat(-100.0));
}
// @ts-ignore: decorator
@inline
function logOfRest(p: v128): v128 {
  return f32x4.max(logAboveOne(f32x4.neg(p)), splat(-100.0));
}

/** -(t ln x + (1 - t) ln(1 - x)). */
// @ts-ignore: decorator
@final @unmanaged class Bce {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const rest = f32x4.mul(f32x4.sub(t, splat(1.0)), logOfRest(x));
    return f32x4.sub(rest, f32x4.mul(t, logOfP(x)));
  }
}
export function binary_cross_entropy_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<Bce>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BceSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const spread = f32x4.mul(f32x4.sub(splat(1.0), x), x);
    return f32x4.div(f32x4.sub(x, t), f32x4.max(spread, splat(1e-12)));
  }
}
export function binary_cross_entropy_backward_f32__x(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<BceSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BceTargetSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { return f32x4.sub(logOfRest(x), logOfP(x)); }
}
export function binary_cross_entropy_backward_f32__target(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<BceTargetSlope>(o, p, begin, end); }

/** (1 - t) x + ((c - 1) t + 1) ln(1 + e^-x), c the positive weight. */
// @ts-ignore: decorator
@final @unmanaged class BceLogits {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const one = splat(1.0);
    let loss = softplus4(f32x4.neg(x));
    if (p.cCount) loss = f32x4.mul(f32x4.add(f32x4.mul(f32x4.sub(c, one), t), one), loss);
    return f32x4.add(f32x4.mul(f32x4.sub(one, t), x), loss);
  }
}
export function bce_with_logits_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<BceLogits>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BceLogitsSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    if (!p.cCount) return f32x4.sub(sigmoidOf(x), t);
    const positive = f32x4.mul(c, t);
    const all = f32x4.sub(f32x4.add(positive, splat(1.0)), t);
    return f32x4.sub(f32x4.mul(all, sigmoidOf(x)), positive);
  }
}
export function bce_with_logits_backward_f32__x(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<BceLogitsSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class BceLogitsTargetSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    if (!p.cCount) return f32x4.neg(x);
    return f32x4.sub(f32x4.mul(c, softplus4(f32x4.neg(x))), softplus4(x));
  }
}
export function bce_with_logits_backward_f32__target(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<BceLogitsTargetSlope>(o, p, begin, end); }

/** t ln t - t x, or e^t (t - x) for targets that are logarithms. */
// @ts-ignore: decorator
@final @unmanaged class KlDiv {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    if (p.a) return f32x4.mul(exponential(t), f32x4.sub(t, x));
    const own = v128.andnot(f32x4.mul(t, logarithm(t)), f32x4.eq(t, splat(0.0)));
    return f32x4.sub(own, f32x4.mul(t, x));
  }
}
export function kl_div_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<KlDiv>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class KlDivSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    return p.a ? f32x4.neg(exponential(t)) : f32x4.neg(t);
  }
}
export function kl_div_backward_f32__x(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<KlDivSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class KlDivTargetSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const one = splat(1.0);
    if (p.a) return f32x4.mul(exponential(t), f32x4.add(f32x4.sub(t, x), one));
    const slope = f32x4.sub(f32x4.add(logarithm(t), one), x);
    return v128.bitselect(splat(<f32>NaN), slope, f32x4.eq(t, splat(0.0)));
  }
}
export function kl_div_backward_f32__target(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<KlDivTargetSlope>(o, p, begin, end); }

/** ln(1 + e^-tx). */
// @ts-ignore: decorator
@final @unmanaged class SoftMargin {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 { return softplus4(f32x4.neg(f32x4.mul(t, x))); }
}
export function soft_margin_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<SoftMargin>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class SoftMarginSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    return f32x4.neg(f32x4.mul(t, sigmoidOf(f32x4.neg(f32x4.mul(t, x)))));
  }
}
export function soft_margin_loss_backward_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<SoftMarginSlope>(o, p, begin, end); }

/** (ln v + (x - t)² / v) / 2 + b, v = max(c, a). */
// @ts-ignore: decorator
@final @unmanaged class GaussianNll {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const v = f32x4.max(c, splat(p.a));
    const d = f32x4.sub(x, t);
    const both = f32x4.add(logarithm(v), f32x4.div(f32x4.mul(d, d), v));
    return f32x4.add(f32x4.mul(splat(0.5), both), splat(p.b));
  }
}
export function gaussian_nll_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<GaussianNll>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GaussianNllSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    return f32x4.div(f32x4.sub(x, t), f32x4.max(c, splat(p.a)));
  }
}
export function gaussian_nll_loss_backward_f32__x(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<GaussianNllSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class GaussianNllVarianceSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const v = f32x4.max(c, splat(p.a));
    const ratio = f32x4.div(f32x4.sub(x, t), v);
    return f32x4.mul(splat(0.5), f32x4.sub(f32x4.div(splat(1.0), v), f32x4.mul(ratio, ratio)));
  }
}
export function gaussian_nll_loss_backward_f32__variance(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<GaussianNllVarianceSlope>(o, p, begin, end); }

/** e^x - t x, or x - t ln(x + b) where a is 0; where e is not 0 and t > 1, plus t ln t - t + ln(2π t) / 2. */
// @ts-ignore: decorator
@final @unmanaged class PoissonNll {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    let loss: v128;
    if (p.a) loss = f32x4.sub(exponential(x), f32x4.mul(t, x));
    else loss = f32x4.sub(x, f32x4.mul(t, logarithm(f32x4.add(x, splat(p.b)))));
    if (!p.e) return loss;
    const half = f32x4.mul(splat(0.5), logarithm(f32x4.mul(splat(6.28318530718), t)));
    const more = f32x4.add(f32x4.sub(f32x4.mul(t, logarithm(t)), t), half);
    return f32x4.add(loss, v128.and(more, f32x4.gt(t, splat(1.0))));
  }
}
export function poisson_nll_loss_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { losses<PoissonNll>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class PoissonNllSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    if (p.a) return f32x4.sub(exponential(x), t);
    return f32x4.sub(splat(1.0), f32x4.div(t, f32x4.add(x, splat(p.b))));
  }
}
export function poisson_nll_loss_backward_f32__x(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<PoissonNllSlope>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class PoissonNllTargetSlope {
  // @ts-ignore: decorator
  @inline lanes(x: v128, t: v128, c: v128, p: LossParams): v128 {
    const slope = p.a ? f32x4.neg(x) : f32x4.neg(logarithm(f32x4.add(x, splat(p.b))));
    if (!p.e) return slope;
    const more = f32x4.add(logarithm(t), f32x4.div(splat(0.5), t));
    return f32x4.add(slope, v128.and(more, f32x4.gt(t, splat(1.0))));
  }
}
export function poisson_nll_loss_backward_f32__target(o: usize, p: usize, s: usize, begin: i32, end: i32): void { slopes<PoissonNllTargetSlope>(o, p, begin, end); }
