// y = f(x), element by element, f32: one invocation per element. The functions of angles are in
// unary_trigonometry.wgsl, those of and to whole numbers and bools in unary_integer.wgsl.
//
//! kernel neg_f32 = -x
//! kernel abs_f32 = abs(x)
// x = NaN gives 0.
//! kernel sign_f32 = select(sign(x), 0.0, is_nan(x))
//! kernel exp_f32 = exponential(x)
//! kernel expm1_f32 = exponential_minus_one(x)
//! kernel log_f32 = logarithm(x)
//! kernel log1p_f32 = logarithm_of_one_plus(x)
//! kernel sqrt_f32 = sqrt(x)
//! kernel rsqrt_f32 = inverse_root(x)
//! kernel reciprocal_f32 = 1.0 / x
//! kernel square_f32 = x * x
//! kernel erf_f32 = error_function(x)
//! kernel floor_f32 = select(floor(x), x, is_nan(x))
//! kernel ceil_f32 = select(ceil(x), x, is_nan(x))
//! kernel round_f32 = select(round(x), x, is_nan(x))
//! kernel trunc_f32 = select(trunc(x), x, is_nan(x))
//! kernel clamp_f32 = select(min(max(x, params.a), params.b), x, is_nan(x))
#include "common/exponential"
#include "common/special"
#include "common/unary"

fn inverse_root(x: f32) -> f32 {
  if (is_nan(x) || x < 0.0) {
    return nan();
  }
  if (x == 0.0) {
    return select(infinity(), -infinity(), (bitcast<u32>(x) >> 31u) == 1u);
  }
  return select(inverseSqrt(x), 0.0, is_infinite(x));
}

// erf x within 4e-7: an odd rational function on [-4, 4] (Eigen's coefficients), +-1 beyond.
fn error_function(given: f32) -> f32 {
  let x = clamp(given, -4.0, 4.0);
  let z = x * x;
  let p4 = ((-2.72614225801306e-10 * z + 2.77068142495902e-8) * z - 2.10102402082508e-6) * z - 5.69250639462346e-5;
  let p = ((p4 * z - 7.34990630326855e-4) * z - 2.95459980854025e-3) * z - 1.60960333262415e-2;
  let q2 = (-1.45660718464996e-5 * z - 2.13374055278905e-4) * z - 1.68282697438203e-3;
  let q = (q2 * z - 7.37332916720468e-3) * z - 1.42647390514189e-2;
  return select(x * p / q, given, is_nan(given));
}
