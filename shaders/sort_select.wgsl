// Elements of rows at given indices, which are distinct within a row: y[o, k, i] = x[o, indices[o, k, i], i], and the
// reverse. One invocation per index; words of any dtype. An index outside its row leaves a fault.
#include "common/fault"
#include "common/indexing"

struct SelectParams {
  size: u32,
  keep: u32,
  length: u32,
  inner: u32,
  faultId: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: SelectParams;

// Whether index number i is inside its row.
fn is_inside(i: u32) -> bool {
  let index = indices[i];
  if (index >= params.length) {
    report_fault(params.faultId, i, index);
    return false;
  }
  return true;
}

// Place in x of what index number i, which is inside its row, names.
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
  if (i >= params.size) {
    return;
  }
  if (is_inside(i)) {
    output[i] = x[place_of(i)];
  } else {
    output[i] = 0u;
  }
}

@compute @workgroup_size(64)
fn sort_backward(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < params.size && is_inside(i)) {
    output[place_of(i)] = x[i];
  }
}
