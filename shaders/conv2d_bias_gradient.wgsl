// dbias of conv2d: one workgroup per filter, every invocation takes every 64th pixel of the batch, then a tree. dy counts
// where the mask is not <= 0, if hasMask is not 0. Shapes as in common/conv2d.
#include "common/conv2d"
#include "common/indexing"
#include "common/tree"

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Conv2dParams;

@compute @workgroup_size(64)
fn conv2d_bias_gradient_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let filters = g.groups * g.filters;
  let filter_index = linear_group(group, groups);
  let pixels = g.outHeight * g.outWidth;
  var total = 0.0;
  for (var i = local; i < g.batch * pixels && filter_index < filters; i += 64u) {
    let at = (i / pixels * filters + filter_index) * pixels + i % pixels;
    if (g.hasMask == 0u || !(mask[at] <= 0.0)) {
      total += dy[at];
    }
  }
  let sum = tree_sum(total, local);
  if (local == 0u && filter_index < filters) {
    output[filter_index] = sum;
  }
}
