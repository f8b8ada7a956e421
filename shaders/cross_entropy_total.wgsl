// The loss from those of rows; and all of cross-entropy with labels, its gradient too where `slopes` is 1, by one workgroup,
// an invocation a row: for a batch as small as a step of training on small images has.
#include "common/cross_entropy"
#include "common/fault"
#include "common/tree"

@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean_loss: array<f32>;
@group(0) @binding(3) var<uniform> sum_params: CrossEntropyParams;

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

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(5) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> params: CrossEntropyParams;

fn weight_of(p: CrossEntropyParams, c: u32) -> f32 {
  if (p.hasWeight == 0u) {
    return 1.0;
  }
  return weight[c];
}

// Whether a row's label is one of the classes that count; a fault where it is none.
fn counts(p: CrossEntropyParams, row: u32) -> bool {
  let label = labels[row];
  if (label == p.ignoreIndex) {
    return false;
  }
  if (label < 0 || u32(label) >= p.classes) {
    report_fault(p.faultId, row, bitcast<u32>(label));
    return false;
  }
  return true;
}

// A row's loss, and its slopes times g; formulas as in cross_entropy.wgsl.
fn take_row(p: CrossEntropyParams, row: u32, g: f32) -> f32 {
  let start = row_start(row, p.classes, p.inner);
  let end = start + p.classes * p.inner;
  let label = u32(labels[row]);
  let each = p.smoothing / f32(p.classes);
  var top = logits[start];
  for (var i = start; i < end; i += p.inner) {
    top = max(top, logits[i]);
  }
  var total = 0.0;
  for (var i = start; i < end; i += p.inner) {
    total += exponential(logits[i] - top);
  }
  let nll = logarithm(total);
  let own = weight_of(p, label);
  let certain = own * (1.0 - p.smoothing);
  var found = own * (nll - (logits[start + label * p.inner] - top));
  var all = certain;
  if (p.smoothing > 0.0) {
    var part = 0.0;
    for (var c = 0u; c < p.classes; c++) {
      let w = weight_of(p, c);
      part += w * (nll - (logits[start + c * p.inner] - top));
      all += each * w;
    }
    found = (1.0 - p.smoothing) * found + each * part;
  }
  if (p.slopes != 0u) {
    let scale = all / total;
    for (var c = 0u; c < p.classes; c++) {
      let at = start + c * p.inner;
      var slope = exponential(logits[at] - top) * scale;
      if (p.smoothing > 0.0) {
        slope -= each * weight_of(p, c);
      }
      slopes[at] = g * select(slope, slope - certain, c == label);
    }
  }
  return found;
}

@compute @workgroup_size(64)
fn cross_entropy_once_f32(@builtin(local_invocation_index) local: u32) {
  let p = params;
  var share = 0.0;
  for (var row = local; row < p.rows; row += 64u) {
    if (counts(p, row)) {
      share += weight_of(p, u32(labels[row]));
    }
  }
  var divisor = 1.0;
  if (p.counted == 1u) {
    divisor = tree_sum(share, local);
  }
  var part = 0.0;
  for (var row = local; row < p.rows; row += 64u) {
    if (counts(p, row)) {
      part += take_row(p, row, 1.0 / divisor);
    } else if (p.slopes != 0u) {
      let start = row_start(row, p.classes, p.inner);
      for (var c = 0u; c < p.classes; c++) {
        slopes[start + c * p.inner] = 0.0;
      }
    }
  }
  let total = tree_sum(part, local);
  if (local == 0u) {
    loss[0] = total / divisor;
  }
}
