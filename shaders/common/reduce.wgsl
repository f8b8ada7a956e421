// What every reduction shares: one output per position of the axes that stay (the outer walk), from all positions
// of the reduced axes (the inner walk, in row-major order). params.serial: one invocation per output; else one
// workgroup of 64 per output, in which each invocation takes every 64th position, followed by a tree.
#include "common/indexing"
#include "common/special"

struct ReduceParams {
  outer: u32,
  inner: u32,
  outerRank: u32,
  innerRank: u32,
  serial: u32,
  // wasm: outputs that are neighbours, one line of elements, or 0.
  columns: u32,
  scale: f32,
  power: f32,
  outerShape: array<vec4<u32>, 2>,
  outerStrides: array<vec4<u32>, 2>,
  innerShape: array<vec4<u32>, 2>,
  innerStrides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<storage, read> x_values: array<T>;
@group(0) @binding(1) var<storage, read_write> output: array<R>;
@group(0) @binding(2) var<uniform> params: ReduceParams;

fn outer_offset(index: u32) -> u32 {
  var rest = index;
  var offset = 0u;
  for (var axis = params.outerRank; axis > 1u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.outerShape[row][lane];
    offset += (rest % size) * params.outerStrides[row][lane];
    rest /= size;
  }
  return offset + rest * params.outerStrides[0].x;
}

fn inner_offset(index: u32) -> u32 {
  var rest = index;
  var offset = 0u;
  for (var axis = params.innerRank; axis > 1u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.innerShape[row][lane];
    offset += (rest % size) * params.innerStrides[row][lane];
    rest /= size;
  }
  return offset + rest * params.innerStrides[0].x;
}
