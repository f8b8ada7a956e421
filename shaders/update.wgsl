// One step of an optimiser, in place: one invocation per element. Every kernel reads its hyper-parameters
// from `hyper`, in the order that src/ops/update.ts gives, and overwrites the parameter and its state.
#include "common/indexing"

struct SizeParams {
  size: u32,
}

// sgdUpdate: param -= lr (grad + weightDecay param); hyper is [lr, weightDecay].
@group(0) @binding(0) var<storage, read_write> param: array<f32>;
@group(0) @binding(1) var<storage, read> sgd_grad: array<f32>;
@group(0) @binding(2) var<storage, read> sgd_hyper: array<f32>;
@group(0) @binding(3) var<uniform> sgd_params: SizeParams;

@compute @workgroup_size(64)
fn sgd_update_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= sgd_params.size) {
    return;
  }
  let p = param[i];
  param[i] = p - sgd_hyper[0] * (sgd_grad[i] + sgd_hyper[1] * p);
}

// sgdMomentumUpdate: velocity = momentum velocity + damped g with g = grad + weightDecay param, and param -=
// lr velocity, or with nesterov lr (g + momentum velocity); hyper is [lr, weightDecay, momentum, damped,
// nesterov].
@group(0) @binding(1) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(2) var<storage, read> momentum_grad: array<f32>;
@group(0) @binding(3) var<storage, read> momentum_hyper: array<f32>;
@group(0) @binding(4) var<uniform> momentum_params: SizeParams;

@compute @workgroup_size(64)
fn sgd_momentum_update_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= momentum_params.size) {
    return;
  }
  let p = param[i];
  let g = momentum_grad[i] + momentum_hyper[1] * p;
  let v = momentum_hyper[2] * velocity[i] + momentum_hyper[3] * g;
  velocity[i] = v;
  param[i] = p - momentum_hyper[0] * select(v, g + momentum_hyper[2] * v, momentum_hyper[4] != 0.0);
}

// adamUpdate: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2 with g = grad + weightDecay param,
// and param -= stepSize m / (sqrt(v) root + eps), root = 1 / sqrt(1 - beta2^t); hyper is [stepSize, beta1, 1
// - beta1, beta2, 1 - beta2, root, eps, weightDecay].
@group(0) @binding(1) var<storage, read_write> adam_m: array<f32>;
@group(0) @binding(2) var<storage, read_write> adam_v: array<f32>;
@group(0) @binding(3) var<storage, read> adam_grad: array<f32>;
@group(0) @binding(4) var<storage, read> adam_hyper: array<f32>;
@group(0) @binding(5) var<uniform> adam_params: SizeParams;

@compute @workgroup_size(64)
fn adam_update_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= adam_params.size) {
    return;
  }
  let p = param[i];
  let g = adam_grad[i] + adam_hyper[7] * p;
  let m = adam_hyper[1] * adam_m[i] + adam_hyper[2] * g;
  let v = adam_hyper[3] * adam_v[i] + adam_hyper[4] * g * g;
  adam_m[i] = m;
  adam_v[i] = v;
  param[i] = p - adam_hyper[0] * m / (sqrt(v) * adam_hyper[5] + adam_hyper[6]);
}
