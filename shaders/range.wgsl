// Tensors that are counted, one invocation per element.
#include "common/indexing"

struct RangeParams {
  size: u32,
  // Elements before this one are start + i step, the others end - (size - 1 - i) step.
  half: u32,
  start: f32,
  end: f32,
  step: f32,
  startWhole: i32,
  stepWhole: i32,
}

@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<uniform> params: RangeParams;

@compute @workgroup_size(64)
fn range_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < params.half) {
    output[i] = bitcast<u32>(params.start + f32(i) * params.step);
  } else if (i < params.size) {
    output[i] = bitcast<u32>(params.end - f32(params.size - 1u - i) * params.step);
  }
}

@compute @workgroup_size(64)
fn range_i32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < params.size) {
    output[i] = bitcast<u32>(params.startWhole + i32(i) * params.stepWhole);
  }
}
