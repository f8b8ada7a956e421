// One step of a layer's gradient, the steps in the opposite order: dprojected [steps, batch, gates hidden] from
// dy [steps, batch, hidden] and what the forward pass kept. What goes on: the gradients of the gates' hidden
// parts, whose product with the weight's transpose, as in common/recurrent, is dh after the step, but for dy;
// what comes to dh past the weight, dhn at first; for LSTM then dc. Where a sequence has ended, dprojected is 0.
// FINAL kernels end the pass with dh0 and dc0. Here the sets are of units beside each other.
//! kernel rnn_sequence_backward_f32__1 | GATES=1 | FINAL=0 | SETS=2 | SLICES=1 | HALF=0
//! kernel rnn_sequence_backward_f16__1 | GATES=1 | FINAL=0 | SETS=2 | SLICES=1 | HALF=1
//! kernel rnn_sequence_backward_f32__16 | GATES=1 | FINAL=0 | SETS=1 | SLICES=16 | HALF=0
//! kernel lstm_sequence_backward_f32__1 | GATES=4 | FINAL=0 | SETS=2 | SLICES=1 | HALF=0
//! kernel lstm_sequence_backward_f16__1 | GATES=4 | FINAL=0 | SETS=2 | SLICES=1 | HALF=1
//! kernel lstm_sequence_backward_f32__16 | GATES=4 | FINAL=0 | SETS=1 | SLICES=16 | HALF=0
//! kernel gru_sequence_backward_f32__1 | GATES=3 | FINAL=0 | SETS=2 | SLICES=1 | HALF=0
//! kernel gru_sequence_backward_f16__1 | GATES=3 | FINAL=0 | SETS=2 | SLICES=1 | HALF=1
//! kernel gru_sequence_backward_f32__16 | GATES=3 | FINAL=0 | SETS=1 | SLICES=16 | HALF=0
//! kernel sequence_initial_gradient_f32__1 | GATES=0 | FINAL=1 | SETS=2 | SLICES=1 | HALF=0
//! kernel sequence_initial_gradient_f16__1 | GATES=0 | FINAL=1 | SETS=2 | SLICES=1 | HALF=1
//! kernel sequence_initial_gradient_f32__16 | GATES=0 | FINAL=1 | SETS=1 | SLICES=16 | HALF=0
#include "common/half"
#include "common/gates"
#include "common/recurrent"
#include "common/recurrent_product"

#if FINAL == 0
#include "common/recurrent_step"
#end
#if FINAL == 1
@group(0) @binding(0) var<storage, read> weight: array<Weights>;
@group(0) @binding(1) var<storage, read> before: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dh0: array<f32>;
@group(0) @binding(3) var<storage, read_write> dc0: array<f32>;
@group(0) @binding(4) var<uniform> params: RecurrentParams;
#end
#if GATES == 1
@group(0) @binding(4) var<storage, read_write> dprojected: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> y: array<f32>;
@group(0) @binding(7) var<uniform> params: RecurrentParams;
#end
#if GATES > 1
@group(0) @binding(4) var<storage, read_write> dprojected: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> kept: array<f32>;
@group(0) @binding(8) var<uniform> params: RecurrentParams;
#end
#if GATES == 4
@group(0) @binding(7) var<storage, read> cells: array<f32>;
#end
#if GATES == 3
// h before each step: an output of the same op, which may lie in one buffer with one that is written here.
@group(0) @binding(7) var<storage, read_write> previous: array<f32>;
#end

fn places() -> u32 {
  return (params.gates + 1u + u32(params.gates == 4u)) * params.hidden;
}

fn sets_finish(b: u32, j: u32, sums: vec4<f32>) {
  finish(b, j, sums.x);
#if SETS == 2
  finish(b, j + 4u * params.quads, sums.y);
#end
}

fn finish(b: u32, j: u32, sum: f32) {
  let hidden = params.hidden;
  if (b >= params.batch || j >= hidden) {
    return;
  }
  let i = b * hidden + j;
  let first = place_of(places(), j, b);
  let past = first + 4u * params.gates * hidden;
  let dh = sum + value_before(past);
#if FINAL == 1
  dh0[i] = dh;
  if (params.gates == 4u) {
    dc0[i] = value_before(past + 4u * hidden);
  }
#else
  let row = params.step * params.batch + b;
  let at = row * hidden + j;
  let wide = row * $(GATES)u * hidden + j;
  if (params.step >= length_of(params, b)) {
#for g in 0..GATES
    dprojected[wide + $(g)u * hidden] = 0.0;
#end
#for g in 0..(GATES == 4 ? 6 : GATES + 1)
    after[first + $(4 * g)u * hidden] = value_before(first + $(4 * g)u * hidden);
#end
    return;
  }
#end
#if GATES == 1
  var gradient = (dh + dy[at]) * tanh_slope(y[at]);
  if (params.relu != 0u) {
    gradient = select(0.0, dh + dy[at], y[at] > 0.0);
  }
  dprojected[wide] = gradient;
  after[first] = gradient;
  after[past] = 0.0;
#end
#if GATES == 4
  let gates = vec4<f32>(kept[wide], kept[wide + hidden], kept[wide + 2u * hidden], kept[wide + 3u * hidden]);
  let gradient = lstm_point_backward(gates, cells[at], dh + dy[at], value_before(past + 4u * hidden));
#for g in 0..4
  dprojected[wide + $(g)u * hidden] = gradient.gates.$g;
  after[first + $(4 * g)u * hidden] = gradient.gates.$g;
#end
  after[past] = 0.0;
  after[past + 4u * hidden] = gradient.c;
#end
#if GATES == 3
  let keep = row * 4u * hidden + j;
  let gates = vec3<f32>(kept[keep], kept[keep + hidden], kept[keep + 2u * hidden]);
  let gradient = gru_point_backward(gates, kept[keep + 3u * hidden], previous[at], dh + dy[at]);
#for g in 0..3
  dprojected[wide + $(g)u * hidden] = gradient.gates.$g;
#end
  after[first] = gradient.gates.x;
  after[first + 4u * hidden] = gradient.gates.y;
  after[first + 8u * hidden] = gradient.m;
  after[past] = gradient.h;
#end
}

@compute @workgroup_size($(SLICES == 1 ? 32 : 256))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  step_of(group, local, params.gates * params.hidden);
}
