// y = condition ? a : b, element by element, broadcasting; condition is bool words, a, b and y are f32. One
// invocation per element of the output; an operand's strides are 0 along what is broadcast.
#include "common/indexing"

struct WhereParams {
  size: u32,
  rank: u32,
  shape: array<vec4<u32>, 2>,
  cStrides: array<vec4<u32>, 2>,
  aStrides: array<vec4<u32>, 2>,
  bStrides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<storage, read> condition: array<u32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: WhereParams;

@compute @workgroup_size(64)
fn where_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i;
  var c_index = 0u;
  var a_index = 0u;
  var b_index = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    c_index += position * params.cStrides[row][lane];
    a_index += position * params.aStrides[row][lane];
    b_index += position * params.bStrides[row][lane];
  }
  if (condition[c_index] != 0u) {
    output[i] = a[a_index];
  } else {
    output[i] = b[b_index];
  }
}
