// Where the largest element of each window lies in its plane, and the gradients of max pooling.
#include "common/indexing"
#include "common/special"
#include "common/windows"

alias x_stored = f32;
alias y_stored = f32;
alias given_stored = f32;
alias result_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read_write> y: array<y_stored>;
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

// dy and dx, or values and y.
@group(0) @binding(0) var<storage, read> given: array<given_stored>;
// Taps, four bytes to a word, or indices in planes.
@group(0) @binding(1) var<storage, read> winners: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<result_stored>;

fn wins(value: f32, held: f32) -> bool {
  return is_nan(value) | ((value > held) & !is_nan(held));
}

// y, and where in its plane each was found: of the elements of a window the first largest, or the last NaN.
@compute @workgroup_size(64)
fn max_pool2d_indices_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let row = i / g.outWidth;
  let plane = row / g.outHeight;
  if (plane >= g.planes) {
    return;
  }
  let box = window(g, row - plane * g.outHeight, i - row * g.outWidth);
  let base = plane * g.height * g.width;
  var place = box.top * g.width + box.left;
  var best = f32(x[base + place]);
  for (var iy = box.top; iy < box.bottom; iy += g.dilationHeight) {
    for (var ix = box.left; ix < box.right; ix += g.dilationWidth) {
      let value = f32(x[base + iy * g.width + ix]);
      if (wins(value, best)) {
        best = value;
        place = iy * g.width + ix;
      }
    }
  }
  y[i] = y_stored(best);
  named[i] = place;
}

// The index in its plane of the winner of window i, (oy, ox); what names no element of the plane is at least its size.
// A tap is taken apart by a product: with 255 at most it is exact.
fn place_of(g: Pool2dParams, i: u32, oy: u32, ox: u32, inverse: u32) -> u32 {
  if (g.words != 0u) {
    return winners[i];
  }
  let tap = (winners[i / 4u] >> (8u * (i % 4u))) & 255u;
  let r = (tap * inverse) >> 16u;
  let c = tap - r * g.kernelWidth;
  let row = oy * g.strideHeight + r * g.dilationHeight - g.top;
  let column = ox * g.strideWidth + c * g.dilationWidth - g.left;
  return select(0xffffffffu, row * g.width + column, r < g.kernelHeight);
}

// 2^16 / kernelWidth, rounded up.
fn inverse_width() -> u32 {
  return (params.kernelWidth + 65535u) / params.kernelWidth;
}

fn write_block(tile: Block, total: vec4<f32>) {
  let at = (tile.plane * params.height + tile.y) * params.width + tile.x;
  let right = tile.x + 1u < params.width;
  let below = tile.y + 1u < params.height;
  result[at] = result_stored(total.x);
  if (right) {
    result[at + 1u] = result_stored(total.y);
  }
  if (below) {
    result[at + params.width] = result_stored(total.z);
  }
  if (right && below) {
    result[at + params.width + 1u] = result_stored(total.w);
  }
}

// y = values at the winner of each window.
@compute @workgroup_size(64)
fn max_pool2d_select_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let row = i / g.outWidth;
  let plane = row / g.outHeight;
  if (plane >= g.planes) {
    return;
  }
  let size = g.height * g.width;
  let place = place_of(g, i, row - plane * g.outHeight, i - row * g.outWidth, inverse_width());
  result[i] = result_stored(select(0.0, f32(given[plane * size + min(place, size - 1u)]), place < size));
}

// dx = sum of dy over the windows that x wins, looked for among those round a block of four elements.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let tile = block_of(g, linear_index(group, local, groups));
  if (tile.plane >= g.planes) {
    return;
  }
  let windows = covering_block(g, tile);
  let inverse = inverse_width();
  let first = tile.y * g.width + tile.x;
  let places = vec4(first, first + 1u, first + g.width, first + g.width + 1u);
  var total = vec4<f32>();
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    let line = (tile.plane * g.outHeight + oy) * g.outWidth;
    for (var ox = windows.left; ox < windows.right; ox++) {
      let place = place_of(g, line + ox, oy, ox, inverse);
      total += select(vec4<f32>(), vec4(f32(given[line + ox])), places == vec4(place));
    }
  }
  write_block(tile, total);
}
