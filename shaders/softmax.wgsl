// Softmax and its kin along an axis: x is `outer` items of `length` x `inner`, a row is `length` elements that lie
// `inner` apart; with WIDE, where inner is 1, an element is four numbers. Rows as in common/row.
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
//! variant __lanes | JOIN=1 | WIDE=0
//! variant __lanes4 | JOIN=1 | WIDE=1
//! variant __group | JOIN=2 | WIDE=0
//! variant __group4 | JOIN=2 | WIDE=1
#include "common/row"

struct SoftmaxParams {
  outer: u32,
  length: u32,
  inner: u32,
  // webgpu: invocations of a row.
  lanes: u32,
}

alias output_stored = V;
alias dy_stored = V;
alias y_stored = V;
alias dx_stored = V;

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(2) var<uniform> params: SoftmaxParams;

@group(0) @binding(0) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(1) var<storage, read> y: array<y_stored>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx_stored>;
@group(0) @binding(3) var<uniform> backward: SoftmaxParams;

// The elements of a row that are an invocation's: first, first + step, ... below end; none past the last row.
struct Row {
  first: u32,
  end: u32,
  step: u32,
}

fn row_of(p: SoftmaxParams, at: vec2<u32>) -> Row {
  if (at.x >= p.outer * p.inner) {
    return Row(0u, 0u, 1u);
  }
  let size = p.length * p.inner;
  let item = at.x / p.inner;
  let start = item * size + at.x - item * p.inner;
  return Row(start + at.y * p.inner, start + size, p.lanes * p.inner);
}

fn largest(row: Row, local: u32) -> f32 {
  var top = V(-infinity());
  for (var at = row.first; at < row.end; at += row.step) {
    top = max(top, x[at]);
  }
  return row_max(max_of(top), local, params.lanes);
}

fn sum_of_powers(row: Row, top: f32, local: u32) -> f32 {
  var part = V();
  for (var at = row.first; at < row.end; at += row.step) {
    part += exp_of(x[at] - top);
  }
  return row_sum(sum_of(part), local, params.lanes);
}

// y = e^(x - top) / sum e^(x - top), top the row's maximum: nothing overflows.
@compute @workgroup_size(SIZE)
fn softmax_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = row_of(params, row_lane(group, local, groups, params.lanes));
  let top = largest(row, local);
  let total = sum_of_powers(row, top, local);
  for (var at = row.first; at < row.end; at += row.step) {
    output[at] = output_stored(exp_of(x[at] - top) / total);
  }
}

// y = (x - top) - log sum e^(x - top).
@compute @workgroup_size(SIZE)
fn log_softmax_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = row_of(params, row_lane(group, local, groups, params.lanes));
  let top = largest(row, local);
  let total = logarithm(sum_of_powers(row, top, local));
  for (var at = row.first; at < row.end; at += row.step) {
    output[at] = output_stored((x[at] - top) - total);
  }
}

// dx = y (dy - sum dy y).
@compute @workgroup_size(SIZE)
fn softmax_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = row_of(backward, row_lane(group, local, groups, backward.lanes));
  var part = V();
  for (var at = row.first; at < row.end; at += row.step) {
    part += V(dy[at]) * V(y[at]);
  }
  let dot = row_sum(sum_of(part), local, backward.lanes);
  for (var at = row.first; at < row.end; at += row.step) {
    dx[at] = dx_stored(V(y[at]) * (V(dy[at]) - dot));
  }
}

// dx = dy - e^y sum dy.
@compute @workgroup_size(SIZE)
fn log_softmax_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = row_of(backward, row_lane(group, local, groups, backward.lanes));
  var part = V();
  for (var at = row.first; at < row.end; at += row.step) {
    part += V(dy[at]);
  }
  let total = row_sum(sum_of(part), local, backward.lanes);
  for (var at = row.first; at < row.end; at += row.step) {
    dx[at] = dx_stored(V(dy[at]) - exp_of(V(y[at])) * total);
  }
}
