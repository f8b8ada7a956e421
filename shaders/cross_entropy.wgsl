// Cross-entropy of logits with labels i32, or with probabilities f32, with class weights and smoothing.
#include "common/class_row"
#include "common/class_slopes"
#include "common/cross_entropy"
#include "common/fault"
#include "common/indexing"
#include "common/tree"

@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(3) var<storage, read_write> row_losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: CrossEntropyParams;
@group(0) @binding(4) var<uniform> share_params: CrossEntropyParams;

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean_loss: array<f32>;
@group(0) @binding(3) var<uniform> sum_params: CrossEntropyParams;

@group(0) @binding(3) var<storage, read> total_weight: array<f32>;
@group(0) @binding(5) var<uniform> slope_params: CrossEntropyParams;
@group(0) @binding(3) var<storage, read_write> share_slopes: array<f32>;

// row_losses = (1 - smoothing) w[label] nll[label] + smoothing mean of w nll, nll = log sum e^(x - top) - (x -
// top), and row_weights = w[label], one invocation per row; both 0 for ignoreIndex, and for a label outside
// 0..classes-1, which is a fault.
@compute @workgroup_size(64)
fn cross_entropy_rows_f32(
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
  row_losses[row] = label_loss(row, u32(label), params);
  row_weights[row] = weight_of(u32(label), params);
}

// loss = sum of losses / sum of weights, by one workgroup.
@compute @workgroup_size(64)
fn cross_entropy_f32(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  var share = 0.0;
  for (var row = local; row < sum_params.rows; row += 64u) {
    part += losses[row];
    share += weights[row];
  }
  let total = tree_sum(part, local);
  let counted = tree_sum(share, local);
  if (local == 0u) {
    mean_loss[0] = total / counted;
  }
}

// slopes = g (A softmax(logits) - K), one invocation per row: K = (1 - smoothing) w onehot(label) + smoothing
// w / classes, A its sum, g = 1, divided by the total weight where that is counted; 0 for ignored labels.
@compute @workgroup_size(64)
fn cross_entropy_slopes_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= slope_params.rows) {
    return;
  }
  let p = slope_params;
  let label = labels[row];
  if (label < 0 || u32(label) >= p.classes || label == p.ignoreIndex) {
    no_slopes(row, p);
    return;
  }
  var g = 1.0;
  if (p.counted == 1u) {
    g /= total_weight[0];
  }
  label_slopes(row, u32(label), p, g);
}

fn share_of(at: u32, c: u32, p: CrossEntropyParams) -> f32 {
  return weight_of(c, p) * (shares[at] * (1.0 - p.smoothing) + p.smoothing / f32(p.classes));
}

// row_losses = sum of K nll with K = w (target (1 - smoothing) + smoothing / classes).
@compute @workgroup_size(64)
fn cross_entropy_shares_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= share_params.rows) {
    return;
  }
  let p = share_params;
  let start = row_start(row, p.classes, p.inner);
  let top = row_max(start, p);
  let total = logarithm(row_total(start, p, top));
  var loss = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    let at = start + c * p.inner;
    loss += share_of(at, c, p) * (total - (logits[at] - top));
  }
  row_losses[row] = loss;
}

// slopes = scale (A softmax(logits) - K), K as above and A its sum.
@compute @workgroup_size(64)
fn cross_entropy_shares_slopes_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= share_params.rows) {
    return;
  }
  let p = share_params;
  let start = row_start(row, p.classes, p.inner);
  let top = row_max(start, p);
  var all = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    all += share_of(start + c * p.inner, c, p);
  }
  let scale = all / row_total(start, p, top);
  for (var c = 0u; c < p.classes; c++) {
    let at = start + c * p.inner;
    share_slopes[at] = p.scale * (exponential(logits[at] - top) * scale - share_of(at, c, p));
  }
}
