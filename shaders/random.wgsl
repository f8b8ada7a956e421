// Random numbers, one invocation per element: see common/random. `seed` is the key, i32 [2].
//
//! kernel uniform_f32 = uniform_word(i, key) * params.b + params.a
//! kernel normal_f32 = normal_at(i, key) * params.b + params.a
//! kernel exponential_f32 = -log_of_uniform(1.0 - uniform_word(i, key)) * params.b
#include "common/indexing"
#include "common/random"

struct RandomParams {
  size: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<storage, read> seed: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: RandomParams;

fn uniform_word(i: u32, key: vec2<u32>) -> f32 {
  return to_uniform(words_of(i, key)[i % 4u]);
}

// Box and Muller (1958): even elements take the cosine, odd ones the sine.
fn normal_at(i: u32, key: vec2<u32>) -> f32 {
  let words = words_of(i, key);
  let pair = (i % 4u) & 2u;
  let radius = sqrt(-2.0 * log_of_uniform(1.0 - to_uniform(words[pair])));
  return radius * sine_of_turn(to_uniform(words[pair + 1u]), 1u - i % 2u);
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  //! element
  let key = vec2<u32>(seed[0], seed[1]);
  output[i] = EXPRESSION;
}
