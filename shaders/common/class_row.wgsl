// What is computed of a row of logits: see common/cross_entropy.
#include "common/cross_entropy"

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;

fn row_top(start: u32, p: CrossEntropyParams) -> f32 {
  var top = logits[start];
  for (var c = 1u; c < p.classes; c++) {
    top = max(top, logits[start + c * p.inner]);
  }
  return top;
}

fn row_total(start: u32, p: CrossEntropyParams, top: f32) -> f32 {
  var total = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    total += exponential(logits[start + c * p.inner] - top);
  }
  return total;
}

fn weight_of(c: u32, p: CrossEntropyParams) -> f32 {
  if (p.hasWeight == 0u) {
    return 1.0;
  }
  return weight[c];
}

// (1 - smoothing) w[label] nll[label] + smoothing mean of w nll, nll = log sum e^(x - top) - (x - top).
fn label_loss(row: u32, label: u32, p: CrossEntropyParams) -> f32 {
  let start = row_start(row, p.classes, p.inner);
  let top = row_top(start, p);
  let total = logarithm(row_total(start, p, top));
  let loss = weight_of(label, p) * (total - (logits[start + label * p.inner] - top));
  if (p.smoothing == 0.0) {
    return loss;
  }
  var all = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    all += weight_of(c, p) * (total - (logits[start + c * p.inner] - top));
  }
  return (1.0 - p.smoothing) * loss + p.smoothing / f32(p.classes) * all;
}
