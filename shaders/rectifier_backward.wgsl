// dx = dy f'(v), element by element, f32, of the activations with a kink: one invocation per element. v is the
// forward op's output for relu, else its input. Which side NaN falls on is PyTorch's choice.
//
//! kernel relu_backward_f32 = select(dy, 0.0, v <= 0.0 && !is_nan(v))
//! kernel leaky_relu_backward_f32 = select(params.a * dy, dy, v > 0.0)
//! kernel elu_backward_f32 = dy * bend(v, params.a * params.b, params.b, 1.0)
//! kernel selu_backward_f32 = dy * bend(v, params.a, 1.0, 1.05070099)
//! kernel hardtanh_backward_f32 = select(dy, 0.0, (v <= params.a || v >= params.b) && !is_nan(v))
//! kernel hardsigmoid_backward_f32 = select(0.0, dy * 0.166666672, v > -3.0 && v < 3.0 && !is_nan(v))
//! kernel hardswish_backward_f32 = hardswish_slope(dy, v)
#include "common/special"
#include "common/unary_backward"

// a e^(rate v) where v <= 0, else gain.
fn bend(v: f32, a: f32, rate: f32, gain: f32) -> f32 {
  return select(gain, a * exponential(rate * v), v <= 0.0 && !is_nan(v));
}

// 0 where v <= -3, dy (v / 3 + 1/2) where v < 3, else dy.
fn hardswish_slope(dy: f32, v: f32) -> f32 {
  if (is_nan(v) || v >= 3.0) {
    return dy;
  }
  return select(dy * (v * 0.333333343 + 0.5), 0.0, v <= -3.0);
}
