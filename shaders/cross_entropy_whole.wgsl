// Cross-entropy of few rows of logits with labels and its slopes, by one workgroup: what cross_entropy.wgsl does in three
// launches, of which the last adds up losses. An invocation takes every 64th row.
//! variant | JOIN=0 | WIDE=0
#include "common/class_slopes"
#include "common/fault"
#include "common/row"

@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: CrossEntropyParams;

fn counts(label: i32, p: CrossEntropyParams) -> bool {
  return label >= 0 && u32(label) < p.classes && label != p.ignoreIndex;
}

// loss = sum of losses, over the sum of weights where that is counted; labels outside 0..classes-1 are faults.
@compute @workgroup_size(64)
fn cross_entropy_f32__whole(@builtin(local_invocation_index) local: u32) {
  let p = params;
  var part = 0.0;
  var share = 0.0;
  for (var row = local; row < p.rows; row += 64u) {
    let label = labels[row];
    if (counts(label, p)) {
      part += label_loss(row, u32(label), p);
      share += weight_of(u32(label), p);
    } else if (label != p.ignoreIndex) {
      report_fault(p.faultId, row, bitcast<u32>(label));
    }
  }
  let total = row_sum(part, local, 64u);
  let weights = divisor(row_sum(share, local, 64u), p);
  var g = 1.0;
  if (p.counted == 1u) {
    g /= weights;
  }
  if (local == 0u) {
    loss[0] = select(total, total / weights, p.counted == 1u);
  }
  for (var row = local; row < p.rows; row += 64u) {
    let label = labels[row];
    if (counts(label, p)) {
      label_slopes(row, u32(label), p, g);
    } else {
      no_slopes(row, p);
    }
  }
}

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> row_weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean_loss: array<f32>;
@group(0) @binding(3) var<uniform> sum_params: CrossEntropyParams;

// loss = sum of losses / sum of weights, by one workgroup.
@compute @workgroup_size(64)
fn cross_entropy_f32(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  var share = 0.0;
  for (var row = local; row < sum_params.rows; row += 64u) {
    part += losses[row];
    share += row_weights[row];
  }
  let total = row_sum(part, local, 64u);
  let counted = divisor(row_sum(share, local, 64u), sum_params);
  if (local == 0u) {
    mean_loss[0] = total / counted;
  }
}
