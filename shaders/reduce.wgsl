// One output per position of the axes that stay (the outer walk), from all positions of the reduced axes (the
// inner walk, in row-major order). __serial: one invocation per output. __workgroup: one workgroup of 64 per
// output, each invocation takes every 64th position, then a tree. max, min and argmax need inner > 0; the sum
// of nothing is 0.
#include "common/indexing"
#include "common/special"

struct ReduceParams {
  outer: u32,
  inner: u32,
  outerRank: u32,
  innerRank: u32,
  scale: f32,
  outerShape: array<vec4<u32>, 2>,
  outerStrides: array<vec4<u32>, 2>,
  innerShape: array<vec4<u32>, 2>,
  innerStrides: array<vec4<u32>, 2>,
}
//! params sum_f32 max_f32 min_f32 argmax_f32 : ReduceParams

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read_write> indices: array<i32>;
@group(0) @binding(2) var<uniform> params: ReduceParams;

fn outer_offset(index: u32) -> u32 {
  var rest = index;
  var offset = 0u;
  for (var axis = params.outerRank; axis > 1u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.outerShape[row][lane];
    offset += (rest % size) * params.outerStrides[row][lane];
    rest /= size;
  }
  return offset + rest * params.outerStrides[0].x;
}

fn inner_offset(index: u32) -> u32 {
  var rest = index;
  var offset = 0u;
  for (var axis = params.innerRank; axis > 1u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.innerShape[row][lane];
    offset += (rest % size) * params.innerStrides[row][lane];
    rest /= size;
  }
  return offset + rest * params.innerStrides[0].x;
}

// What one invocation finds at inner positions first, first + step, ...; max, min and argmax start from
// position 0.
fn sum_of(base: u32, first: u32, step: u32) -> f32 {
  var total = 0.0;
  for (var i = first; i < params.inner; i += step) {
    total += x[base + inner_offset(i)];
  }
  return total;
}

fn max_of(base: u32, first: u32, step: u32) -> f32 {
  var best = x[base];
  for (var i = first; i < params.inner; i += step) {
    best = larger(best, x[base + inner_offset(i)]);
  }
  return best;
}

fn min_of(base: u32, first: u32, step: u32) -> f32 {
  var best = x[base];
  for (var i = first; i < params.inner; i += step) {
    best = smaller(best, x[base + inner_offset(i)]);
  }
  return best;
}

struct Place {
  value: f32,
  index: u32,
}

fn argmax_of(base: u32, first: u32, step: u32) -> Place {
  var best = Place(x[base], 0u);
  for (var i = first; i < params.inner; i += step) {
    let value = x[base + inner_offset(i)];
    if (value > best.value) {
      best = Place(value, i);
    }
  }
  return best;
}

@compute @workgroup_size(64)
fn sum_f32__serial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row < params.outer) {
    output[row] = sum_of(outer_offset(row), 0u, 1u) * params.scale;
  }
}

@compute @workgroup_size(64)
fn max_f32__serial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row < params.outer) {
    output[row] = max_of(outer_offset(row), 1u, 1u);
  }
}

@compute @workgroup_size(64)
fn min_f32__serial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row < params.outer) {
    output[row] = min_of(outer_offset(row), 1u, 1u);
  }
}

@compute @workgroup_size(64)
fn argmax_f32__serial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_index(group, local, groups);
  if (row < params.outer) {
    indices[row] = i32(argmax_of(outer_offset(row), 1u, 1u).index);
  }
}

var<workgroup> values: array<f32, 64>;
var<workgroup> places: array<u32, 64>;

@compute @workgroup_size(64)
fn sum_f32__workgroup(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  values[local] = sum_of(outer_offset(row), local, 64u);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      values[local] += values[local + reach];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    output[row] = values[0] * params.scale;
  }
}

@compute @workgroup_size(64)
fn max_f32__workgroup(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  values[local] = max_of(outer_offset(row), local, 64u);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      values[local] = larger(values[local], values[local + reach]);
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    output[row] = values[0];
  }
}

@compute @workgroup_size(64)
fn min_f32__workgroup(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  values[local] = min_of(outer_offset(row), local, 64u);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      values[local] = smaller(values[local], values[local + reach]);
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    output[row] = values[0];
  }
}

@compute @workgroup_size(64)
fn argmax_f32__workgroup(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  let best = argmax_of(outer_offset(row), local, 64u);
  values[local] = best.value;
  places[local] = best.index;
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      let value = values[local + reach];
      let place = places[local + reach];
      // Of equal values the one that comes first.
      if (value > values[local] || (value == values[local] && place < places[local])) {
        values[local] = value;
        places[local] = place;
      }
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    indices[row] = i32(places[0]);
  }
}
