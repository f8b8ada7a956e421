// The gradients of standardize.wgsl. With h = (x - mean) s, s = 1 / sqrt(variance + eps):
// dx = s (g - avg g - h avg (g h)), g = dy weight; dweight = sum dy h, dbias = sum dy. Rows and parts as there.
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
//! variant __lanes | JOIN=1 | WIDE=0
//! variant __lanes4 | JOIN=1 | WIDE=1
//! variant __group | JOIN=2 | WIDE=0
//! variant __group4 | JOIN=2 | WIDE=1
#include "common/row"

alias x_stored = V;
alias dy_stored = V;
alias dx_stored = V;

@group(0) @binding(0) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(1) var<storage, read> x: array<x_stored>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<dx_stored>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(8) var<uniform> params: StandardizeParams;
#include "common/standardize"

// By part sum g and sum g h, and by row these, which over the batch are the gradients of bias and weight.
@group(0) @binding(4) var<storage, read_write> measured: array<vec2<f32>>;
@group(0) @binding(5) var<uniform> measuring: StandardizeParams;
@group(0) @binding(6) var<storage, read> dots: array<f32>;
@group(0) @binding(7) var<storage, read> totals: array<f32>;

@group(0) @binding(4) var<storage, read_write> weight_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias_sums: array<f32>;
@group(0) @binding(6) var<uniform> summing: StandardizeParams;

// Of an element.
#for name in weight
fn $(name)_at(p: StandardizeParams, c: u32) -> V {
#if WIDE
  if (p.byElement == 1u) {
    return V($name[c], $name[c + 1u], $name[c + 2u], $name[c + 3u]);
  }
#end
  return V($name[c]);
}
#end

fn root_of(row: u32, p: StandardizeParams) -> f32 {
  return inverseSqrt(variance[min(row, p.rows - 1u)] + p.eps);
}

// Whether elements of a row have weights of their own; one weight for a whole row is a factor of s.
fn weighted(p: StandardizeParams) -> bool {
  return p.hasWeight != 0u && p.channels > 1u;
}

fn sums_of(p: StandardizeParams, walk: Walk, local: u32) -> vec2<f32> {
  let middle = mean[min(walk.row, p.rows - 1u)];
  let s = root_of(walk.row, p);
  let each = weighted(p);
  var part = V();
  var product = V();
  var stretch = 0u;
  for (var start = walk.first; start < walk.end; start += walk.step) {
    for (var i = walk.lane; i < walk.run; i += walk.hop) {
      var g = V(dy[start + i]);
      if (each) {
        g *= weight_at(p, channel_of(p, walk, stretch, i));
      }
      part += g;
      product += g * ((V(x[start + i]) - middle) * s);
    }
    stretch++;
  }
  return vec2(row_sum(sum_of(part), local, p.lanes), row_sum(sum_of(product), local, p.lanes));
}

fn apply(p: StandardizeParams, walk: Walk, sums: vec2<f32>) {
  let middle = mean[min(walk.row, p.rows - 1u)];
  let s = root_of(walk.row, p);
  let each = weighted(p);
  let level = select(0.0, sums.x * p.scale, p.centred != 0u);
  let slope = sums.y * p.scale;
  var factor = s;
  if (p.hasWeight != 0u && !each) {
    factor *= weight[walk.row % p.groups];
  }
  var stretch = 0u;
  for (var start = walk.first; start < walk.end; start += walk.step) {
    for (var i = walk.lane; i < walk.run; i += walk.hop) {
      var g = V(dy[start + i]);
      if (each) {
        g *= weight_at(p, channel_of(p, walk, stretch, i));
      }
      dx[start + i] = dx_stored(factor * ((g - level) - ((V(x[start + i]) - middle) * s) * slope));
    }
    stretch++;
  }
}

// Rows over the batch leave the gradients of weight and bias.
@compute @workgroup_size(SIZE)
fn standardize_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let walk = walk_of(params, row_lane(group, local, groups, params.lanes));
  let sums = sums_of(params, walk, local);
  apply(params, walk, sums);
  if (params.overBatch != 0u && walk.lane == 0u && walk.row < params.rows) {
    dweight[walk.row] = sums.y;
    dbias[walk.row] = sums.x;
  }
}

// What one launch finds of parts, which have no weights of their own, and the next but one applies.
@compute @workgroup_size(SIZE)
fn standardize_backward_parts_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let walk = walk_of(measuring, row_lane(group, local, groups, measuring.lanes));
  let middle = mean[min(walk.row, measuring.rows - 1u)];
  let s = root_of(walk.row, measuring);
  var part = V();
  var product = V();
  for (var start = walk.first; start < walk.end; start += walk.step) {
    for (var i = walk.lane; i < walk.run; i += walk.hop) {
      let g = V(dy[start + i]);
      part += g;
      product += g * ((V(x[start + i]) - middle) * s);
    }
  }
  let total = row_sum(sum_of(part), local, measuring.lanes);
  let dot = row_sum(sum_of(product), local, measuring.lanes);
  if (walk.lane == 0u && walk.row < measuring.rows) {
    measured[walk.row * measuring.walkParts + walk.part] = vec2(total, dot);
  }
}

@compute @workgroup_size(SIZE)
fn standardize_backward_joined_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let walk = walk_of(params, row_lane(group, local, groups, params.lanes));
  let row = min(walk.row, params.rows - 1u);
  apply(params, walk, vec2(totals[row], dots[row]));
}

// dweight = sum dy h, dbias = sum dy over batch and plane, a row by channel.
@compute @workgroup_size(SIZE)
fn standardize_affine_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = summing;
  let at = row_lane(group, local, groups, p.lanes);
  let channels = p.groups * p.channels;
  let live = at.x < channels;
  let batch = select(0u, p.batch, live);
  var part = V();
  var product = V();
  for (var item = 0u; item < batch; item++) {
    let row = item * p.groups + at.x / p.channels;
    let middle = mean[row];
    let s = root_of(row, p);
    let start = (item * channels + at.x) * p.walkRun;
    for (var i = at.y; i < p.walkRun; i += p.lanes) {
      let g = V(dy[start + i]);
      part += g;
      product += g * ((V(x[start + i]) - middle) * s);
    }
  }
  let total = row_sum(sum_of(part), local, p.lanes);
  let dot = row_sum(sum_of(product), local, p.lanes);
  if (at.y == 0u && live) {
    weight_sums[at.x] = dot;
    bias_sums[at.x] = total;
  }
}
