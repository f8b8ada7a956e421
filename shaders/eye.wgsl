// y = word where row and column are equal, 0 elsewhere; one invocation per element.
#include "common/indexing"

struct EyeParams {
  size: u32,
  columns: u32,
  word: u32,
}

@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<uniform> params: EyeParams;

@compute @workgroup_size(64)
fn eye(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  //! element
  output[i] = select(0u, params.word, i / params.columns == i % params.columns);
}
