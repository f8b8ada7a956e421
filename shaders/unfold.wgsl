// Windows of images [planes, height, width] as columns [planes, kernelHeight, kernelWidth, outHeight,
// outWidth], and back. Element (r, s) of window (oy, ox) is the image's row oy strideHeight - top + r
// dilationHeight, and column likewise.
#include "common/indexing"

struct UnfoldParams {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  top: u32,
  left: u32,
}

alias x_stored = f32;
alias output_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(2) var<uniform> params: UnfoldParams;

// Columns of x, 0 over the edge; one invocation per element.
@compute @workgroup_size(64)
fn unfold_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let row = i / g.outWidth;
  let tap = row / g.outHeight;
  let plane = tap / g.kernelWidth / g.kernelHeight;
  if (plane >= g.planes) {
    return;
  }
  // What lies before the image wraps round to a large number.
  let image_y = row % g.outHeight * g.strideHeight + tap / g.kernelWidth % g.kernelHeight * g.dilationHeight - g.top;
  let image_x = i % g.outWidth * g.strideWidth + tap % g.kernelWidth * g.dilationWidth - g.left;
  var value = 0.0;
  if (image_y < g.height && image_x < g.width) {
    value = f32(x[(plane * g.height + image_y) * g.width + image_x]);
  }
  output[i] = output_stored(value);
}

// The sum of all columns' elements that lie on one of the image, in the order of the kernel's elements; one
// invocation per element of the image.
@compute @workgroup_size(64)
fn fold_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let plane = i / g.width / g.height;
  if (plane >= g.planes) {
    return;
  }
  let padded_y = i / g.width % g.height + g.top;
  let padded_x = i % g.width + g.left;
  var total = 0.0;
  for (var r = 0u; r < g.kernelHeight; r++) {
    let from_y = padded_y - r * g.dilationHeight;
    let oy = from_y / g.strideHeight;
    if (oy >= g.outHeight || oy * g.strideHeight != from_y) {
      continue;
    }
    for (var s = 0u; s < g.kernelWidth; s++) {
      let from_x = padded_x - s * g.dilationWidth;
      let ox = from_x / g.strideWidth;
      if (ox < g.outWidth && ox * g.strideWidth == from_x) {
        total += f32(x[(((plane * g.kernelHeight + r) * g.kernelWidth + s) * g.outHeight + oy) * g.outWidth + ox]);
      }
    }
  }
  output[i] = output_stored(total);
}
