// Derivatives of shaders/loss_log.wgsl by x, or by what the kernel's name says.
//
//! kernel binary_cross_entropy_backward_f32__x = (x - t) / larger((1.0 - x) * x, 1e-12)
//! kernel binary_cross_entropy_backward_f32__target = log_of_rest(x) - log_of(x)
//! kernel bce_with_logits_backward_f32__x = logits_slope(x, t, c, params.cCount)
//! kernel bce_with_logits_backward_f32__target = target_slope(x, c, params.cCount)
//! kernel kl_div_backward_f32__x = select(-t, -exponential(t), params.a != 0.0)
//! kernel kl_div_backward_f32__target = divergence_slope(x, t, params.a)
//! kernel soft_margin_loss_backward_f32 = -t * sigmoid_of(-t * x)
//! kernel gaussian_nll_loss_backward_f32__x = (x - t) / larger(c, params.a)
//! kernel gaussian_nll_loss_backward_f32__variance = variance_slope(x - t, larger(c, params.a))
//! kernel poisson_nll_loss_backward_f32__x = poisson_slope(x, t, params.a, params.b)
//! kernel poisson_nll_loss_backward_f32__target = count_slope(x, t, params.a, params.b, params.e)
#include "common/loss_log"

fn logits_slope(x: f32, t: f32, c: f32, count: u32) -> f32 {
  if (count == 0u) {
    return sigmoid_of(x) - t;
  }
  return (c * t + 1.0 - t) * sigmoid_of(x) - c * t;
}

fn target_slope(x: f32, c: f32, count: u32) -> f32 {
  if (count == 0u) {
    return -x;
  }
  return c * softplus_of(-x) - softplus_of(x);
}

fn divergence_slope(x: f32, t: f32, in_log: f32) -> f32 {
  if (in_log != 0.0) {
    return exponential(t) * (t - x + 1.0);
  }
  if (t == 0.0) {
    return nan();
  }
  return logarithm(t) + 1.0 - x;
}

fn variance_slope(d: f32, variance: f32) -> f32 {
  let ratio = d / variance;
  return 0.5 * (1.0 / variance - ratio * ratio);
}

fn poisson_slope(x: f32, t: f32, in_log: f32, eps: f32) -> f32 {
  if (in_log != 0.0) {
    return exponential(x) - t;
  }
  return 1.0 - t / (x + eps);
}

fn count_slope(x: f32, t: f32, in_log: f32, eps: f32, full: f32) -> f32 {
  var slope = -x;
  if (in_log == 0.0) {
    slope = -logarithm(x + eps);
  }
  if (full != 0.0 && t > 1.0) {
    slope += logarithm(t) + 0.5 / t;
  }
  return slope;
}
#include "common/loss_backward"
