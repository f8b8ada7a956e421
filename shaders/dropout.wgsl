// y = x scale where the upper 24 bits of the element's random word reach `threshold`, else 0. Word i % 4 of
// Philox at counter i / 4 with key `seed` (i32 [2]) belongs to element i. One invocation per element.
#include "common/indexing"
#include "common/philox"

struct DropoutParams {
  size: u32,
  threshold: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: DropoutParams;

@compute @workgroup_size(64)
fn dropout_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let words = philox(i / 4u, 0u, vec2<u32>(seed[0], seed[1]));
  let kept = (words[i % 4u] >> 8u) >= params.threshold;
  output[i] = select(0.0, x[i] * params.scale, kept);
}
