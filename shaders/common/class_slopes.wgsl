// slopes = g (A softmax(logits) - K) of a row: K = (1 - smoothing) w onehot(label) + smoothing w / classes, A its sum.
#include "common/class_row"

@group(0) @binding(4) var<storage, read_write> slopes: array<f32>;

fn label_slopes(row: u32, label: u32, p: CrossEntropyParams, g: f32) {
  let start = row_start(row, p.classes, p.inner);
  let own = (1.0 - p.smoothing) * weight_of(label, p);
  let each = p.smoothing / f32(p.classes);
  var all = own;
  if (p.smoothing > 0.0) {
    for (var c = 0u; c < p.classes; c++) {
      all += each * weight_of(c, p);
    }
  }
  let top = row_top(start, p);
  let scale = all / row_total(start, p, top);
  for (var c = 0u; c < p.classes; c++) {
    let at = start + c * p.inner;
    var slope = exponential(logits[at] - top) * scale;
    if (p.smoothing > 0.0) {
      slope -= each * weight_of(c, p);
    }
    slopes[at] = g * select(slope, slope - own, c == label);
  }
}

fn no_slopes(row: u32, p: CrossEntropyParams) {
  let start = row_start(row, p.classes, p.inner);
  for (var c = 0u; c < p.classes; c++) {
    slopes[start + c * p.inner] = 0.0;
  }
}
