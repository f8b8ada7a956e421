// Losses that are pieces of polynomials.
//! variant | JOIN=0 | WIDE=0
//! kernel mse_loss_f32 = (x - t) * (x - t)
//! kernel l1_loss_f32 = abs(x - t)
//! kernel smooth_l1_loss_f32 = smooth_l1(x - t, params.a)
//! kernel huber_loss_f32 = huber(x - t, params.a)
//! kernel hinge_embedding_loss_f32 = hinge(x, t, params.a)
//! kernel margin_ranking_loss_f32 = larger(params.a - c * (x - t), 0.0)
#include "common/special"

fn smooth_l1(d: f32, beta: f32) -> f32 {
  let size = abs(d);
  if (size < beta) {
    return 0.5 * d * d / beta;
  }
  return size - 0.5 * beta;
}

fn huber(d: f32, delta: f32) -> f32 {
  let size = abs(d);
  if (size <= delta) {
    return 0.5 * d * d;
  }
  return delta * (size - 0.5 * delta);
}

fn hinge(x: f32, t: f32, margin: f32) -> f32 {
  let near = select(larger(margin - x, 0.0), 0.0, t == 1.0);
  return near + select(x, 0.0, t == -1.0);
}
#include "common/loss"
