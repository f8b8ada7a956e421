// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1. A row is `blocks` runs of `run` = channels
// plane elements, `step` apart, the first at row run: one batch item's group, or a group over the whole batch. scale = 1 /
// elements of a row. Where rows are few, one launch measures parts of them, the next joins these.
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
//! variant __lanes | JOIN=1 | WIDE=0
//! variant __lanes4 | JOIN=1 | WIDE=1
//! variant __group | JOIN=2 | WIDE=0
//! variant __group4 | JOIN=2 | WIDE=1
#include "common/row"

alias x_stored = V;
alias y_stored = V;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<y_stored>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> variance: array<f32>;
@group(0) @binding(6) var<uniform> params: StandardizeParams;
#include "common/standardize"

// Of an element.
#for name in weight bias
fn $(name)_at(p: StandardizeParams, c: u32) -> V {
#if WIDE
  if (p.byElement == 1u) {
    return V($name[c], $name[c + 1u], $name[c + 2u], $name[c + 3u]);
  }
#end
  return V($name[c]);
}
#end

// By part: a number near its mean, the mean's distance from it, the sum of squared distances from that, elements.
@group(0) @binding(1) var<storage, read_write> measured: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> measuring: StandardizeParams;
@group(0) @binding(6) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> applying: StandardizeParams;

// The mean in two passes, the second of which measures from the first's result and corrects it, so that a mean
// much larger than the spread costs no accuracy.
fn measure(p: StandardizeParams, walk: Walk, local: u32) -> vec4<f32> {
  var near = 0.0;
  if (p.centred != 0u) {
    var part = V();
    for (var start = walk.first; start < walk.end; start += walk.step) {
      for (var i = walk.lane; i < walk.run; i += walk.hop) {
        part += V(x[start + i]);
      }
    }
    near = row_sum(sum_of(part), local, p.lanes) / walk.count;
  }
  var distances = V();
  var squares = V();
  for (var start = walk.first; start < walk.end; start += walk.step) {
    for (var i = walk.lane; i < walk.run; i += walk.hop) {
      let distance = V(x[start + i]) - near;
      distances += distance;
      squares += distance * distance;
    }
  }
  let square = row_sum(sum_of(squares), local, p.lanes);
  var shift = 0.0;
  if (p.centred != 0u) {
    shift = row_sum(sum_of(distances), local, p.lanes) / walk.count;
  }
  return vec4(near, shift, square - shift * shift * walk.count, walk.count);
}

// y = (x - mean) / sqrt(variance + eps) weight + bias; `found` as of a part.
fn apply(p: StandardizeParams, walk: Walk, found: vec4<f32>) {
  let square = found.z * p.scale;
  let spread = select(square, 0.0, square < 0.0);
  let root = inverseSqrt(spread + p.eps);
  var stretch = 0u;
  for (var start = walk.first; start < walk.end; start += walk.step) {
    var w = V(1.0);
    var b = V();
    if (p.byElement == 0u) {
      let c = channel_of(p, walk, stretch, 0u);
      w = select(w, V(weight[c]), p.hasWeight != 0u);
      b = select(b, V(bias[c]), p.hasBias != 0u);
    }
    for (var i = walk.lane; i < walk.run; i += walk.hop) {
      if (p.byElement != 0u && p.hasWeight + p.hasBias != 0u) {
        let c = channel_of(p, walk, stretch, i);
        if (p.hasWeight != 0u) {
          w = weight_at(p, c);
        }
        if (p.hasBias != 0u) {
          b = bias_at(p, c);
        }
      }
      output[start + i] = y_stored(((V(x[start + i]) - found.x) - found.y) * root * w + b);
    }
    stretch++;
  }
  if (walk.lane == 0u && walk.part == 0u && walk.row < p.rows) {
    mean[walk.row] = found.x + found.y;
    variance[walk.row] = spread;
  }
}

@compute @workgroup_size(SIZE)
fn standardize_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let walk = walk_of(params, row_lane(group, local, groups, params.lanes));
  apply(params, walk, measure(params, walk, local));
}

@compute @workgroup_size(SIZE)
fn standardize_parts_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let walk = walk_of(measuring, row_lane(group, local, groups, measuring.lanes));
  let found = measure(measuring, walk, local);
  if (walk.lane == 0u && walk.row < measuring.rows) {
    measured[walk.row * measuring.walkParts + walk.part] = found;
  }
}

// Means are joined by their distances from the first part's, which are as small as the spread.
@compute @workgroup_size(SIZE)
fn standardize_joined_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = applying;
  let at = row_lane(group, local, groups, p.lanes);
  let walk = walk_of(p, at);
  let first = min(walk.row, p.rows - 1u) * p.walkParts;
  let near = parts[first].x;
  var total = 0.0;
  for (var i = at.y; i < p.walkParts; i += p.lanes) {
    let part = parts[first + i];
    total += ((part.x - near) + part.y) * part.w;
  }
  let shift = row_sum(total, local, p.lanes) * p.scale;
  var squares = 0.0;
  for (var i = at.y; i < p.walkParts; i += p.lanes) {
    let part = parts[first + i];
    let distance = ((part.x - near) + part.y) - shift;
    squares += part.z + distance * distance * part.w;
  }
  apply(p, walk, vec4(near, shift, row_sum(squares, local, p.lanes), 0.0));
}
