// da = dy b silu'(a), silu'(a) = s (1 + a (1 - s)), s = 1 / (1 + e^-a): element by element, f32, one invocation each.
#include "weft/common/indexing"

struct SwiGluParams {
  size: u32,
}

@group(0) @binding(0) var<storage, read> dy_values: array<f32>;
@group(0) @binding(1) var<storage, read> a_values: array<f32>;
@group(0) @binding(2) var<storage, read> b_values: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: SwiGluParams;

@compute @workgroup_size(64)
fn swi_glu_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let a = a_values[i];
  let s = 1.0 / (1.0 + exp(-a));
  output[i] = dy_values[i] * b_values[i] * (s * (1.0 + a * (1.0 - s)));
}
