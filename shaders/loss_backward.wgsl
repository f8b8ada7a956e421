// Derivatives of shaders/loss.wgsl by x; by t, where there is no kernel for it, they are the negative.
//
//! kernel mse_loss_backward_f32 = 2.0 * (x - t)
//! kernel l1_loss_backward_f32 = sign_of(x - t)
//! kernel smooth_l1_loss_backward_f32 = smooth_slope(x - t, params.a)
//! kernel huber_loss_backward_f32 = huber_slope(x - t, params.a)
//! kernel hinge_embedding_loss_backward_f32 = hinge_slope(x, t, params.a)
//! kernel margin_ranking_loss_backward_f32 = select(0.0, -c, params.a - c * (x - t) > 0.0)
//! kernel margin_ranking_loss_backward_f32__target = select(0.0, t - x, params.a - c * (x - t) > 0.0)
#include "common/special"

fn sign_of(d: f32) -> f32 {
  return select(select(0.0, -1.0, d < 0.0), 1.0, d > 0.0);
}

fn smooth_slope(d: f32, beta: f32) -> f32 {
  if (abs(d) < beta) {
    return d / beta;
  }
  return sign_of(d);
}

fn huber_slope(d: f32, delta: f32) -> f32 {
  if (abs(d) <= delta) {
    return d;
  }
  return delta * sign_of(d);
}

fn hinge_slope(x: f32, t: f32, margin: f32) -> f32 {
  let near = select(0.0, -1.0, t != 1.0 && margin - x > 0.0);
  return near + select(1.0, 0.0, t == -1.0);
}
#include "common/loss_backward"
