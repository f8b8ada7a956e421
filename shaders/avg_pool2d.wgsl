// The mean of each window, and its gradient. One invocation per element of the result.
#include "common/indexing"
#include "common/windows"

// x and y, or dy and dx.
@group(0) @binding(0) var<storage, read> given: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> params: Pool2dParams;

// Elements of window `out` along one axis, padding among them; in padded coordinates, where it starts at out stride.
fn padded_extent(out: u32, stride: u32, kernel: u32, padded: u32) -> u32 {
  return min(out * stride + kernel, padded) - out * stride;
}

fn divisor(g: Pool2dParams, oy: u32, ox: u32) -> f32 {
  if (g.divisor != 0.0) {
    return g.divisor;
  }
  if (g.countIncludePad != 0u) {
    let rows = padded_extent(oy, g.strideHeight, g.kernelHeight, g.height + 2u * g.top);
    let columns = padded_extent(ox, g.strideWidth, g.kernelWidth, g.width + 2u * g.left);
    return f32(rows * columns);
  }
  let box = window(g, oy, ox);
  return f32((box.bottom - box.top) * (box.right - box.left));
}

// y = sum of x in each window / divisor.
@compute @workgroup_size(64)
fn avg_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let plane = i / (g.outHeight * g.outWidth);
  if (plane >= g.planes) {
    return;
  }
  let oy = i / g.outWidth % g.outHeight;
  let ox = i % g.outWidth;
  let box = window(g, oy, ox);
  let base = plane * g.height * g.width;
  var total = 0.0;
  for (var iy = box.top; iy < box.bottom; iy++) {
    for (var ix = box.left; ix < box.right; ix++) {
      total += given[base + iy * g.width + ix];
    }
  }
  result[i] = total / divisor(g, oy, ox);
}

// dx = sum of dy / divisor over the windows that cover x.
@compute @workgroup_size(64)
fn avg_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let plane = i / (g.height * g.width);
  if (plane >= g.planes) {
    return;
  }
  let windows = covering(g, i / g.width % g.height, i % g.width);
  var total = 0.0;
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    for (var ox = windows.left; ox < windows.right; ox++) {
      total += given[(plane * g.outHeight + oy) * g.outWidth + ox] / divisor(g, oy, ox);
    }
  }
  result[i] = total;
}
