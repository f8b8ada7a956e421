// Convolution with one channel in each group, and both of its gradients, where tiles of a matrix product would
// be almost empty. Shapes as in common/conv2d, with channels = 1.
#include "common/conv2d"
#include "common/indexing"
#include "common/tree"

// x or dy, weight or dy, the mask of dy, and the result: dy counts where the mask is not <= 0, if hasMask is not 0.
@group(0) @binding(0) var<storage, read> left: array<f32>;
@group(0) @binding(1) var<storage, read> right: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<uniform> gradient_params: Conv2dParams;

// x, weight, bias, y: bias [groups filters] is read if hasBias is not 0.
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Conv2dParams;

// One invocation per element of y.
@compute @workgroup_size(64)
fn conv2d_f32__depthwise(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let plane = i / g.outWidth / g.outHeight;
  let filters = g.groups * g.filters;
  if (plane >= g.batch * filters) {
    return;
  }
  // What lies before the image wraps round to a large number.
  let first_y = i / g.outWidth % g.outHeight * g.strideHeight - u32(g.top);
  let first_x = i % g.outWidth * g.strideWidth - u32(g.left);
  let image = plane / g.filters * g.height;
  let filter_index = plane % filters;
  let taps = filter_index * g.kernelHeight * g.kernelWidth;
  var total = 0.0;
  for (var r = 0u; r < g.kernelHeight; r++) {
    let y = first_y + r * g.dilationHeight;
    if (y >= g.height) {
      continue;
    }
    for (var s = 0u; s < g.kernelWidth; s++) {
      let x = first_x + s * g.dilationWidth;
      if (x < g.width) {
        total += right[taps + r * g.kernelWidth + s] * left[(image + y) * g.width + x];
      }
    }
  }
  if (g.hasBias != 0u) {
    total += bias[filter_index];
  }
  output[i] = select(total, 0.0, g.activation == 1u && total <= 0.0);
}

// Whether element `at` of dy counts.
fn counts(at: u32) -> bool {
  return gradient_params.hasMask == 0u || !(mask[at] <= 0.0);
}

// dx of dy and weight: one invocation per element of dx.
@compute @workgroup_size(64)
fn conv2d_input_gradient_f32__depthwise(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = gradient_params;
  let i = linear_index(group, local, groups);
  let plane = i / g.width / g.height;
  if (plane >= g.batch * g.groups) {
    return;
  }
  let padded_y = i / g.width % g.height + u32(g.top);
  let padded_x = i % g.width + u32(g.left);
  let area = g.kernelHeight * g.kernelWidth;
  var total = 0.0;
  for (var k = 0u; k < g.filters * area; k++) {
    let tap = tap_of(g, k);
    let from_y = padded_y - tap.y;
    let from_x = padded_x - tap.x;
    let y = from_y / g.strideHeight;
    let x = from_x / g.strideWidth;
    let whole = y * g.strideHeight == from_y && x * g.strideWidth == from_x;
    if (whole && y < g.outHeight && x < g.outWidth) {
      let at = ((plane * g.filters + tap.plane) * g.outHeight + y) * g.outWidth + x;
      if (counts(at)) {
        total += right[plane % g.groups * g.filters * area + k] * left[at];
      }
    }
  }
  gradient[i] = total;
}

// dweight of x and dy: one workgroup per tap, every invocation takes every 64th pixel, then a tree.
@compute @workgroup_size(64)
fn conv2d_weight_gradient_f32__depthwise(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = gradient_params;
  let tap = linear_group(group, groups);
  let area = g.kernelHeight * g.kernelWidth;
  let filters = g.groups * g.filters;
  let filter_index = min(tap / area, filters - 1u);
  let down = tap_of(g, tap % area).y - u32(g.top);
  let across = tap_of(g, tap % area).x - u32(g.left);
  let pixels = g.outHeight * g.outWidth;
  var total = 0.0;
  for (var i = local; i < g.batch * pixels; i += 64u) {
    let image = i / pixels;
    let y = i / g.outWidth % g.outHeight * g.strideHeight + down;
    let x = i % g.outWidth * g.strideWidth + across;
    if (y < g.height && x < g.width) {
      let plane = image * g.groups + filter_index / g.filters;
      let at = (image * filters + filter_index) * pixels + i % pixels;
      if (counts(at)) {
        total += right[at] * left[(plane * g.height + y) * g.width + x];
      }
    }
  }
  let sum = tree_sum(total, local);
  if (local == 0u && tap < filters * area) {
    gradient[tap] = sum;
  }
}
