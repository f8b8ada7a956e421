// The gradients of max pooling, by taps, four bytes to a word, or (params.words) by indices in planes.
#include "common/indexing"
#include "common/windows"
#include "common/window_blocks"

// dy and dx, or values and y.
@group(0) @binding(0) var<storage, read> given: array<given_stored>;
@group(0) @binding(1) var<storage, read> winners: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<result_stored>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

fn tap_of(i: u32) -> u32 {
  return (winners[i / 4u] >> (8u * (i % 4u))) & 255u;
}

// The index in its plane of the winner of window i, (oy, ox); what names no element of the plane is at least its size.
// A tap is taken apart by a product: with 255 at most it is exact.
fn place_of(g: Pool2dParams, i: u32, oy: u32, ox: u32, inverse: u32) -> u32 {
  if (g.words != 0u) {
    return winners[i];
  }
  let tap = tap_of(i);
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
  let tile = block_of(g, linear_index(group, local, groups), vec2<u32>());
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

// The same by taps, for steps of two and windows of up to four rows and columns without dilation: blocks begin where windows
// do, so that up to two by two windows cover one, and its elements are the same taps of them in every block.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32__steps(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let before = vec2<u32>(g.top, g.left) & vec2(1u);
  let tile = block_of(g, linear_index(group, local, groups), before);
  if (tile.plane >= g.planes) {
    return;
  }
  // The window that begins with the block, and those before it.
  let oy = (tile.y + g.top) / 2u;
  let ox = (tile.x + g.left) / 2u;
  let none = 256u;
  var total = vec4<f32>();
#for r in 0..2
  if ($(2 * r)u < g.kernelHeight) {
    let line = (tile.plane * g.outHeight + oy - $(r)u) * g.outWidth;
    let above = $(2 * r)u * g.kernelWidth;
    let below = select(none, above + g.kernelWidth, $(2 * r + 1)u < g.kernelHeight);
#for c in 0..2
    if ($(2 * c)u < g.kernelWidth) {
      let i = line + ox - $(c)u;
      let inside = oy - $(r)u < g.outHeight && ox - $(c)u < g.outWidth;
      let tap = select(none - 1u, tap_of(i), inside);
      let right = select(none, 1u, $(2 * c + 1)u < g.kernelWidth);
      let taps = $(2 * c)u + vec4(above, above + right, below, below + right);
      total += select(vec4<f32>(), vec4(f32(given[i])), taps == vec4(tap));
    }
#end
  }
#end
  write_block(tile, total);
}
