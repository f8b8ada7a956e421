// One optimiser step over any number of parameters, in place, as one launch: an invocation takes four neighbouring elements
// of one of them, as common/tensor_walk has it: rows.z is the first vector in a row of the state, `stride` the vectors of such
// a row. src/ops/update_rules.ts has the formulas and the order of `hyper`. An element's state stands in row 0, 1, ... of
// `state` at its parameter's offset; offsets are multiples of four.
//
//! params sgd_update_f32 adam_update_f32 rmsprop_update_f32 adagrad_update_f32 adamax_update_f32 nadam_update_f32 : UpdateParams
//! kernel sgd_update_f32__walk = sgd(p, g)
//! kernel adam_update_f32__walk = adam(p, g)
//! kernel rmsprop_update_f32__walk = rmsprop(p, g)
//! kernel adagrad_update_f32__walk = adagrad(p, g)
//! kernel adamax_update_f32__walk = adamax(p, g)
//! kernel nadam_update_f32__walk = nadam(p, g)
#include "common/tensor_walk"

// On wasm, up to 64 parameters of a launch.
struct UpdateParams {
  count: u32,
  total: u32,
  states: u32,
  stride: u32,
  sizes: array<vec4<u32>, 16>,
  offsets: array<vec4<u32>, 16>,
}

// Rows of the state, and how many buffers gradients lie in; parameters lie in one.
override STATES: u32 = 0u;
override GRADS: u32 = 5u;

@group(0) @binding(0) var<storage, read> hyper: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> param: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> grad0: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> grad1: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> grad2: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> grad3: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> grad4: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> params: TensorWalk;

// The invocation's place in a row of the state, and which of its elements are the parameter's.
var<private> place: u32;
var<private> inside: vec4<bool>;

fn kept(row: u32) -> vec4<f32> {
  return state[place + row * params.stride];
}

fn keep(row: u32, before: vec4<f32>, next: vec4<f32>) {
  state[place + row * params.stride] = select(before, next, inside);
}

// keep · state + added, which becomes the state.
fn moved(row: u32, share: f32, added: vec4<f32>) -> vec4<f32> {
  let before = kept(row);
  let next = share * before + added;
  keep(row, before, next);
  return next;
}

fn sgd(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let g = grad + h.y * p;
  if (STATES == 0u) {
    return p - h.x * g;
  }
  let v = moved(0u, h.z, h.w * g);
  return p - h.x * select(v, g + h.z * v, hyper[1].x != 0.0);
}

fn adam(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let k = hyper[1];
  let g = grad + k.w * p;
  let m = moved(0u, h.y, h.z * g);
  let v = moved(1u, h.w, k.x * g * g);
  return hyper[2].x * p - h.x * m / (sqrt(v) * k.y + k.z);
}

fn rmsprop(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let k = hyper[1];
  let g = grad + k.x * p;
  let square = moved(0u, h.y, h.z * g * g);
  var spread = square;
  let centered = STATES > 1u && k.z != 0.0;
  if (centered) {
    let mean = moved(1u, h.y, h.z * g);
    spread = max(square - mean * mean, vec4<f32>());
  }
  let change = g / (sqrt(spread) + h.w);
  let last = select(1u, 2u, centered);
  if (STATES == last) {
    return p - h.x * change;
  }
  return p - h.x * moved(last, k.y, change);
}

fn adagrad(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let g = grad + h.z * p;
  let sum = moved(0u, 1.0, g * g);
  return p - h.x * g / (sqrt(sum) + h.y);
}

fn adamax(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let k = hyper[1];
  let g = grad + k.y * p;
  let m = moved(0u, h.y, h.z * g);
  let before = kept(1u);
  let most = max(h.w * before, abs(g) + k.x);
  keep(1u, before, most);
  return p - h.x * m / most;
}

fn nadam(p: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
  let h = hyper[0];
  let k = hyper[1];
  let l = hyper[2];
  let g = grad + l.x * p;
  let m = moved(0u, h.z, h.w * g);
  let v = moved(1u, k.x, k.y * g * g);
  return l.y * p - (h.x * g + h.y * m) / (sqrt(v) * k.z + k.w);
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let w = linear_group(group, groups);
  if (w >= params.groups) {
    return;
  }
  let item = tensor_of(w);
  let row = params.rows[item];
  let q = 64u * (w - row.x) + local;
  if (4u * q >= row.y) {
    return;
  }
  place = row.z + q;
  inside = inside_of(q, row.y);
  let at = params.places[item].xy + q;
  let slot = row.w >> 2u;
  let p = param[at.x];
  var g = grad0[at.y];
#for i in 1..5
  if (GRADS > $(i)u && slot == $(i)u) {
    g = grad$i[at.y];
  }
#end
  param[at.x] = select(p, EXPRESSION, inside);
}
