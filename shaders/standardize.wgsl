// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, and the gradients. A row is
// `blocks` runs of `run` = channels plane elements, `step` apart, the first at row run: one batch item's
// group, or a group over the whole batch. One workgroup of 64 per row; its invocations take every 64th
// element. scale = 1 / elements of a row.
#include "common/indexing"
#include "common/tree"

struct StandardizeParams {
  batch: u32,
  rows: u32,
  blocks: u32,
  run: u32,
  step: u32,
  groups: u32,
  channels: u32,
  plane: u32,
  eps: f32,
  scale: f32,
  centred: u32,
  overBatch: u32,
  hasWeight: u32,
  hasBias: u32,
  // wasm: rows whose gradients of weight and bias are added up while they are in the cache, or 0.
  together: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> variance: array<f32>;
@group(0) @binding(6) var<uniform> params: StandardizeParams;

// Index of element i of a row.
fn place_of(p: StandardizeParams, row: u32, i: u32) -> u32 {
  return row * p.run + i / p.run * p.step + i % p.run;
}

// Index of its weight.
fn channel_of(p: StandardizeParams, row: u32, i: u32) -> u32 {
  return row % p.groups * p.channels + i % p.run / p.plane;
}

// The mean in two passes, the second of which measures from the first's result and corrects it, so that a
// mean much larger than the spread costs no accuracy; y = (x - mean) / sqrt(variance + eps) weight + bias.
@compute @workgroup_size(64)
fn standardize_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.rows) {
    return;
  }
  let count = params.blocks * params.run;
  var middle = 0.0;
  if (params.centred != 0u) {
    var part = 0.0;
    for (var i = local; i < count; i += 64u) {
      part += x[place_of(params, row, i)];
    }
    middle = tree_sum(part, local) * params.scale;
  }
  var distances = 0.0;
  var squares = 0.0;
  for (var i = local; i < count; i += 64u) {
    let distance = x[place_of(params, row, i)] - middle;
    distances += distance;
    squares += distance * distance;
  }
  let square = tree_sum(squares, local) * params.scale;
  var shift = 0.0;
  if (params.centred != 0u) {
    shift = tree_sum(distances, local) * params.scale;
  }
  let spread = square - shift * shift;
  let found = select(spread, 0.0, spread < 0.0);
  let root = inverseSqrt(found + params.eps);
  for (var i = local; i < count; i += 64u) {
    let at = place_of(params, row, i);
    var y = ((x[at] - middle) - shift) * root;
    if (params.hasWeight != 0u) {
      y *= weight[channel_of(params, row, i)];
    }
    if (params.hasBias != 0u) {
      y += bias[channel_of(params, row, i)];
    }
    output[at] = y;
  }
  if (local == 0u) {
    mean[row] = middle + shift;
    variance[row] = found;
  }
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> given: array<f32>;
@group(0) @binding(2) var<storage, read> given_mean: array<f32>;
@group(0) @binding(3) var<storage, read> given_variance: array<f32>;
@group(0) @binding(4) var<storage, read> given_weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(8) var<uniform> backward: StandardizeParams;

// dx = s (g - avg g - h avg (g h)) with g = dy weight, h = (x - mean) s, s = 1 / sqrt(variance + eps). One
// weight for a whole row is a factor of s, so that rows over the batch leave dbias = sum dy and dweight = sum
// dy h.
@compute @workgroup_size(64)
fn standardize_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= backward.rows) {
    return;
  }
  let count = backward.blocks * backward.run;
  let each = backward.hasWeight != 0u && backward.channels > 1u;
  let middle = given_mean[row];
  let s = inverseSqrt(given_variance[row] + backward.eps);
  var part = 0.0;
  var product = 0.0;
  for (var i = local; i < count; i += 64u) {
    let at = place_of(backward, row, i);
    var g = dy[at];
    if (each) {
      g *= given_weight[channel_of(backward, row, i)];
    }
    part += g;
    product += g * ((given[at] - middle) * s);
  }
  let total = tree_sum(part, local);
  let dot = tree_sum(product, local);
  let level = select(0.0, total * backward.scale, backward.centred != 0u);
  let slope = dot * backward.scale;
  var factor = s;
  if (backward.hasWeight != 0u && !each) {
    factor *= given_weight[row % backward.groups];
  }
  for (var i = local; i < count; i += 64u) {
    let at = place_of(backward, row, i);
    var g = dy[at];
    if (each) {
      g *= given_weight[channel_of(backward, row, i)];
    }
    dx[at] = factor * ((g - level) - ((given[at] - middle) * s) * slope);
  }
  if (backward.overBatch != 0u && local == 0u) {
    dweight[row] = dot;
    dbias[row] = total;
  }
}

@group(0) @binding(4) var<storage, read_write> weight_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias_sums: array<f32>;

// dweight = sum dy h, dbias = sum dy over batch and plane: one workgroup per channel.
@compute @workgroup_size(64)
fn standardize_affine_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let channel = linear_group(group, groups);
  let channels = params.groups * params.channels;
  if (channel >= channels) {
    return;
  }
  var part = 0.0;
  var product = 0.0;
  for (var i = local; i < params.batch * params.plane; i += 64u) {
    let item = i / params.plane;
    let at = (item * channels + channel) * params.plane + i % params.plane;
    let row = item * params.groups + channel / params.channels;
    let s = inverseSqrt(given_variance[row] + params.eps);
    part += dy[at];
    product += dy[at] * ((given[at] - given_mean[row]) * s);
  }
  let total = tree_sum(part, local);
  let dot = tree_sum(product, local);
  if (local == 0u) {
    weight_sums[channel] = dot;
    bias_sums[channel] = total;
  }
}
