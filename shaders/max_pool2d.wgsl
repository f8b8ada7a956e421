// The largest element of each window, where it is, and the gradient. One invocation per element of the result.
#include "common/indexing"
#include "common/special"
#include "common/windows"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
// Taps, four bytes to a word, or indices in planes.
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

// dy and dx, or values and y.
@group(0) @binding(0) var<storage, read> given: array<f32>;
@group(0) @binding(1) var<storage, read> winners: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;

// Of the elements of a window the first largest, or the last NaN.
struct Winner {
  value: f32,
  // Within the plane.
  place: u32,
  // Within the window.
  tap: u32,
}

fn wins(value: f32, held: f32) -> bool {
  return is_nan(value) || (value > held && !is_nan(held));
}

fn plane_of(g: Pool2dParams, i: u32) -> u32 {
  return i / (g.outHeight * g.outWidth);
}

// The winner of window number i among all of x.
fn winner_of(g: Pool2dParams, i: u32) -> Winner {
  let oy = i / g.outWidth % g.outHeight;
  let ox = i % g.outWidth;
  let box = window(g, oy, ox);
  let base = plane_of(g, i) * g.height * g.width;
  var best = Winner(x[base + box.top * g.width + box.left], box.top * g.width + box.left, 0u);
  var at = vec2(box.top, box.left);
  for (var iy = box.top; iy < box.bottom; iy += g.dilationHeight) {
    for (var ix = box.left; ix < box.right; ix += g.dilationWidth) {
      let value = x[base + iy * g.width + ix];
      if (wins(value, best.value)) {
        best = Winner(value, iy * g.width + ix, 0u);
        at = vec2(iy, ix);
      }
    }
  }
  let steps = (at + vec2(g.top, g.left) - vec2(oy, ox) * vec2(g.strideHeight, g.strideWidth)) /
    vec2(g.dilationHeight, g.dilationWidth);
  best.tap = steps.x * g.kernelWidth + steps.y;
  return best;
}

// y, and a byte for each winner's tap. One invocation per word.
@compute @workgroup_size(64)
fn max_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let word = linear_index(group, local, groups);
  let count = params.planes * params.outHeight * params.outWidth;
  if (word >= (count + 3u) / 4u) {
    return;
  }
  var taps = 0u;
  for (var k = 0u; k < min(4u, count - 4u * word); k++) {
    let best = winner_of(params, 4u * word + k);
    y[4u * word + k] = best.value;
    taps |= best.tap << (8u * k);
  }
  named[word] = taps;
}

// y, and where in its plane each was found.
@compute @workgroup_size(64)
fn max_pool2d_indices_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (plane_of(params, i) < params.planes) {
    let best = winner_of(params, i);
    y[i] = best.value;
    named[i] = best.place;
  }
}

// The index in its plane of the winner of window number i; what names no element of the plane is at least its size.
fn place_of(g: Pool2dParams, i: u32) -> u32 {
  if (g.words != 0u) {
    return winners[i];
  }
  let tap = (winners[i / 4u] >> (8u * (i % 4u))) & 255u;
  if (tap >= g.kernelHeight * g.kernelWidth) {
    return 0xffffffffu;
  }
  let row = i / g.outWidth % g.outHeight * g.strideHeight + tap / g.kernelWidth * g.dilationHeight;
  let column = i % g.outWidth * g.strideWidth + tap % g.kernelWidth * g.dilationWidth;
  return (row - g.top) * g.width + column - g.left;
}

// y = values at the winner of each window.
@compute @workgroup_size(64)
fn max_pool2d_select_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  let plane = plane_of(params, i);
  if (plane >= params.planes) {
    return;
  }
  let size = params.height * params.width;
  let place = place_of(params, i);
  result[i] = select(0.0, given[plane * size + min(place, size - 1u)], place < size);
}

// dx = sum of dy over the windows that x wins, looked for among those round it.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let size = g.height * g.width;
  let plane = i / size;
  if (plane >= g.planes) {
    return;
  }
  let windows = covering(g, i / g.width % g.height, i % g.width);
  var total = 0.0;
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    for (var ox = windows.left; ox < windows.right; ox++) {
      let o = (plane * g.outHeight + oy) * g.outWidth + ox;
      if (place_of(g, o) == i % size) {
        total += given[o];
      }
    }
  }
  result[i] = total;
}
