// Cross entropy of logits f32 [rows, classes] with labels i32 [rows].
#include "common/fault"
#include "common/indexing"
#include "common/special"
#include "common/tree"

struct CrossEntropyParams {
  rows: u32,
  classes: u32,
  scale: f32,
  faultId: u32,
}

struct CrossEntropySumParams {
  rows: u32,
  classes: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> row_losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: CrossEntropyParams;

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@group(0) @binding(2) var<uniform> sum_params: CrossEntropySumParams;

@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(4) var<uniform> backward: CrossEntropySumParams;

fn row_max(start: u32, classes: u32) -> f32 {
  var top = logits[start];
  for (var i = 1u; i < classes; i++) {
    top = max(top, logits[start + i]);
  }
  return top;
}

fn row_total(start: u32, classes: u32, top: f32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < classes; i++) {
    total += exponential(logits[start + i] - top);
  }
  return total;
}

// losses[row] = log sum e^(logits - top) - (logits[label] - top), one invocation per row. A label outside
// 0..classes-1 gives 0 and a fault.
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
  if (label < 0 || u32(label) >= params.classes) {
    report_fault(params.faultId, row, bitcast<u32>(label));
    row_losses[row] = 0.0;
    return;
  }
  let start = row * params.classes;
  let top = row_max(start, params.classes);
  let total = row_total(start, params.classes, top);
  row_losses[row] = logarithm(total) - (logits[start + u32(label)] - top);
}

// loss = scale * sum of losses, by one workgroup.
@compute @workgroup_size(64)
fn cross_entropy_f32(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  for (var row = local; row < sum_params.rows; row += 64u) {
    part += losses[row];
  }
  let total = tree_sum(part, local);
  if (local == 0u) {
    loss[0] = total * sum_params.scale;
  }
}

// dlogits = dy scale (softmax(logits) - onehot(label)), one invocation per row; 0 for a label outside
// 0..classes-1.
@compute @workgroup_size(64)
fn cross_entropy_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row >= backward.rows) {
    return;
  }
  let classes = backward.classes;
  let start = row * classes;
  let label = labels[row];
  if (label < 0 || u32(label) >= classes) {
    for (var i = 0u; i < classes; i++) {
      dlogits[start + i] = 0.0;
    }
    return;
  }
  let top = row_max(start, classes);
  let total = row_total(start, classes, top);
  let scale = dy[0] * backward.scale;
  for (var i = 0u; i < classes; i++) {
    let p = exponential(logits[start + i] - top) / total;
    dlogits[start + i] = scale * select(p, p - 1.0, i == u32(label));
  }
}
