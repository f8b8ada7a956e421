// What comes before the steps of recurrent layers, in one launch: the weight in quads of units, packed [blocks, inner, sets,
// quads] as in common/recurrent, and behind its vectors what goes on from step to step: the first states, all else and what is
// past the end 0.
//! kernel recurrent_pack_f32 | HALF=0
//! kernel recurrent_pack_f16 | HALF=1
#include "common/half"
#include "common/indexing"

struct PackParams {
  // Vec4s of the packed weight.
  vectors: u32,
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
  batch: u32,
  hidden: u32,
  // What goes on for each sequence, and where in it the states begin; a second one that is not given at `places`.
  places: u32,
  first: u32,
  second: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<Weights>;
@group(0) @binding(2) var<storage, read> first_state: array<f32>;
@group(0) @binding(3) var<storage, read> second_state: array<f32>;
@group(0) @binding(4) var<storage, read_write> carried: array<f32>;
@group(0) @binding(5) var<uniform> packing: PackParams;

fn start(i: u32) {
  let p = packing;
  let row = i / 4u / p.places;
  let b = 4u * row + i % 4u;
  if (4u * row >= p.batch) {
    return;
  }
  let place = i / 4u % p.places;
  var value = 0.0;
  if (b < p.batch) {
    if (place >= p.first && place < p.first + p.hidden) {
      value = first_state[b * p.hidden + place - p.first];
    } else if (place >= p.second && place < p.second + p.hidden) {
      value = second_state[b * p.hidden + place - p.second];
    }
  }
  carried[i] = value;
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= packing.vectors) {
    start(i - packing.vectors);
    return;
  }
  let part = i / packing.quads % packing.sets;
  let inner = i / packing.quads / packing.sets % packing.inner;
  let begin = i / packing.quads / packing.sets / packing.inner * packing.unitQuads;
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
