// Whole numbers and choices from random words: see common/random. `seed` is the key, i32 [2].
#include "common/fault"
#include "common/indexing"
#include "common/random"
#include "common/special"

struct IntegersParams {
  size: u32,
  low: i32,
  range: u32,
}

@group(0) @binding(0) var<storage, read> seed: array<u32>;
@group(0) @binding(1) var<storage, read_write> integers: array<i32>;
@group(0) @binding(2) var<uniform> integers_params: IntegersParams;

// low + floor(word range / 2^32).
@compute @workgroup_size(64)
fn integers_i32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= integers_params.size) {
    return;
  }
  let word = words_of(i, vec2<u32>(seed[0], seed[1]))[i % 4u];
  integers[i] = integers_params.low + i32(multiply_high(word, integers_params.range));
}

struct SizeParams {
  size: u32,
}

@group(0) @binding(0) var<storage, read> probabilities: array<f32>;
@group(0) @binding(1) var<storage, read> choice_seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> outcome: array<f32>;
@group(0) @binding(3) var<uniform> bernoulli_params: SizeParams;

// 1 where u < p, else 0.
@compute @workgroup_size(64)
fn bernoulli_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= bernoulli_params.size) {
    return;
  }
  let u = to_uniform(words_of(i, vec2<u32>(choice_seed[0], choice_seed[1]))[i % 4u]);
  outcome[i] = select(0.0, 1.0, u < probabilities[i]);
}

struct CategoricalParams {
  rows: u32,
  classes: u32,
  samples: u32,
  faultId: u32,
}

@group(0) @binding(2) var<storage, read_write> chosen: array<i32>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> categorical_params: CategoricalParams;

// One draw with replacement per invocation: the first class whose running sum exceeds u total. A row with a negative weight
// or without a positive, finite sum gives 0 and a fault.
@compute @workgroup_size(64)
fn categorical_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let draw = linear_index(group, local, groups);
  let classes = categorical_params.classes;
  if (draw >= categorical_params.rows * categorical_params.samples) {
    return;
  }
  let row = draw / categorical_params.samples;
  let first = row * classes;
  var total = 0.0;
  var negative = false;
  var last = 0u;
  for (var c = 0u; c < classes; c++) {
    let weight = probabilities[first + c];
    total += weight;
    if (weight > 0.0) {
      last = c;
    }
    negative = negative || weight < 0.0;
  }
  if (negative || is_nan(total) || is_infinite(total) || total <= 0.0) {
    report_fault(categorical_params.faultId, row, 0u);
    chosen[draw] = 0;
    return;
  }
  let u = to_uniform(words_of(draw, vec2<u32>(choice_seed[0], choice_seed[1]))[draw % 4u]);
  let wanted = u * total;
  var sum = 0.0;
  var at = last;
  for (var c = 0u; c < last; c++) {
    sum += probabilities[first + c];
    if (sum > wanted) {
      at = c;
      break;
    }
  }
  chosen[draw] = i32(at);
}
