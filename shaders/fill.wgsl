// y = word everywhere, 32-bit words of any dtype: one invocation per element.
#include "common/indexing"

struct FillParams {
  size: u32,
  word: u32,
}

@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<uniform> params: FillParams;

@compute @workgroup_size(64)
fn fill(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  //! element
  output[i] = params.word;
}
