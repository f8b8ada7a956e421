// Rows of classes: x is [outer, classes, inner], row r = o inner + i holds the elements (o, ., i), which lie
// inner apart. Targets are labels by row, or probabilities like x. `counted` is 1 where the loss is divided
// by the sum of the labels' weights, `moves` where dy is one number for each row.
#include "common/special"

struct CrossEntropyParams {
  rows: u32,
  classes: u32,
  inner: u32,
  hasWeight: u32,
  counted: u32,
  moves: u32,
  ignoreIndex: i32,
  smoothing: f32,
  scale: f32,
  faultId: u32,
  // webgpu: invocations of a row, and whether the gradient is wanted.
  lanes: u32,
  slopes: u32,
}

fn row_start(row: u32, classes: u32, inner: u32) -> u32 {
  return row / inner * classes * inner + row % inner;
}

// What a mean divides by: no weights at all leave no mean, not even of what smoothing gives other classes.
fn divisor(total: f32, p: CrossEntropyParams) -> f32 {
  return select(total, nan(), is_zero(total) && p.smoothing > 0.0);
}
