// Softmax of masked, scaled scores along the last axis: row r of `rows` rows of `length` is query r % queries.
// The mask (bool words, or f32 words to be added) is walked by strides, 0 along what is broadcast. Rows as in common/row.
//! variant | JOIN=0 | WIDE=0
//! variant __lanes | JOIN=1 | WIDE=0
#include "common/row"

struct MaskedSoftmaxParams {
  rows: u32,
  length: u32,
  queries: u32,
  causal: u32,
  // 0 none, 1 bool, 2 f32.
  mask: u32,
  maskStep: u32,
  rank: u32,
  scale: f32,
  shape: array<vec4<u32>, 2>,
  maskStrides: array<vec4<u32>, 2>,
  // webgpu: invocations of a row.
  lanes: u32,
}

alias x_stored = f32;
alias output_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read> mask_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(3) var<uniform> params: MaskedSoftmaxParams;

fn mask_start(row: u32) -> u32 {
  var rest = row;
  var offset = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let group = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[group][lane];
    offset += rest % size * params.maskStrides[group][lane];
    rest /= size;
  }
  return offset;
}

struct Term {
  value: f32,
  // False where the element has no part: it is masked, or minus infinity.
  counts: bool,
}

// Minus infinity counts where nothing masks, as in a plain softmax.
fn term_of(row: u32, start: u32, i: u32) -> Term {
  var value = f32(x[row * params.length + i]) * params.scale;
  if (params.causal != 0u && i > row % params.queries) {
    return Term(0.0, false);
  }
  if (params.mask == 1u && mask_words[start + i * params.maskStep] == 0u) {
    return Term(0.0, false);
  }
  if (params.mask == 2u) {
    value += bitcast<f32>(mask_words[start + i * params.maskStep]);
  }
  let masked = params.causal != 0u || params.mask != 0u;
  let lowest = bitcast<u32>(value) == 0xff800000u;
  return Term(value, !(masked && lowest));
}

@compute @workgroup_size(SIZE)
fn masked_softmax_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let lanes = params.lanes;
  let at = row_lane(group, local, groups, lanes);
  let row = at.x;
  let end = select(0u, params.length, row < params.rows);
  let start = mask_start(row);
  var top = -infinity();
  var count = 0.0;
  for (var i = at.y; i < end; i += lanes) {
    let term = term_of(row, start, i);
    if (term.counts) {
      top = select(max(top, term.value), term.value, count == 0.0);
      count += 1.0;
    }
  }
  // An invocation without terms has nothing to say about the maximum.
  let counted = row_sum(count, local, lanes);
  let highest = row_max(select(top, -3.4028234e38, count == 0.0), local, lanes);
  var part = 0.0;
  for (var i = at.y; i < end; i += lanes) {
    let term = term_of(row, start, i);
    var power = 0.0;
    if (term.counts) {
      power = exponential(term.value - highest);
    }
    output[row * params.length + i] = output_stored(power);
    part += power;
  }
  let total = row_sum(part, local, lanes);
  if (counted > 0.0) {
    for (var i = at.y; i < end; i += lanes) {
      let place = row * params.length + i;
      output[place] = output_stored(f32(output[place]) / total);
    }
  }
}
