// The weight of recurrent layers in quads of units: packed [blocks, inner, sets, quads] as in common/recurrent.
//! kernel recurrent_pack_f32 | HALF=0
//! kernel recurrent_pack_f16 | HALF=1
#include "common/half"
#include "common/indexing"

struct PackParams {
  sets: u32,
  // Places of the inner axis, units, quads side by side, quads of units in a block.
  inner: u32,
  units: u32,
  quads: u32,
  unitQuads: u32,
  // From a set to the next, in quads of units and in elements.
  setQuads: u32,
  setStride: u32,
  innerStride: u32,
  unitStride: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<Weights>;
@group(0) @binding(2) var<uniform> packing: PackParams;

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let part = i / packing.quads % packing.sets;
  let inner = i / packing.quads / packing.sets % packing.inner;
  let begin = i / packing.quads / packing.sets / packing.inner * packing.unitQuads;
  if (4u * begin >= packing.units) {
    return;
  }
  let unit = 4u * (begin + part * packing.setQuads + i % packing.quads);
  let at = part * packing.setStride + inner * packing.innerStride;
  var quad = vec4<f32>();
  for (var k = 0u; k < 4u; k++) {
    if (unit + k < packing.units) {
      quad[k] = weight[at + (unit + k) * packing.unitStride];
    }
  }
  packed[i] = Weights(quad);
}
