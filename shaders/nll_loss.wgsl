// Negative log-likelihood of labels, and the weights of labels.
//! variant | JOIN=0 | WIDE=0
#include "common/cross_entropy"
#include "common/fault"
#include "common/indexing"
#include "common/row"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> row_losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: CrossEntropyParams;

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> class_weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;
@group(0) @binding(3) var<uniform> sum_params: CrossEntropyParams;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> total_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> backward: CrossEntropyParams;

// row_losses = -w[label] x[label], row_weights = w[label], one invocation per row; both 0 for ignoreIndex, and
// for a label outside 0..classes-1, which is a fault.
@compute @workgroup_size(64)
fn nll_loss_rows_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= params.rows) {
    return;
  }
  let label = labels[row];
  if (label < 0 || u32(label) >= params.classes || label == params.ignoreIndex) {
    if (label != params.ignoreIndex) {
      report_fault(params.faultId, row, bitcast<u32>(label));
    }
    row_losses[row] = 0.0;
    row_weights[row] = 0.0;
    return;
  }
  var own = 1.0;
  if (params.hasWeight == 1u) {
    own = weight[label];
  }
  let start = row_start(row, params.classes, params.inner);
  row_losses[row] = -own * x[start + u32(label) * params.inner];
  row_weights[row] = own;
}

// The weight of a label, 0 where it is ignored or outside 0..classes-1.
fn label_weight(label: i32, p: CrossEntropyParams) -> f32 {
  if (label < 0 || u32(label) >= p.classes || label == p.ignoreIndex) {
    return 0.0;
  }
  if (p.hasWeight == 0u) {
    return 1.0;
  }
  return class_weight[label];
}

// total = sum of the labels' weights, by one workgroup.
@compute @workgroup_size(64)
fn label_weights_f32(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  for (var row = local; row < sum_params.rows; row += 64u) {
    part += label_weight(targets[row], sum_params);
  }
  let all = row_sum(part, local, 64u);
  if (local == 0u) {
    total[0] = all;
  }
}

// dx = -dy w[label] at the label, divided by the total weight where that is counted, 0 elsewhere: one
// invocation per row.
@compute @workgroup_size(64)
fn nll_loss_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= backward.rows) {
    return;
  }
  let start = row_start(row, backward.classes, backward.inner);
  for (var c = 0u; c < backward.classes; c++) {
    dx[start + c * backward.inner] = 0.0;
  }
  let label = targets[row];
  if (label < 0 || u32(label) >= backward.classes || label == backward.ignoreIndex) {
    return;
  }
  var g = -dy[row * backward.moves];
  if (backward.counted == 1u) {
    g /= total_weight[0];
  }
  dx[start + u32(label) * backward.inner] = g * label_weight(label, backward);
}
