// y = the sum of its parts in their order, a bias [n] of columns and an activation: what follows a product whose
// inner axis was split. Invocations over y.
#include "common/indexing"
#include "common/matmul_epilogue"

struct MatmulPartsParams {
  size: u32,
  parts: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(3) var<uniform> params: MatmulPartsParams;

@compute @workgroup_size(64)
fn matmul_parts_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let at = linear_index(group, local, groups);
  if (at >= params.size) {
    return;
  }
  var total = sums[at];
  for (var part = 1u; part < params.parts; part++) {
    total += sums[part * params.size + at];
  }
  if (HAS_BIAS != 0u) {
    total += bias[at % params.n];
  }
  output[at] = output_stored(activated(total));
}
