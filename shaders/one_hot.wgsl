// y[i, c] = 1 where labels[i] = c, else 0: labels i32 [size], y words [size, classes], `one` the word that
// stands for 1. One invocation per element of y. A label outside 0..classes-1 gives zeros and a fault.
#include "common/fault"
#include "common/indexing"

struct OneHotParams {
  size: u32,
  classes: u32,
  one: u32,
  faultId: u32,
}

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: OneHotParams;

@compute @workgroup_size(64)
fn one_hot(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size * params.classes) {
    return;
  }
  let row = i / params.classes;
  let column = i % params.classes;
  let label = labels[row];
  if (column == 0u && (label < 0 || u32(label) >= params.classes)) {
    report_fault(params.faultId, row, bitcast<u32>(label));
  }
  output[i] = select(0u, params.one, label == i32(column));
}
