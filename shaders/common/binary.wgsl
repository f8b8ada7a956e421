// One invocation per element of the output, which is walked by two lists of strides: 0 along what is
// broadcast. The host collapses axes, so that operands of one shape have rank 1 (or 0).
#include "common/indexing"

struct BinaryParams {
  size: u32,
  rank: u32,
  shape: array<vec4<u32>, 2>,
  aStrides: array<vec4<u32>, 2>,
  bStrides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<storage, read> a_values: array<T>;
@group(0) @binding(1) var<storage, read> b_values: array<T>;
@group(0) @binding(2) var<storage, read_write> output: array<R>;
@group(0) @binding(3) var<uniform> params: BinaryParams;

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
  var rest = i;
  var a_index = 0u;
  var b_index = 0u;
  for (var axis = params.rank; axis > 1u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    a_index += position * params.aStrides[row][lane];
    b_index += position * params.bStrides[row][lane];
  }
  let a = a_values[a_index + rest * params.aStrides[0].x];
  let b = b_values[b_index + rest * params.bStrides[0].x];
  //! element
  output[i] = EXPRESSION;
}
