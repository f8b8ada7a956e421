// One step of a layer: y [steps, batch, hidden] from the projected inputs [steps, batch, gates hidden] and the
// product of h before the step with the weight [gates hidden, hidden], as in common/recurrent. h, and c behind
// it, go on. Where a sequence has ended, y and what is kept for the gradient are 0.
//! kernel rnn_sequence_f32__1 | SETS=1 | SLICES=1 | HALF=0
//! kernel rnn_sequence_f32__16 | SETS=1 | SLICES=16 | HALF=0
//! kernel rnn_sequence_f16__1 | SETS=1 | SLICES=1 | HALF=1
//! kernel lstm_sequence_f32__1 | SETS=4 | SLICES=1 | HALF=0
//! kernel lstm_sequence_f32__16 | SETS=4 | SLICES=16 | HALF=0
//! kernel lstm_sequence_f16__1 | SETS=4 | SLICES=1 | HALF=1
//! kernel gru_sequence_f32__1 | SETS=3 | SLICES=1 | HALF=0
//! kernel gru_sequence_f32__16 | SETS=3 | SLICES=16 | HALF=0
//! kernel gru_sequence_f16__1 | SETS=3 | SLICES=1 | HALF=1
#include "common/half"
#include "common/gates"
#include "common/recurrent"
#include "common/recurrent_product"
#include "common/recurrent_step"

@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read> projected: array<f32>;
#if SETS == 1
@group(0) @binding(6) var<uniform> params: RecurrentParams;
#else
@group(0) @binding(6) var<storage, read_write> kept: array<f32>;
@group(0) @binding(8) var<uniform> params: RecurrentParams;
#end

#if SETS == 1
fn places() -> u32 {
  return params.hidden;
}

fn sets_finish(b: u32, j: u32, sums: vec4<f32>) {
  let hidden = params.hidden;
  if (b >= params.batch || j >= hidden) {
    return;
  }
  let at = (params.step * params.batch + b) * hidden + j;
  let state = place_of(hidden, j, b);
  if (params.step >= length_of(params, b)) {
    y[at] = 0.0;
    after[state] = value_before(state);
    return;
  }
  let pre = projected[at] + sums.x;
  var h = 0.0;
  if (params.relu != 0u) {
    h = select(pre, 0.0, pre <= 0.0);
  } else {
    h = hyperbolic_tangent(pre);
  }
  y[at] = h;
  after[state] = h;
}
#end

#if SETS == 4
@group(0) @binding(7) var<storage, read_write> cells: array<f32>;

fn places() -> u32 {
  return 2u * params.hidden;
}

// kept are the gates after their functions, cells c before each step.
fn sets_finish(b: u32, j: u32, sums: vec4<f32>) {
  let hidden = params.hidden;
  if (b >= params.batch || j >= hidden) {
    return;
  }
  let row = params.step * params.batch + b;
  let at = row * hidden + j;
  let wide = row * 4u * hidden + j;
  let h_place = place_of(2u * hidden, j, b);
  let c_place = h_place + 4u * hidden;
  let c = value_before(c_place);
  if (params.step >= length_of(params, b)) {
    y[at] = 0.0;
    cells[at] = 0.0;
#for i in 0..4
    kept[wide + $(i)u * hidden] = 0.0;
#end
    after[h_place] = value_before(h_place);
    after[c_place] = c;
    return;
  }
  let input = vec4<f32>(
    projected[wide],
    projected[wide + hidden],
    projected[wide + 2u * hidden],
    projected[wide + 3u * hidden],
  );
  let point = lstm_point(input + sums, c);
  y[at] = point.h;
  cells[at] = c;
#for i in 0..4
  kept[wide + $(i)u * hidden] = point.gates.$i;
#end
  after[h_place] = point.h;
  after[c_place] = point.c;
}
#end

#if SETS == 3
@group(0) @binding(7) var<storage, read> bias: array<f32>;

fn places() -> u32 {
  return params.hidden;
}

fn bias_of(row: u32) -> f32 {
  if (params.hasBias == 0u) {
    return 0.0;
  }
  return bias[row];
}

// kept are r, z, n after their functions and the hidden part of n.
fn sets_finish(b: u32, j: u32, sums: vec4<f32>) {
  let hidden = params.hidden;
  if (b >= params.batch || j >= hidden) {
    return;
  }
  let row = params.step * params.batch + b;
  let at = row * hidden + j;
  let keep = row * 4u * hidden + j;
  let state = place_of(hidden, j, b);
  let h = value_before(state);
  if (params.step >= length_of(params, b)) {
    y[at] = 0.0;
#for i in 0..4
    kept[keep + $(i)u * hidden] = 0.0;
#end
    after[state] = h;
    return;
  }
  let wide = row * 3u * hidden + j;
  let input = vec3<f32>(projected[wide], projected[wide + hidden], projected[wide + 2u * hidden]);
  let hidden_part = sums.xyz + vec3<f32>(bias_of(j), bias_of(j + hidden), bias_of(j + 2u * hidden));
  let point = gru_point(input, hidden_part, h);
  y[at] = point.h;
#for i in 0..3
  kept[keep + $(i)u * hidden] = point.gates.$i;
#end
  kept[keep + 3u * hidden] = hidden_part.z;
  after[state] = point.h;
}
#end

@compute @workgroup_size($(SLICES == 1 ? 32 : 256))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  step_of(group, local, params.hidden);
}
