// One step of a layer's gradient, the steps in the opposite order: dprojected [steps, batch, gates hidden]
// from dy [steps, batch, hidden], the gradients of the states after the step, and what the forward pass kept.
// dh after the step is, but for dy, the weight's transpose times dprojected of the step after, or dhn after
// the last. Where a sequence has ended, everything is 0.
#include "common/gates"
#include "common/indexing"
#include "common/recurrent"

@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dprojected: array<f32>;

@group(0) @binding(3) var<storage, read> dhn: array<f32>;
@group(0) @binding(4) var<storage, read> dy_values: array<f32>;

@group(0) @binding(5) var<storage, read> rnn_y: array<f32>;
@group(0) @binding(6) var<uniform> rnn: RecurrentParams;

@group(0) @binding(5) var<storage, read> lstm_gates: array<f32>;
@group(0) @binding(6) var<storage, read> lstm_cells: array<f32>;
@group(0) @binding(7) var<storage, read_write> dc0: array<f32>;
@group(0) @binding(8) var<uniform> lstm: RecurrentParams;

@group(0) @binding(4) var<storage, read_write> dh0: array<f32>;
@group(0) @binding(5) var<uniform> initial: RecurrentParams;

@group(0) @binding(3) var<storage, read_write> carry: array<f32>;
@group(0) @binding(4) var<storage, read> gru_kept: array<f32>;
@group(0) @binding(5) var<uniform> gru_initial: RecurrentParams;
@group(0) @binding(5) var<storage, read> gru_dy: array<f32>;
@group(0) @binding(6) var<storage, read> gru_y: array<f32>;
@group(0) @binding(7) var<storage, read> gru_h0: array<f32>;
@group(0) @binding(8) var<uniform> gru: RecurrentParams;

// Column j of the weight [rows, hidden] times the gates' gradients in row `row` of dprojected.
fn product(rows: u32, hidden: u32, j: u32, row: u32) -> f32 {
  var total = 0.0;
  for (var k = 0u; k < rows; k++) {
    total += weight[k * hidden + j] * dprojected[row * rows + k];
  }
  return total;
}

// The same for a GRU, whose hidden part of n gets r times the gradient.
fn gru_product(hidden: u32, j: u32, row: u32) -> f32 {
  var total = 0.0;
  for (var k = 0u; k < 2u * hidden; k++) {
    total += weight[k * hidden + j] * dprojected[row * 3u * hidden + k];
  }
  for (var k = 0u; k < hidden; k++) {
    let gradient = dprojected[(row * 3u + 2u) * hidden + k] * gru_kept[row * 4u * hidden + k];
    total += weight[(2u * hidden + k) * hidden + j] * gradient;
  }
  return total;
}

@compute @workgroup_size(64)
fn rnn_sequence_backward_f32__step(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = rnn.hidden;
  if (i >= rnn.batch * hidden) {
    return;
  }
  let b = i / hidden;
  let count = length_of(rnn, b);
  let at = rnn.step * rnn.batch * hidden + i;
  if (rnn.step >= count) {
    dprojected[at] = 0.0;
    return;
  }
  let after = step_after(rnn, b, count);
  var dh = dhn[i];
  if (after.counts) {
    dh = product(hidden, hidden, i % hidden, after.row);
  }
  dh += dy_values[at];
  let state = rnn_y[at];
  if (rnn.relu != 0u) {
    dprojected[at] = select(0.0, dh, state > 0.0);
  } else {
    dprojected[at] = dh * tanh_slope(state);
  }
}

// dc0 holds dc after the step, then before it.
@compute @workgroup_size(64)
fn lstm_sequence_backward_f32__step(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = lstm.hidden;
  if (i >= lstm.batch * hidden) {
    return;
  }
  let b = i / hidden;
  let j = i % hidden;
  let count = length_of(lstm, b);
  let row = lstm.step * lstm.batch + b;
  let at = row * hidden + j;
  let wide = row * 4u * hidden + j;
  if (lstm.step >= count) {
    for (var k = 0u; k < 4u; k++) {
      dprojected[wide + k * hidden] = 0.0;
    }
    return;
  }
  let after = step_after(lstm, b, count);
  var dh = dhn[i];
  if (after.counts) {
    dh = product(4u * hidden, hidden, j, after.row);
  }
  let gates = vec4<f32>(
    lstm_gates[wide],
    lstm_gates[wide + hidden],
    lstm_gates[wide + 2u * hidden],
    lstm_gates[wide + 3u * hidden],
  );
  let gradient = lstm_point_backward(gates, lstm_cells[at], dh + dy_values[at], dc0[i]);
  dprojected[wide] = gradient.gates.x;
  dprojected[wide + hidden] = gradient.gates.y;
  dprojected[wide + 2u * hidden] = gradient.gates.z;
  dprojected[wide + 3u * hidden] = gradient.gates.w;
  dc0[i] = gradient.c;
}

// carry holds the gradient of the state after the step that does not come by way of the weight, then that of
// the state before it.
@compute @workgroup_size(64)
fn gru_sequence_backward_f32__step(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = gru.hidden;
  if (i >= gru.batch * hidden) {
    return;
  }
  let b = i / hidden;
  let j = i % hidden;
  let count = length_of(gru, b);
  let row = gru.step * gru.batch + b;
  let wide = row * 3u * hidden + j;
  if (gru.step >= count) {
    for (var k = 0u; k < 3u; k++) {
      dprojected[wide + k * hidden] = 0.0;
    }
    return;
  }
  let after = step_after(gru, b, count);
  var dh = carry[i];
  if (after.counts) {
    dh += gru_product(hidden, j, after.row);
  }
  let before = step_before(gru, b, count);
  var state = gru_h0[i];
  if (before.counts) {
    state = gru_y[before.row * hidden + j];
  }
  let keep = row * 4u * hidden + j;
  let gates = vec3<f32>(gru_kept[keep], gru_kept[keep + hidden], gru_kept[keep + 2u * hidden]);
  let part = gru_kept[keep + 3u * hidden];
  let gradient = gru_point_backward(gates, part, state, dh + gru_dy[row * hidden + j]);
  dprojected[wide] = gradient.gates.x;
  dprojected[wide + hidden] = gradient.gates.y;
  dprojected[wide + 2u * hidden] = gradient.gates.z;
  carry[i] = gradient.h;
}

// Row of the step that is taken first.
fn first_row(p: RecurrentParams, b: u32, count: u32) -> u32 {
  if (p.reverse != 0u) {
    return (count - 1u) * p.batch + b;
  }
  return b;
}

// dh0 of rnn and lstm; in place of a step, `step` is the number of gates.
@compute @workgroup_size(64)
fn sequence_initial_gradient_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = initial.hidden;
  if (i >= initial.batch * hidden) {
    return;
  }
  let b = i / hidden;
  let count = length_of(initial, b);
  if (count == 0u) {
    dh0[i] = dhn[i];
  } else {
    dh0[i] = product(initial.step * hidden, hidden, i % hidden, first_row(initial, b, count));
  }
}

// The carry becomes dh0.
@compute @workgroup_size(64)
fn gru_sequence_initial_gradient_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let hidden = gru_initial.hidden;
  if (i >= gru_initial.batch * hidden) {
    return;
  }
  let b = i / hidden;
  let count = length_of(gru_initial, b);
  if (count > 0u) {
    carry[i] += gru_product(hidden, i % hidden, first_row(gru_initial, b, count));
  }
}
