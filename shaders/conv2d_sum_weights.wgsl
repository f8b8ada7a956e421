// dweight and dbias of conv2d from the parts of each of their sums: one invocation per sum. A filter's row of sums holds its
// taps' and, where there is one more, its bias's.
#include "common/indexing"

struct SumWeightsParams {
  rows: u32,
  columns: u32,
  taps: u32,
  sumStride: u32,
  partStride: u32,
  parts: u32,
}

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> biases: array<f32>;
@group(0) @binding(3) var<uniform> params: SumWeightsParams;

@compute @workgroup_size(64)
fn conv2d_sum_weights_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.rows * params.columns) {
    return;
  }
  let first = i * params.sumStride;
  let step = params.partStride;
  var sums = vec4<f32>();
  var part = 0u;
  for (; part + 4u <= params.parts; part += 4u) {
    let at = first + part * step;
    sums += vec4<f32>(parts[at], parts[at + step], parts[at + 2u * step], parts[at + 3u * step]);
  }
  for (; part < params.parts; part++) {
    sums.x += parts[first + part * step];
  }
  let total = sums.x + sums.y + (sums.z + sums.w);
  let column = i % params.columns;
  if (column < params.taps) {
    weights[i / params.columns * params.taps + column] = total;
  } else {
    biases[i / params.columns] = total;
  }
}
