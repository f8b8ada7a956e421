// dx = dy f'(v), element by element, f32: one invocation per element. v is the forward op's input or its
// output.
//
//! kernel tanh_backward_f32 = dy * ((1.0 - v) * (1.0 + v))
//! kernel sigmoid_backward_f32 = dy * (v * (1.0 - v))
//! kernel relu_backward_f32 = select(0.0, dy, v > 0.0)
//! kernel leaky_relu_backward_f32 = select(params.a * dy, dy, v > 0.0)
//! kernel gelu_backward_f32 = dy * (normal_cdf(v) + v * normal_pdf(v))
#include "common/indexing"
#include "common/normal"

struct UnaryParams {
  size: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<storage, read> dy_values: array<f32>;
@group(0) @binding(1) var<storage, read> v_values: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: UnaryParams;

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
  let dy = dy_values[i];
  let v = v_values[i];
  output[i] = EXPRESSION;
}
