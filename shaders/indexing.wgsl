// Reads by index: gather, indexSelect and embedding. 32-bit words of any dtype.
#include "common/fault"
#include "common/indexing"

// Position p of `shape` reads index k = index[p . indexStrides], one of axisSize, and the word at
// p . xStrides + k axisStride of x; xStrides are 0 along the axis.
struct GatherParams {
  size: u32,
  rank: u32,
  axisSize: u32,
  axisStride: u32,
  faultId: u32,
  shape: array<vec4<u32>, 2>,
  indexStrides: array<vec4<u32>, 2>,
  xStrides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: GatherParams;

// One invocation per position. An index outside the axis gives 0 and a fault.
@compute @workgroup_size(64)
fn gather__strided(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i;
  var index_at = 0u;
  var x_at = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    index_at += position * params.indexStrides[row][lane];
    x_at += position * params.xStrides[row][lane];
  }
  let k = index[index_at];
  if (k < 0 || u32(k) >= params.axisSize) {
    report_fault(params.faultId, index_at, bitcast<u32>(k));
    output[i] = 0u;
    return;
  }
  output[i] = x[x_at + u32(k) * params.axisStride];
}
