// The pointwise parts of LSTM and GRU cells and their gradients: one invocation per element of the state
// [batch, hidden]; gates are [batch, count hidden], in PyTorch's order.
#include "common/gates"
#include "common/indexing"

struct GatesParams {
  batch: u32,
  hidden: u32,
}

@group(0) @binding(0) var<storage, read> gates_values: array<f32>;
@group(0) @binding(1) var<storage, read> c_values: array<f32>;
@group(0) @binding(2) var<storage, read_write> next_h: array<f32>;
@group(0) @binding(3) var<storage, read_write> next_c: array<f32>;
@group(0) @binding(4) var<uniform> lstm: GatesParams;

@group(0) @binding(2) var<storage, read> dh_values: array<f32>;
@group(0) @binding(3) var<storage, read> dc_values: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(5) var<storage, read_write> dprevious: array<f32>;
@group(0) @binding(6) var<uniform> lstm_backward: GatesParams;

@group(0) @binding(0) var<storage, read> x_values: array<f32>;
@group(0) @binding(1) var<storage, read> m_values: array<f32>;
@group(0) @binding(2) var<storage, read> h_values: array<f32>;
@group(0) @binding(3) var<storage, read_write> y_values: array<f32>;
@group(0) @binding(4) var<uniform> gru: GatesParams;

@group(0) @binding(3) var<storage, read> dy_values: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx_values: array<f32>;
@group(0) @binding(5) var<storage, read_write> dm_values: array<f32>;
@group(0) @binding(6) var<storage, read_write> gru_dh: array<f32>;
@group(0) @binding(7) var<uniform> gru_backward: GatesParams;

// Index of the first gate of element i of the state.
fn first_gate(i: u32, hidden: u32, count: u32) -> u32 {
  return i / hidden * count * hidden + i % hidden;
}

fn lstm_pre(at: u32, hidden: u32) -> vec4<f32> {
  return vec4<f32>(gates_values[at], gates_values[at + hidden], gates_values[at + 2u * hidden], gates_values[at + 3u * hidden]);
}

@compute @workgroup_size(64)
fn lstm_gates_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= lstm.batch * lstm.hidden) {
    return;
  }
  let point = lstm_point(lstm_pre(first_gate(i, lstm.hidden, 4u), lstm.hidden), c_values[i]);
  next_h[i] = point.h;
  next_c[i] = point.c;
}

@compute @workgroup_size(64)
fn lstm_gates_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = lstm_backward.hidden;
  if (i >= lstm_backward.batch * hidden) {
    return;
  }
  let at = first_gate(i, hidden, 4u);
  let point = lstm_point(lstm_pre(at, hidden), c_values[i]);
  let gradient = lstm_point_backward(point.gates, c_values[i], dh_values[i], dc_values[i]);
  dgates[at] = gradient.gates.x;
  dgates[at + hidden] = gradient.gates.y;
  dgates[at + 2u * hidden] = gradient.gates.z;
  dgates[at + 3u * hidden] = gradient.gates.w;
  dprevious[i] = gradient.c;
}

fn gru_of(at: u32, i: u32, hidden: u32) -> GruPoint {
  let input = vec3<f32>(x_values[at], x_values[at + hidden], x_values[at + 2u * hidden]);
  return gru_point(input, vec3<f32>(m_values[at], m_values[at + hidden], m_values[at + 2u * hidden]), h_values[i]);
}

@compute @workgroup_size(64)
fn gru_gates_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= gru.batch * gru.hidden) {
    return;
  }
  y_values[i] = gru_of(first_gate(i, gru.hidden, 3u), i, gru.hidden).h;
}

@compute @workgroup_size(64)
fn gru_gates_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = gru_backward.hidden;
  if (i >= gru_backward.batch * hidden) {
    return;
  }
  let at = first_gate(i, hidden, 3u);
  let gradient = gru_point_backward(gru_of(at, i, hidden).gates, m_values[at + 2u * hidden], h_values[i], dy_values[i]);
  dx_values[at] = gradient.gates.x;
  dx_values[at + hidden] = gradient.gates.y;
  dx_values[at + 2u * hidden] = gradient.gates.z;
  dm_values[at] = gradient.gates.x;
  dm_values[at + hidden] = gradient.gates.y;
  dm_values[at + 2u * hidden] = gradient.m;
  gru_dh[i] = gradient.h;
}
