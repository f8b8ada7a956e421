// Elements of rows at given indices, which are distinct within a row: y[o, k, i] = x[o, indices[o, k, i], i], and the
// reverse. One invocation per index; words of any dtype.
#include "common/indexing"

struct SelectParams {
  size: u32,
  keep: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<uniform> params: SelectParams;

// Place in x of what index number i names.
fn place_of(i: u32) -> u32 {
  let outer = i / (params.keep * params.inner);
  return (outer * params.length + indices[i]) * params.inner + i % params.inner;
}

@compute @workgroup_size(64)
fn sort_select(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < params.size) {
    output[i] = x[place_of(i)];
  }
}

@compute @workgroup_size(64)
fn sort_backward(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < params.size) {
    output[place_of(i)] = x[i];
  }
}
