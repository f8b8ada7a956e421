// The gradients of weight and bias of standardize.wgsl where every element of a row has its own, plane is 1: sums over
// columns. One invocation adds up a column, or four neighbours (WIDE), over partBlocks batch items; one by channel joins
// these parts. Sums over rows that another launch left in parts are joined likewise.
//! variant | JOIN=0 | WIDE=0
//! variant __4 | JOIN=0 | WIDE=1
#include "common/row"
#include "common/standardize"

alias x_stored = V;
alias dy_stored = V;

@group(0) @binding(0) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(1) var<storage, read> x: array<x_stored>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> sums: array<V>;
@group(0) @binding(5) var<uniform> params: StandardizeParams;

// [parts, dweight and dbias, columns].
@compute @workgroup_size(64)
fn standardize_affine_columns_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let p = params;
  let index = (group.x + group.y * groups.x) * 64u + local;
#if WIDE
  let columns = p.groups * p.channels / 4u;
  let own = p.channels / 4u;
#else
  let columns = p.groups * p.channels;
  let own = p.channels;
#end
  let part = index / columns;
  if (part >= p.walkParts) {
    return;
  }
  let column = index - part * columns;
  let end = min((part + 1u) * p.partBlocks, p.batch);
  var total = V();
  var dot = V();
  for (var item = part * p.partBlocks; item < end; item++) {
    let row = item * p.groups + column / own;
    let g = V(dy[item * columns + column]);
    total += g;
    dot += g * ((V(x[item * columns + column]) - mean[row]) * inverseSqrt(variance[row] + p.eps));
  }
  sums[2u * part * columns + column] = dot;
  sums[(2u * part + 1u) * columns + column] = total;
}
