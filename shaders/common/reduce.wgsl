// What every reduction shares: one output per position of the axes that stay (the outer walk), from all positions
// of the reduced axes (the inner walk, in row-major order), or of a part of these, by `lanes` neighbouring invocations, a power
// of two up to 64: each takes every lanes-th position, a tree in workgroup memory joins what they hold, of type H.
#include "common/special"

struct ReduceParams {
  outer: u32,
  inner: u32,
  outerRank: u32,
  innerRank: u32,
  // webgpu: invocations of an output.
  lanes: u32,
  // wasm: outputs that are neighbours, one line of elements, or 0; webgpu: positions of a part.
  columns: u32,
  scale: f32,
  power: f32,
  outerShape: array<vec4<u32>, 2>,
  outerStrides: array<vec4<u32>, 2>,
  innerShape: array<vec4<u32>, 2>,
  innerStrides: array<vec4<u32>, 2>,
}

// 0: of whole rows; 1: what parts of rows leave; 2: of what their parts left.
override STAGE: u32 = 0u;
// Whether all positions of a row lie a stride apart.
override EVEN: bool = false;

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

// What an invocation takes: positions first, first + lanes, ... below end, of the output whose elements begin at base.
struct Share {
  row: u32,
  base: u32,
  stride: u32,
  first: u32,
  end: u32,
  // Positions of its part.
  count: u32,
  // Whether it writes the output.
  writes: bool,
}

fn share_of(group: vec3<u32>, local: u32, groups: vec3<u32>) -> Share {
  let index = (group.x + group.y * groups.x) * 64u + local;
  let row = index >> firstTrailingBit(params.lanes);
  let lane = index & (params.lanes - 1u);
  let parts = max(1u, (params.inner + params.columns - 1u) / params.columns);
  let outer = row / parts;
  let begin = (row - outer * parts) * params.columns;
  let live = outer < params.outer;
  let end = select(0u, min(params.inner, begin + params.columns), live);
  let stride = params.innerStrides[0].x;
  return Share(row, outer_offset(outer), stride, begin + lane, end, end - min(end, begin), live && lane == 0u);
}

// Where a position of the row lies.
fn element(share: Share, i: u32) -> u32 {
  if (EVEN) {
    return share.base + i * share.stride;
  }
  return share.base + inner_offset(i);
}

var<workgroup> tree: array<H, 64>;

// All invocations must call these, in uniform control flow; the lane that writes gets the result.
#for name in JOINS
fn $(name)_lanes(own: H, local: u32) -> H {
  if (params.lanes == 1u) {
    return own;
  }
  tree[local] = own;
  workgroupBarrier();
  for (var reach = params.lanes / 2u; reach > 0u; reach /= 2u) {
    if ((local & (params.lanes - 1u)) < reach) {
      tree[local] = $name(tree[local], tree[local + reach]);
    }
    workgroupBarrier();
  }
  let all = tree[local & ~(params.lanes - 1u)];
  workgroupBarrier();
  return all;
}

#end
