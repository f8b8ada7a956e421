// Softmax and its kin along an axis: x is `outer` blocks of `length` x `inner`, a row is `length` elements
// that lie `inner` apart. One workgroup of 64 per row; its invocations take every 64th element.
#include "common/indexing"
#include "common/special"
#include "common/tree"

struct SoftmaxParams {
  outer: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: SoftmaxParams;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> backward: SoftmaxParams;

// Index of a row's first element.
fn row_start(row: u32, length: u32, inner: u32) -> u32 {
  return row / inner * length * inner + row % inner;
}

// The largest element of the row that starts at `start`.
fn row_max(start: u32, local: u32) -> f32 {
  var top = x[start];
  for (var i = local; i < params.length; i += 64u) {
    top = max(top, x[start + i * params.inner]);
  }
  return tree_max(top, local);
}

// y = e^(x - top) / sum e^(x - top), top the row's maximum: nothing overflows.
@compute @workgroup_size(64)
fn softmax_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer * params.inner) {
    return;
  }
  let start = row_start(row, params.length, params.inner);
  let top = row_max(start, local);
  var part = 0.0;
  for (var i = local; i < params.length; i += 64u) {
    let at = start + i * params.inner;
    let power = exponential(x[at] - top);
    output[at] = power;
    part += power;
  }
  let total = tree_sum(part, local);
  for (var i = local; i < params.length; i += 64u) {
    output[start + i * params.inner] /= total;
  }
}

// y = (x - top) - log sum e^(x - top).
@compute @workgroup_size(64)
fn log_softmax_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer * params.inner) {
    return;
  }
  let start = row_start(row, params.length, params.inner);
  let top = row_max(start, local);
  var part = 0.0;
  for (var i = local; i < params.length; i += 64u) {
    part += exponential(x[start + i * params.inner] - top);
  }
  let total = logarithm(tree_sum(part, local));
  for (var i = local; i < params.length; i += 64u) {
    let at = start + i * params.inner;
    output[at] = (x[at] - top) - total;
  }
}

// dx = y (dy - sum dy y).
@compute @workgroup_size(64)
fn softmax_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= backward.outer * backward.inner) {
    return;
  }
  let start = row_start(row, backward.length, backward.inner);
  var part = 0.0;
  for (var i = local; i < backward.length; i += 64u) {
    let at = start + i * backward.inner;
    part += dy[at] * y[at];
  }
  let dot = tree_sum(part, local);
  for (var i = local; i < backward.length; i += 64u) {
    let at = start + i * backward.inner;
    dx[at] = y[at] * (dy[at] - dot);
  }
}

// dx = dy - e^y sum dy.
@compute @workgroup_size(64)
fn log_softmax_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= backward.outer * backward.inner) {
    return;
  }
  let start = row_start(row, backward.length, backward.inner);
  var part = 0.0;
  for (var i = local; i < backward.length; i += 64u) {
    part += dy[start + i * backward.inner];
  }
  let total = tree_sum(part, local);
  for (var i = local; i < backward.length; i += 64u) {
    let at = start + i * backward.inner;
    dx[at] = dy[at] - exponential(y[at]) * total;
  }
}
