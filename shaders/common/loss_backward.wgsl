// dx = dy scale w f'(x), one invocation per element; dy is one number where `moves` is 0.
#include "common/indexing"
#include "common/loss_params"

@group(0) @binding(4) var<storage, read> dy_values: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;
@group(0) @binding(6) var<uniform> params: LossParams;

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
  let x = x_values[i];
  let t = t_values[i];
  let c = c_values[i / params.cInner % max(params.cCount, 1u)];
  let w = w_values[i / params.wInner % max(params.wCount, 1u)];
  let dy = dy_values[i * params.moves];
  //! element
  var share = dy * params.scale;
  if (params.wCount > 0u) {
    share *= w;
  }
  output[i] = share * (EXPRESSION);
}
