// Sums over neighbouring channels of x [batch, channels, plane], and what local response normalisation makes
// of them: d = k + scale sum x^2 over the channels from `before` before each to `after` after it. One
// invocation per element.
#include "common/indexing"
#include "common/special"

struct ChannelWindowParams {
  size: u32,
  channels: u32,
  plane: u32,
  before: u32,
  after: u32,
}

struct LocalResponseNormParams {
  size: u32,
  channels: u32,
  plane: u32,
  before: u32,
  after: u32,
  scale: f32,
  beta: f32,
  k: f32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> window: ChannelWindowParams;
@group(0) @binding(2) var<uniform> params: LocalResponseNormParams;

// The first element of an element's window, and how many there are.
fn window_of(i: u32, channels: u32, plane: u32, before: u32, after: u32) -> vec2<u32> {
  let channel = i / plane % channels;
  let back = min(channel, before);
  return vec2<u32>(i - back * plane, back + min(channels - 1u - channel, after) + 1u);
}

// y = sum x over the window.
@compute @workgroup_size(64)
fn channel_window_sum_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= window.size) {
    return;
  }
  let near = window_of(i, window.channels, window.plane, window.before, window.after);
  var total = 0.0;
  for (var j = 0u; j < near.y; j++) {
    total += x[near.x + j * window.plane];
  }
  output[i] = total;
}

// y = x d^-beta.
@compute @workgroup_size(64)
fn local_response_norm_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let near = window_of(i, params.channels, params.plane, params.before, params.after);
  var total = 0.0;
  for (var j = 0u; j < near.y; j++) {
    let value = x[near.x + j * params.plane];
    total += value * value;
  }
  let d = params.k + params.scale * total;
  output[i] = x[i] * exponential(-params.beta * logarithm(d));
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> given: array<f32>;
@group(0) @binding(2) var<storage, read_write> direct: array<f32>;
@group(0) @binding(3) var<storage, read_write> shares: array<f32>;
@group(0) @binding(4) var<uniform> sharing: LocalResponseNormParams;

// direct = dy d^-beta and shares = dy x d^(-beta - 1).
@compute @workgroup_size(64)
fn local_response_norm_shares_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= sharing.size) {
    return;
  }
  let near = window_of(i, sharing.channels, sharing.plane, sharing.before, sharing.after);
  var total = 0.0;
  for (var j = 0u; j < near.y; j++) {
    let value = given[near.x + j * sharing.plane];
    total += value * value;
  }
  let d = sharing.k + sharing.scale * total;
  let passed = dy[i] * exponential(-sharing.beta * logarithm(d));
  direct[i] = passed;
  shares[i] = passed * given[i] / d;
}

@group(0) @binding(0) var<storage, read> factors: array<f32>;
@group(0) @binding(1) var<storage, read> given_shares: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> backward: LocalResponseNormParams;

// dx += slope x sum shares over the windows that x lies in: `before` and `after` have changed places.
@compute @workgroup_size(64)
fn local_response_norm_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= backward.size) {
    return;
  }
  let near = window_of(i, backward.channels, backward.plane, backward.before, backward.after);
  var total = 0.0;
  for (var j = 0u; j < near.y; j++) {
    total += given_shares[near.x + j * backward.plane];
  }
  dx[i] += backward.slope * factors[i] * total;
}
