// Pooling of `planes` planes [height, width] to [outHeight, outWidth]. Window (oy, ox) covers rows oy
// strideHeight - top + r, r < kernelHeight, and columns likewise, as far as they lie inside; every window
// covers an element. One invocation per element of the output.
#include "common/indexing"

struct Pool2dParams {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  top: u32,
  left: u32,
  countIncludePad: u32,
}

// x and y, as max_pool2d_f32 and avg_pool2d_f32 (dy and dx, as avg_pool2d_backward_f32) have them.
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_values: array<f32>;
@group(0) @binding(2) var<uniform> one_input: Pool2dParams;

// dy or values, x, and dx or y, as max_pool2d_backward_f32 and max_pool2d_select_f32 have them.
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> two_inputs: Pool2dParams;

// Ends of half-open ranges of rows and columns.
struct Box {
  top: u32,
  bottom: u32,
  left: u32,
  right: u32,
}

// The input elements of window (oy, ox).
fn window(g: Pool2dParams, oy: u32, ox: u32) -> Box {
  let y = oy * g.strideHeight;
  let x = ox * g.strideWidth;
  return Box(
    max(y, g.top) - g.top,
    min(y + g.kernelHeight - g.top, g.height),
    max(x, g.left) - g.left,
    min(x + g.kernelWidth - g.left, g.width),
  );
}

// The windows that cover input element (iy, ix).
fn covering(g: Pool2dParams, iy: u32, ix: u32) -> Box {
  let y = iy + g.top;
  let x = ix + g.left;
  return Box(
    (max(y + g.strideHeight, g.kernelHeight) - g.kernelHeight) / g.strideHeight,
    min(y / g.strideHeight + 1u, g.outHeight),
    (max(x + g.strideWidth, g.kernelWidth) - g.kernelWidth) / g.strideWidth,
    min(x / g.strideWidth + 1u, g.outWidth),
  );
}

fn divisor(g: Pool2dParams, box: Box) -> f32 {
  if (g.countIncludePad != 0u) {
    return f32(g.kernelHeight * g.kernelWidth);
  }
  return f32((box.bottom - box.top) * (box.right - box.left));
}

// Index in x of the first largest element of a window, `base` the first of its plane.
fn winner(base: u32, width: u32, box: Box) -> u32 {
  var best = base + box.top * width + box.left;
  var largest = x[best];
  for (var iy = box.top; iy < box.bottom; iy++) {
    for (var ix = box.left; ix < box.right; ix++) {
      let i = base + iy * width + ix;
      if (x[i] > largest) {
        best = i;
        largest = x[i];
      }
    }
  }
  return best;
}

// y = the first largest x in each window.
@compute @workgroup_size(64)
fn max_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = one_input;
  let i = linear_index(group, local, groups);
  let plane = i / (g.outHeight * g.outWidth);
  if (plane >= g.planes) {
    return;
  }
  let box = window(g, i / g.outWidth % g.outHeight, i % g.outWidth);
  let base = plane * g.height * g.width;
  var largest = source[base + box.top * g.width + box.left];
  for (var iy = box.top; iy < box.bottom; iy++) {
    for (var ix = box.left; ix < box.right; ix++) {
      let value = source[base + iy * g.width + ix];
      largest = select(largest, value, value > largest);
    }
  }
  target_values[i] = largest;
}

// y = values where x is largest first, in each window.
@compute @workgroup_size(64)
fn max_pool2d_select_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = two_inputs;
  let i = linear_index(group, local, groups);
  let plane = i / (g.outHeight * g.outWidth);
  if (plane >= g.planes) {
    return;
  }
  let box = window(g, i / g.outWidth % g.outHeight, i % g.outWidth);
  output[i] = source[winner(plane * g.height * g.width, g.width, box)];
}

// dx = sum of dy over the windows that x wins: every invocation looks for the winners of the windows that
// cover its element.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = two_inputs;
  let i = linear_index(group, local, groups);
  let plane = i / (g.height * g.width);
  if (plane >= g.planes) {
    return;
  }
  let windows = covering(g, i / g.width % g.height, i % g.width);
  let base = plane * g.height * g.width;
  var total = 0.0;
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    for (var ox = windows.left; ox < windows.right; ox++) {
      if (winner(base, g.width, window(g, oy, ox)) == i) {
        total += source[(plane * g.outHeight + oy) * g.outWidth + ox];
      }
    }
  }
  output[i] = total;
}

// y = sum of x in each window / divisor: the window's whole size, or without countIncludePad what it covers.
@compute @workgroup_size(64)
fn avg_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = one_input;
  let i = linear_index(group, local, groups);
  let plane = i / (g.outHeight * g.outWidth);
  if (plane >= g.planes) {
    return;
  }
  let box = window(g, i / g.outWidth % g.outHeight, i % g.outWidth);
  let base = plane * g.height * g.width;
  var total = 0.0;
  for (var iy = box.top; iy < box.bottom; iy++) {
    for (var ix = box.left; ix < box.right; ix++) {
      total += source[base + iy * g.width + ix];
    }
  }
  target_values[i] = total / divisor(g, box);
}

// dx = sum of dy / divisor over the windows that cover x.
@compute @workgroup_size(64)
fn avg_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = one_input;
  let i = linear_index(group, local, groups);
  let plane = i / (g.height * g.width);
  if (plane >= g.planes) {
    return;
  }
  let windows = covering(g, i / g.width % g.height, i % g.width);
  var total = 0.0;
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    for (var ox = windows.left; ox < windows.right; ox++) {
      let dy = source[(plane * g.outHeight + oy) * g.outWidth + ox];
      total += dy / divisor(g, window(g, oy, ox));
    }
  }
  target_values[i] = total;
}
