// Sums by index, for scatterAdd, indexAdd and embeddingBackward: y[p . yStrides + k axisStride] += scale source
// [p . sourceStrides] for every position p of `shape`, where k = index[p . indexStrides] is a place along an
// axis of y. yStrides are 0 along the axis. No atomics: sums are added in the order of the index, so that
// every run gives the same bits.
#include "common/fault"
#include "common/indexing"

struct ScatterChainParams {
  // Elements of the index.
  size: u32,
  // Of these, so many lie on one line along the axis, `step` apart.
  length: u32,
  step: u32,
  axisSize: u32,
  // An index that is left out, or -1.
  skip: i32,
  faultId: u32,
}

struct ScatterAddParams {
  size: u32,
  rank: u32,
  indexStep: u32,
  sourceStep: u32,
  axisStride: u32,
  scale: f32,
  shape: array<vec4<u32>, 2>,
  indexStrides: array<vec4<u32>, 2>,
  sourceStrides: array<vec4<u32>, 2>,
  yStrides: array<vec4<u32>, 2>,
}

// On wasm a unit adds up whole lines along the axis: `shape` is that of the lines.
struct ScatterLinesParams {
  size: u32,
  rank: u32,
  length: u32,
  indexStep: u32,
  sourceStep: u32,
  axisStride: u32,
  axisSize: u32,
  skip: i32,
  scale: f32,
  faultId: u32,
  shape: array<vec4<u32>, 2>,
  indexStrides: array<vec4<u32>, 2>,
  sourceStrides: array<vec4<u32>, 2>,
  yStrides: array<vec4<u32>, 2>,
}
//! params scatter_add_f32__lines : ScatterLinesParams

const HEAD = 0x80000000u;

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> chain: array<u32>;
@group(0) @binding(2) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> chain_params: ScatterChainParams;

@group(0) @binding(1) var<storage, read> links: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: ScatterAddParams;

// chain[i]: how many elements further along the line the same index stands again, 0 where it does not; with
// HEAD for the first of its chain. 0 for an index that is left out or, with a fault, outside the axis. One
// invocation per element of the index: time grows with the line's length squared.
@compute @workgroup_size(64)
fn scatter_chain(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= chain_params.size) {
    return;
  }
  let k = index[i];
  let step = chain_params.step;
  let place = i / step % chain_params.length;
  var link = 0u;
  if (k < 0 || u32(k) >= chain_params.axisSize) {
    report_fault(chain_params.faultId, i, bitcast<u32>(k));
  } else if (k != chain_params.skip) {
    link = HEAD;
    for (var before = 1u; before <= place; before++) {
      if (index[i - before * step] == k) {
        link = 0u;
        break;
      }
    }
    for (var after = 1u; after < chain_params.length - place; after++) {
      if (index[i + after * step] == k) {
        link |= after;
        break;
      }
    }
  }
  chain[i] = link;
}

// One invocation per position; those at the head of a chain add up all of it.
@compute @workgroup_size(64)
fn scatter_add_f32__chain(
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
  var source_at = 0u;
  var y_at = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    index_at += position * params.indexStrides[row][lane];
    source_at += position * params.sourceStrides[row][lane];
    y_at += position * params.yStrides[row][lane];
  }
  var link = links[index_at];
  if ((link & HEAD) == 0u) {
    return;
  }
  y_at += u32(index[index_at]) * params.axisStride;
  var total = output[y_at];
  loop {
    total += params.scale * source[source_at];
    let further = link & ~HEAD;
    if (further == 0u) {
      break;
    }
    index_at += further * params.indexStep;
    source_at += further * params.sourceStep;
    link = links[index_at];
  }
  output[y_at] = total;
}
