// y = x repeated to a larger shape, 32-bit words of any dtype: strides are 0 along what is repeated. One invocation per
// element of y.
#include "common/indexing"

struct BroadcastParams {
  size: u32,
  rank: u32,
  shape: array<vec4<u32>, 2>,
  xStrides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<storage, read> x_values: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<uniform> params: BroadcastParams;

@compute @workgroup_size(64)
fn broadcast_u32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i;
  var x_index = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    x_index += rest % params.shape[row][lane] * params.xStrides[row][lane];
    rest /= params.shape[row][lane];
  }
  let x = x_values[x_index];
  //! element
  output[i] = x;
}
