// y = x on one side of a diagonal of each matrix and on it, 0 on the other: where column - row <= diagonal, or >= for
// `upper`. 32-bit words of any dtype; one invocation per element.
#include "common/indexing"

struct TriangleParams {
  size: u32,
  rows: u32,
  columns: u32,
  diagonal: i32,
  upper: u32,
}

@group(0) @binding(0) var<storage, read> x_values: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<uniform> params: TriangleParams;

@compute @workgroup_size(64)
fn triangle(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  let x = x_values[i];
  //! element
  let column = i32(i % params.columns);
  let row = i32(i / params.columns % params.rows);
  let edge = row + params.diagonal;
  let kept = select(column <= edge, column >= edge, params.upper != 0u);
  output[i] = select(0u, x, kept);
}
