// What batch normalisation needs beside standardize.wgsl: evaluation with given statistics and the step of
// the running ones. One invocation per element.
#include "common/indexing"

struct BatchNormInferenceParams {
  size: u32,
  channels: u32,
  plane: u32,
  eps: f32,
  hasWeight: u32,
  hasBias: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> running_mean: array<f32>;
@group(0) @binding(2) var<storage, read> running_variance: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;
@group(0) @binding(6) var<uniform> params: BatchNormInferenceParams;

// y = (x - mean) / sqrt(variance + eps) weight + bias for x [batch, channels, plane].
@compute @workgroup_size(64)
fn batch_norm_inference_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let channel = i / params.plane % params.channels;
  var factor = inverseSqrt(running_variance[channel] + params.eps);
  if (params.hasWeight != 0u) {
    factor *= weight[channel];
  }
  var y = (x[i] - running_mean[channel]) * factor;
  if (params.hasBias != 0u) {
    y += bias[channel];
  }
  output[i] = y;
}

struct BatchNormUpdateParams {
  size: u32,
  correction: f32,
}

@group(0) @binding(0) var<storage, read_write> moving_mean: array<f32>;
@group(0) @binding(1) var<storage, read_write> moving_variance: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> hyper: array<f32>;
@group(0) @binding(5) var<uniform> update: BatchNormUpdateParams;

// running = (1 - momentum) running + momentum batch; hyper is [momentum], correction n / (n - 1).
@compute @workgroup_size(64)
fn batch_norm_update_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= update.size) {
    return;
  }
  let momentum = hyper[0];
  let rest = 1.0 - momentum;
  moving_mean[i] = rest * moving_mean[i] + momentum * mean[i];
  moving_variance[i] = rest * moving_variance[i] + momentum * (update.correction * variance[i]);
}
