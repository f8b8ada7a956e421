// y[yOffset + p . yStrides] = x[xOffset + p . xStrides] for every position p of `shape`: 32-bit words of any
// dtype; strides may be negative. One invocation per position. What no position reaches keeps its value.
//! params copy__transposed : TransposedParams
#include "common/indexing"

struct CopyParams {
  size: u32,
  rank: u32,
  xOffset: u32,
  yOffset: u32,
  shape: array<vec4<u32>, 2>,
  xStrides: array<vec4<i32>, 2>,
  yStrides: array<vec4<i32>, 2>,
}

/// As CopyParams, the transposed axes last; units are squares of `side` rows and columns.
struct TransposedParams {
  side: u32,
  rank: u32,
  xOffset: u32,
  yOffset: u32,
  shape: array<vec4<u32>, 2>,
  xStrides: array<vec4<i32>, 2>,
  yStrides: array<vec4<i32>, 2>,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<uniform> params: CopyParams;

@compute @workgroup_size(64)
fn copy__strided(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i;
  var x_index = i32(params.xOffset);
  var y_index = i32(params.yOffset);
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = i32(rest % size);
    rest /= size;
    x_index += position * params.xStrides[row][lane];
    y_index += position * params.yStrides[row][lane];
  }
  output[y_index] = x[x_index];
}
