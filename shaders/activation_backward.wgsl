// dx = dy f'(v), element by element, f32, of the smooth activations: one invocation per element. v is the
// forward op's output for tanh and sigmoid, else its input.
//
//! kernel tanh_backward_f32 = dy * ((1.0 - v) * (1.0 + v))
//! kernel sigmoid_backward_f32 = dy * (v * (1.0 - v))
//! kernel log_sigmoid_backward_f32 = dy * logistic(-v)
//! kernel softplus_backward_f32 = select(dy * logistic(params.a * v), dy, params.a * v > params.b)
//! kernel silu_backward_f32 = dy * (logistic(v) * (1.0 + v * logistic(-v)))
//! kernel mish_backward_f32 = dy * (soft_tanh(v).value + v * soft_tanh(v).slope)
//! kernel softsign_backward_f32 = dy / ((1.0 + abs(v)) * (1.0 + abs(v)))
//! kernel gelu_backward_f32 = dy * (normal_cdf(v) + v * normal_pdf(v))
//! kernel gelu_tanh_backward_f32 = dy * gelu_tanh_slope(v)
#include "common/exponential"
#include "common/mish"
#include "common/normal"
#include "common/unary_backward"

// s + x s (1 - s) t', s = logistic(t), t = 2 sqrt(2 / pi) (x + 0.044715 x^3).
fn gelu_tanh_slope(x: f32) -> f32 {
  let t = x * (0.0713548163 * x * x + 1.59576912);
  // From |x| = 16 on s (1 - s) is 0, which an infinite slope must not meet.
  let slope = 0.214064449 * min(x * x, 256.0) + 1.59576912;
  let s = logistic(t);
  return s + s * logistic(-t) * x * slope;
}
