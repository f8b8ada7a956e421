// y = f(x), element by element, f32, of the activations with a kink: one invocation per element.
//
// x = NaN fails every comparison and passes through.
//! kernel relu_f32 = select(x, 0.0, x <= 0.0)
//! kernel leaky_relu_f32 = select(params.a * x, x, x > 0.0)
// a (e^(b x) - 1) where x <= 0.
//! kernel elu_f32 = select(params.a * exponential_minus_one(params.b * x), x, x > 0.0)
//! kernel selu_f32 = select(params.a * exponential_minus_one(x), 1.05070099 * x, x > 0.0)
//! kernel hardsigmoid_f32 = up_to_six(x) * 0.166666672
//! kernel hardswish_f32 = x * up_to_six(x) * 0.166666672
#include "common/exponential"
#include "common/special"
#include "common/unary"

// min(max(x + 3, 0), 6).
fn up_to_six(x: f32) -> f32 {
  return select(min(max(x + 3.0, 0.0), 6.0), x, is_nan(x));
}
