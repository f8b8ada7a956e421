// Losses of probabilities and rates: logarithms and powers.
//! variant | JOIN=0 | WIDE=0
//! kernel binary_cross_entropy_f32 = (t - 1.0) * log_of_rest(x) - t * log_of(x)
//! kernel bce_with_logits_f32 = with_logits(x, t, c, params.cCount)
//! kernel kl_div_f32 = divergence(x, t, params.a)
//! kernel soft_margin_loss_f32 = softplus_of(-t * x)
//! kernel gaussian_nll_loss_f32 = gaussian(x - t, larger(c, params.a), params.b)
//! kernel poisson_nll_loss_f32 = poisson(x, t, params.a, params.b, params.e)
#include "common/loss_log"

fn with_logits(x: f32, t: f32, c: f32, count: u32) -> f32 {
  let loss = softplus_of(-x);
  if (count == 0u) {
    return (1.0 - t) * x + loss;
  }
  return (1.0 - t) * x + ((c - 1.0) * t + 1.0) * loss;
}

fn divergence(x: f32, t: f32, in_log: f32) -> f32 {
  if (in_log != 0.0) {
    return exponential(t) * (t - x);
  }
  if (t == 0.0) {
    return -t * x;
  }
  return t * logarithm(t) - t * x;
}

fn gaussian(d: f32, variance: f32, constant: f32) -> f32 {
  return 0.5 * (logarithm(variance) + d * d / variance) + constant;
}

fn poisson(x: f32, t: f32, in_log: f32, eps: f32, full: f32) -> f32 {
  var loss = 0.0;
  if (in_log != 0.0) {
    loss = exponential(x) - t * x;
  } else {
    loss = x - t * logarithm(x + eps);
  }
  if (full != 0.0 && t > 1.0) {
    loss += t * logarithm(t) - t + 0.5 * logarithm(6.28318530718 * t);
  }
  return loss;
}
#include "common/loss"
