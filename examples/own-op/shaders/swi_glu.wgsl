// y = silu(a) b, silu(a) = a / (1 + e^-a): element by element, f32, one invocation each.
#include "weft/common/indexing"

struct SwiGluParams {
  size: u32,
}

@group(0) @binding(0) var<storage, read> a_values: array<f32>;
@group(0) @binding(1) var<storage, read> b_values: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: SwiGluParams;

@compute @workgroup_size(64)
fn swi_glu_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let a = a_values[i];
  output[i] = a / (1.0 + exp(-a)) * b_values[i];
}
