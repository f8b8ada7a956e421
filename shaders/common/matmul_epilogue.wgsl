#include "common/activation"

alias output_stored = f32;

// Known before the kernel is compiled, for branches cost more than what they choose between: whether a bias is
// added, 1 one of columns, 2 one of rows, [groups, rows] where batches are [.., groups]; and the activation, 0 none,
// 1 relu, 2 tanh, 3 sigmoid.
override HAS_BIAS = 0u;
override ACTIVATION = 0u;

fn activated(value: f32) -> f32 {
  if (ACTIVATION == 1u) {
    // NaN fails every comparison and passes through.
    return select(value, 0.0, value <= 0.0);
  }
  if (ACTIVATION == 2u) {
    return hyperbolic_tangent(value);
  }
  if (ACTIVATION == 3u) {
    return logistic(value);
  }
  return value;
}
