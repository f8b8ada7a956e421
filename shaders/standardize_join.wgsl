// dweight and dbias of standardize.wgsl from the sums that parts left: [parts, dweight and dbias, channels], or by rows over
// the batch [channels, parts, dbias and dweight]. One invocation per channel.
#include "common/indexing"

struct StandardizeJoinParams {
  channels: u32,
  parts: u32,
  byRow: u32,
}

@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<uniform> params: StandardizeJoinParams;

@compute @workgroup_size(64)
fn standardize_join_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let channel = linear_index(group, local, groups);
  let channels = params.channels;
  if (channel >= channels) {
    return;
  }
  let byRow = params.byRow != 0u;
  let first = select(channel, 2u * channel * params.parts + 1u, byRow);
  let other = select(channel + channels, 2u * channel * params.parts, byRow);
  let step = select(2u * channels, 2u, byRow);
  var dot = 0.0;
  var total = 0.0;
  for (var part = 0u; part < params.parts; part++) {
    dot += sums[first + part * step];
    total += sums[other + part * step];
  }
  dweight[channel] = dot;
  dbias[channel] = total;
}
