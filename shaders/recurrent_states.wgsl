// States of recurrent layers before each step and after the last: copies, no arithmetic. And the check of lengths.
#include "common/fault"
#include "common/indexing"
#include "common/recurrent"

struct LengthsParams {
  batch: u32,
  steps: u32,
  faultId: u32,
}

// A step on wasm: its number in the walk, rows of a tile, rows and panels of 8 columns of a unit.
struct SequenceParams {
  steps: u32,
  batch: u32,
  hidden: u32,
  step: u32,
  reverse: u32,
  relu: u32,
  tile: u32,
  rows: u32,
  panels: u32,
}

@group(0) @binding(1) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> check: LengthsParams;

struct StatesParams {
  batch: u32,
  hidden: u32,
  // What goes on from step to step for each sequence, and where in it the states begin.
  places: u32,
  first: u32,
  second: u32,
}

@group(0) @binding(0) var<storage, read> ended: array<f32>;
@group(0) @binding(1) var<storage, read_write> first_end: array<f32>;
@group(0) @binding(2) var<storage, read_write> second_end: array<f32>;
@group(0) @binding(3) var<uniform> ending: StatesParams;

@group(0) @binding(1) var<storage, read> initial: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: RecurrentParams;

@group(0) @binding(0) var<storage, read_write> dprojected: array<f32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read_write> dhidden: array<f32>;
@group(0) @binding(3) var<uniform> gru: RecurrentParams;

// A length outside 1..steps leaves a fault.
@compute @workgroup_size(64)
fn sequence_lengths_i32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let b = linear_index(group, local, groups);
  if (b >= check.batch) {
    return;
  }
  let length = lengths[b];
  if (length < 1 || u32(length) > check.steps) {
    report_fault(check.faultId, b, bitcast<u32>(length));
  }
}

// The states after the last step.
@compute @workgroup_size(64)
fn recurrent_end_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= ending.batch * ending.hidden) {
    return;
  }
  let b = i / ending.hidden;
  let j = i % ending.hidden;
  first_end[i] = ended[place_of(ending.places, ending.first + j, b)];
  if (ending.second < ending.places) {
    second_end[i] = ended[place_of(ending.places, ending.second + j, b)];
  }
}

// output [steps, batch, hidden] is the state before each step, 0 where a sequence has ended. `step` is not
// used.
@compute @workgroup_size(64)
fn sequence_previous_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let size = params.batch * params.hidden;
  if (i >= params.steps * size) {
    return;
  }
  let step = i / size;
  let b = i % size / params.hidden;
  let count = length_of(params, b);
  if (step >= count) {
    output[i] = 0.0;
  } else if (params.reverse != 0u) {
    if (step + 1u < count) {
      output[i] = y[i + size];
    } else {
      output[i] = initial[i % size];
    }
  } else if (step > 0u) {
    output[i] = y[i - size];
  } else {
    output[i] = initial[i % size];
  }
}

// The gradients of a GRU's hidden parts: those of the gates, that of n times r.
@compute @workgroup_size(64)
fn gru_sequence_hidden_gradient_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let wide = 3u * gru.hidden;
  if (i >= gru.steps * gru.batch * wide) {
    return;
  }
  let k = i % wide;
  if (k < 2u * gru.hidden) {
    dhidden[i] = dprojected[i];
  } else {
    dhidden[i] = dprojected[i] * kept[i / wide * 4u * gru.hidden + k - 2u * gru.hidden];
  }
}
//! params rnn_sequence_f32 lstm_sequence_f32 gru_sequence_f32 : SequenceParams
//! params rnn_sequence_backward_f32 lstm_sequence_backward_f32 gru_sequence_backward_f32 : SequenceParams
