// y = x scale + shift where the upper 24 bits of its channel's random word reach `threshold`, else `dropped`.
// A channel is `inner` elements; word c % 4 of Philox at counter c / 4 with key `seed` (i32 [2]) belongs to
// channel c. One invocation per element.
#include "common/indexing"
#include "common/philox"

struct DropoutParams {
  size: u32,
  inner: u32,
  threshold: u32,
  scale: f32,
  shift: f32,
  dropped: f32,
}

@group(0) @binding(0) var<storage, read> x_values: array<f32>;
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
  let x = x_values[i];
  //! element
  let channel = i / params.inner;
  let words = philox(channel / 4u, 0u, vec2<u32>(seed[0], seed[1]));
  let kept = (words[channel % 4u] >> 8u) >= params.threshold;
  output[i] = select(params.dropped, x * params.scale + params.shift, kept);
}
