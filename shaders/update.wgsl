// One optimiser step over up to three parameters, in place: one invocation per element, numbered through the
// parameters. src/ops/update_rules.ts has the formulas and the order of `hyper`. An element's state stands in
// row 0, 1, ... of `state` at its parameter's offset.
//
//! kernel sgd_update_f32 = sgd(p, g, s)
//! kernel adam_update_f32 = adam(p, g, s)
//! kernel rmsprop_update_f32 = rmsprop(p, g, s)
//! kernel adagrad_update_f32 = adagrad(p, g, s)
//! kernel adamax_update_f32 = adamax(p, g, s)
//! kernel nadam_update_f32 = nadam(p, g, s)
#include "common/indexing"

struct UpdateParams {
  count: u32,
  total: u32,
  states: u32,
  stride: u32,
  sizes: array<vec4<u32>, 16>,
  offsets: array<vec4<u32>, 16>,
}

@group(0) @binding(0) var<storage, read> hyper: array<f32>;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> param0: array<f32>;
@group(0) @binding(3) var<storage, read> grad0: array<f32>;
@group(0) @binding(4) var<storage, read_write> param1: array<f32>;
@group(0) @binding(5) var<storage, read> grad1: array<f32>;
@group(0) @binding(6) var<storage, read_write> param2: array<f32>;
@group(0) @binding(7) var<storage, read> grad2: array<f32>;
@group(0) @binding(8) var<uniform> params: UpdateParams;

fn sgd(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[1] * p;
  if (params.states == 0u) {
    return p - hyper[0] * g;
  }
  let v = hyper[2] * state[s] + hyper[3] * g;
  state[s] = v;
  return p - hyper[0] * select(v, g + hyper[2] * v, hyper[4] != 0.0);
}

fn adam(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[7] * p;
  let m = hyper[1] * state[s] + hyper[2] * g;
  let v = hyper[3] * state[s + params.stride] + hyper[4] * g * g;
  state[s] = m;
  state[s + params.stride] = v;
  return hyper[8] * p - hyper[0] * m / (sqrt(v) * hyper[5] + hyper[6]);
}

fn rmsprop(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[4] * p;
  let square = hyper[1] * state[s] + hyper[2] * g * g;
  state[s] = square;
  var spread = square;
  var next = s + params.stride;
  var kept = 1u;
  if (hyper[6] != 0.0 && params.states > 1u) {
    let mean = hyper[1] * state[next] + hyper[2] * g;
    state[next] = mean;
    spread = max(square - mean * mean, 0.0);
    next += params.stride;
    kept = 2u;
  }
  let change = g / (sqrt(spread) + hyper[3]);
  if (params.states == kept) {
    return p - hyper[0] * change;
  }
  let v = hyper[5] * state[next] + change;
  state[next] = v;
  return p - hyper[0] * v;
}

fn adagrad(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[2] * p;
  let sum = state[s] + g * g;
  state[s] = sum;
  return p - hyper[0] * g / (sqrt(sum) + hyper[1]);
}

fn adamax(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[5] * p;
  let m = hyper[1] * state[s] + hyper[2] * g;
  let most = max(hyper[3] * state[s + params.stride], abs(g) + hyper[4]);
  state[s] = m;
  state[s + params.stride] = most;
  return p - hyper[0] * m / most;
}

fn nadam(p: f32, grad: f32, s: u32) -> f32 {
  let g = grad + hyper[8] * p;
  let m = hyper[2] * state[s] + hyper[3] * g;
  let v = hyper[4] * state[s + params.stride] + hyper[5] * g * g;
  state[s] = m;
  state[s + params.stride] = v;
  return hyper[9] * p - (hyper[0] * g + hyper[1] * m) / (sqrt(v) * hyper[6] + hyper[7]);
}

fn step(p: f32, g: f32, s: u32) -> f32 {
  return EXPRESSION;
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.total) {
    return;
  }
  let sizes = params.sizes[0];
  let offsets = params.offsets[0];
  if (i < sizes.x) {
    param0[i] = step(param0[i], grad0[i], offsets.x + i);
  } else if (i < sizes.x + sizes.y) {
    let k = i - sizes.x;
    param1[k] = step(param1[k], grad1[k], offsets.y + k);
  } else {
    let k = i - sizes.x - sizes.y;
    param2[k] = step(param2[k], grad2[k], offsets.z + k);
  }
}
