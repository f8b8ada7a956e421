// An operand of a product in half precision, as matmul_half reads it: [batch, inner, quads] of four rows (columns)
// each, from an operand with any strides. What is beyond 65504 becomes infinite, as loss scaling expects.
enable f16;
#include "common/indexing"

struct HalfPackParams {
  batch: u32,
  // Rows (columns), inner indices, and those of the copy.
  across: u32,
  k: u32,
  inner: u32,
  acrossStride: u32,
  innerStride: u32,
  batchShape: vec4<u32>,
  batchStrides: vec4<u32>,
}

@group(0) @binding(0) var<storage, read> operand: array<f32>;
@group(0) @binding(1) var<storage, read_write> copy: array<vec4<f16>>;
@group(0) @binding(2) var<uniform> params: HalfPackParams;

@compute @workgroup_size(64)
fn matmul_half_pack(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let quads = (params.across + 3u) / 4u;
  let batch = i / quads / params.inner;
  if (batch >= params.batch) {
    return;
  }
  let k = i / quads % params.inner;
  let first = i % quads * 4u;
  var four = vec4<f16>();
  if (k < params.k) {
    let shape = params.batchShape;
    let outer = batch / shape.w;
    let position = vec4<u32>(outer / shape.z / shape.y, outer / shape.z % shape.y, outer % shape.z, batch % shape.w);
    let at = dot(position, params.batchStrides) + k * params.innerStride;
    for (var r = 0u; r < 4u; r++) {
      if (first + r < params.across) {
        four[r] = f16(operand[at + (first + r) * params.acrossStride]);
      }
    }
  }
  copy[i] = four;
}
