// Cross-entropy of rows of logits with labels i32, or with shares f32, with class weights and smoothing, and where `slopes` is
// 1 its gradient: one pass for both. Rows by lanes and, where inner is 1, quads of classes as in common/row.
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
//! variant __lanes | JOIN=1 | WIDE=0
//! variant __lanes4 | JOIN=1 | WIDE=1
#include "common/row"
#include "common/cross_entropy"
#include "common/fault"

@group(0) @binding(0) var<storage, read> logits: array<V>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> total_weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> row_weights: array<f32>;
@group(0) @binding(6) var<storage, read_write> slopes: array<V>;
@group(0) @binding(7) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(8) var<uniform> params: CrossEntropyParams;

@group(0) @binding(1) var<storage, read> shares: array<V>;
@group(0) @binding(3) var<storage, read_write> share_losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> share_slopes: array<V>;
@group(0) @binding(5) var<uniform> share_params: CrossEntropyParams;

// The elements of a row that are an invocation's: first, first + step, ... below end; the first one is number `lane`.
struct Row {
  first: u32,
  end: u32,
  step: u32,
  lane: u32,
  start: u32,
}

fn row_of(p: CrossEntropyParams, at: vec2<u32>) -> Row {
  if (at.x >= p.rows) {
    return Row(0u, 0u, 1u, 0u, 0u);
  }
#if WIDE
  let start = at.x * (p.classes / 4u);
  return Row(start + at.y, start + p.classes / 4u, p.lanes, at.y, start);
#else
  let start = row_start(at.x, p.classes, p.inner);
  return Row(start + at.y * p.inner, start + p.classes * p.inner, p.lanes * p.inner, at.y, start);
#end
}

// e^(x - top) of a row adds up to `total`.
struct Powers {
  top: f32,
  total: f32,
}

fn powers_of(p: CrossEntropyParams, row: Row, local: u32) -> Powers {
  var top = V(-infinity());
  for (var at = row.first; at < row.end; at += row.step) {
    top = max(top, logits[at]);
  }
  let highest = row_max(max_of(top), local, p.lanes);
  var part = V();
  for (var at = row.first; at < row.end; at += row.step) {
    part += exp_of(logits[at] - highest);
  }
  return Powers(highest, row_sum(sum_of(part), local, p.lanes));
}

// The weights of the classes of element number c of a row, and whether they are the label.
fn weight_of(p: CrossEntropyParams, c: u32) -> V {
  if (p.hasWeight == 0u) {
    return V(1.0);
  }
#if WIDE
  return V(weight[4u * c], weight[4u * c + 1u], weight[4u * c + 2u], weight[4u * c + 3u]);
#else
  return weight[c];
#end
}

#if WIDE
fn at_label(value: f32, c: u32, label: u32) -> V {
  let classes = 4u * c + vec4<u32>(0u, 1u, 2u, 3u);
  return select(V(), V(value), classes == vec4<u32>(label));
}

fn logit_at(p: CrossEntropyParams, row: Row, label: u32) -> f32 {
  return logits[row.start + label / 4u][label % 4u];
}
#else
fn at_label(value: f32, c: u32, label: u32) -> V {
  return select(0.0, value, c == label);
}

fn logit_at(p: CrossEntropyParams, row: Row, label: u32) -> f32 {
  return logits[row.start + label * p.inner];
}
#end

// row_losses = (1 - smoothing) w[label] nll[label] + smoothing mean of w nll, nll = log sum e^(x - top) - (x - top), and
// row_weights = w[label]; both 0 for ignoreIndex, and for a label outside 0..classes-1, which is a fault.
// slopes = g (A softmax(logits) - K): K = (1 - smoothing) w onehot(label) + smoothing w / classes, A its sum, g = 1, divided
// by the total weight where that is counted; 0 for ignored labels.
@compute @workgroup_size(SIZE)
fn cross_entropy_rows_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = params;
  let at = row_lane(group, local, groups, p.lanes);
  let row = row_of(p, at);
  let live = at.x < p.rows;
  let given = labels[min(at.x, p.rows - 1u)];
  let counts = live && given >= 0 && u32(given) < p.classes && given != p.ignoreIndex;
  if (live && !counts && given != p.ignoreIndex && row.lane == 0u) {
    report_fault(p.faultId, at.x, bitcast<u32>(given));
  }
  let label = select(0u, u32(given), counts);
  let powers = powers_of(p, row, local);
  let nll = logarithm(powers.total);
  let each = p.smoothing / f32(p.classes);
  var own = 1.0;
  if (p.hasWeight != 0u) {
    own = weight[label];
  }
  var loss = own * (nll - (logit_at(p, row, label) - powers.top));
  let certain = own * (1.0 - p.smoothing);
  var all = certain;
  if (p.smoothing > 0.0) {
    var part = V();
    var weights = V();
    var c = row.lane;
    for (var i = row.first; i < row.end; i += row.step) {
      let w = weight_of(p, c);
      part += w * (nll - (logits[i] - powers.top));
      weights += w;
      c += p.lanes;
    }
    loss = (1.0 - p.smoothing) * loss + each * row_sum(sum_of(part), local, p.lanes);
    all += each * row_sum(sum_of(weights), local, p.lanes);
  }
  if (live && row.lane == 0u) {
    row_losses[at.x] = select(0.0, loss, counts);
    row_weights[at.x] = select(0.0, own, counts);
  }
  if (p.slopes == 0u) {
    return;
  }
  var g = 1.0;
  if (p.counted == 1u) {
    g /= divisor(total_weight[0], p);
  }
  let scale = all / powers.total;
  var c = row.lane;
  for (var i = row.first; i < row.end; i += row.step) {
    var slope = exp_of(logits[i] - powers.top) * scale;
    if (p.smoothing > 0.0) {
      slope -= each * weight_of(p, c);
    }
    slopes[i] = select(V(), g * (slope - at_label(certain, c, label)), counts);
    c += p.lanes;
  }
}

fn share_of(p: CrossEntropyParams, i: u32, c: u32) -> V {
  return weight_of(p, c) * (shares[i] * (1.0 - p.smoothing) + p.smoothing / f32(p.classes));
}

// share_losses = sum of K nll with K = w (target (1 - smoothing) + smoothing / classes); slopes = scale (A softmax - K).
@compute @workgroup_size(SIZE)
fn cross_entropy_shares_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = share_params;
  let at = row_lane(group, local, groups, p.lanes);
  let row = row_of(p, at);
  let powers = powers_of(p, row, local);
  let nll = logarithm(powers.total);
  var part = V();
  var weights = V();
  var c = row.lane;
  for (var i = row.first; i < row.end; i += row.step) {
    let share = share_of(p, i, c);
    part += share * (nll - (logits[i] - powers.top));
    weights += share;
    c += p.lanes;
  }
  let loss = row_sum(sum_of(part), local, p.lanes);
  let scale = row_sum(sum_of(weights), local, p.lanes) / powers.total;
  if (at.x < p.rows && row.lane == 0u) {
    share_losses[at.x] = loss;
  }
  if (p.slopes == 0u) {
    return;
  }
  c = row.lane;
  for (var i = row.first; i < row.end; i += row.step) {
    share_slopes[i] = p.scale * (exp_of(logits[i] - powers.top) * scale - share_of(p, i, c));
    c += p.lanes;
  }
}
