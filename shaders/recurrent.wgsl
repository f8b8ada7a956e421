// One step of a layer: y [steps, batch, hidden] from the projected inputs [steps, batch, gates hidden], the
// weight [gates hidden, hidden] and the state before, y of the step before or h0 [batch, hidden]. Where a
// sequence has ended, everything is 0.
#include "common/gates"
#include "common/indexing"
#include "common/recurrent"

@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> h0: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> projected: array<f32>;

@group(0) @binding(5) var<uniform> rnn: RecurrentParams;

@group(0) @binding(5) var<storage, read_write> kept: array<f32>;

@group(0) @binding(6) var<storage, read_write> cells: array<f32>;
@group(0) @binding(7) var<storage, read_write> cn: array<f32>;
@group(0) @binding(8) var<uniform> lstm: RecurrentParams;

@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<uniform> gru: RecurrentParams;

// Row `row` of the weight times the state of sequence b before the step.
fn product(p: RecurrentParams, row: u32, b: u32, before: Neighbour) -> f32 {
  let w = row * p.hidden;
  var total = 0.0;
  if (before.counts) {
    let start = before.row * p.hidden;
    for (var k = 0u; k < p.hidden; k++) {
      total += weight[w + k] * y[start + k];
    }
  } else {
    for (var k = 0u; k < p.hidden; k++) {
      total += weight[w + k] * h0[b * p.hidden + k];
    }
  }
  return total;
}

@compute @workgroup_size(64)
fn rnn_sequence_f32__step(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= rnn.batch * rnn.hidden) {
    return;
  }
  let b = i / rnn.hidden;
  let j = i % rnn.hidden;
  let count = length_of(rnn, b);
  let at = rnn.step * rnn.batch * rnn.hidden + i;
  if (rnn.step >= count) {
    y[at] = 0.0;
    return;
  }
  let pre = projected[at] + product(rnn, j, b, step_before(rnn, b, count));
  if (rnn.relu != 0u) {
    y[at] = select(pre, 0.0, pre <= 0.0);
  } else {
    y[at] = hyperbolic_tangent(pre);
  }
}

// cn holds c before the step, then after it; kept are the gates after their functions, cells c before each
// step.
@compute @workgroup_size(64)
fn lstm_sequence_f32__step(
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
    y[at] = 0.0;
    cells[at] = 0.0;
    for (var k = 0u; k < 4u; k++) {
      kept[wide + k * hidden] = 0.0;
    }
    return;
  }
  let before = step_before(lstm, b, count);
  let pre = vec4<f32>(
    projected[wide] + product(lstm, j, b, before),
    projected[wide + hidden] + product(lstm, j + hidden, b, before),
    projected[wide + 2u * hidden] + product(lstm, j + 2u * hidden, b, before),
    projected[wide + 3u * hidden] + product(lstm, j + 3u * hidden, b, before),
  );
  let c = cn[i];
  let point = lstm_point(pre, c);
  y[at] = point.h;
  cells[at] = c;
  cn[i] = point.c;
  kept[wide] = point.gates.x;
  kept[wide + hidden] = point.gates.y;
  kept[wide + 2u * hidden] = point.gates.z;
  kept[wide + 3u * hidden] = point.gates.w;
}

fn bias_of(row: u32) -> f32 {
  if (gru.hasBias == 0u) {
    return 0.0;
  }
  return bias[row];
}

// kept are r, z, n after their functions and the hidden part of n.
@compute @workgroup_size(64)
fn gru_sequence_f32__step(
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
  let at = row * hidden + j;
  let keep = row * 4u * hidden + j;
  if (gru.step >= count) {
    y[at] = 0.0;
    for (var k = 0u; k < 4u; k++) {
      kept[keep + k * hidden] = 0.0;
    }
    return;
  }
  let before = step_before(gru, b, count);
  let wide = row * 3u * hidden + j;
  let input = vec3<f32>(projected[wide], projected[wide + hidden], projected[wide + 2u * hidden]);
  let hidden_part = vec3<f32>(
    product(gru, j, b, before) + bias_of(j),
    product(gru, j + hidden, b, before) + bias_of(j + hidden),
    product(gru, j + 2u * hidden, b, before) + bias_of(j + 2u * hidden),
  );
  var state = h0[i];
  if (before.counts) {
    state = y[before.row * hidden + j];
  }
  let point = gru_point(input, hidden_part, state);
  y[at] = point.h;
  kept[keep] = point.gates.x;
  kept[keep + hidden] = point.gates.y;
  kept[keep + 2u * hidden] = point.gates.z;
  kept[keep + 3u * hidden] = hidden_part.z;
}
