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
#include "common/activation"
#include "common/exponential"
#include "common/mish"
#include "common/normal"
#include "common/special"
#include "common/unary"
