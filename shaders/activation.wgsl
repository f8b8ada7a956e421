// y = f(x), element by element, f32, of the smooth activations: one invocation per element.
//
//! kernel tanh_f32 = hyperbolic_tangent(x)
//! kernel sigmoid_f32 = logistic(x)
//! kernel log_sigmoid_f32 = -soft_positive(-x)
// ln(1 + e^(a x)) / a, x where a x > b.
//! kernel softplus_f32 = select(soft_positive(params.a * x) / params.a, x, params.a * x > params.b)
//! kernel silu_f32 = x * logistic(x)
//! kernel mish_f32 = x * soft_tanh(x).value
//! kernel softsign_f32 = x / (1.0 + abs(x))
//! kernel gelu_f32 = x * normal_cdf(x)
// x (1 + tanh(t / 2)) / 2 = x logistic(t), t = 2 sqrt(2 / pi) (x + 0.044715 x^3).
//! kernel gelu_tanh_f32 = x * logistic(x * (0.0713548163 * x * x + 1.59576912))
#include "common/exponential"
#include "common/mish"
#include "common/normal"
#include "common/special"
#include "common/unary"

// WGSL's tanh may overflow to NaN for large |x| and loses small ones. Below 0.625 the odd polynomial of
// Cephes' tanhf (Moshier, 1992), relative error 2^-23; above 1 - 2 / (e^2|x| + 1), which is 1 in f32 from |x|
// = 10 on.
fn hyperbolic_tangent(x: f32) -> f32 {
  let size = abs(x);
  if (size < 0.625) {
    let z = x * x;
    let p = (((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z;
    return x + x * z * (p - 3.33332819422e-1);
  }
  if (is_nan(x)) {
    return x;
  }
  return sign(x) * (1.0 - 2.0 / (exp(2.0 * min(size, 10.0)) + 1.0));
}
