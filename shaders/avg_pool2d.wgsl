// The mean of each window, and its gradient: one invocation per window, or per block of two by two elements.
#include "common/indexing"
#include "common/windows"
#include "common/window_blocks"

// x and y, or dy and dx.
@group(0) @binding(0) var<storage, read> given: array<given_stored>;
@group(0) @binding(1) var<storage, read_write> result: array<result_stored>;
@group(0) @binding(2) var<uniform> params: Pool2dParams;

// Of a window along one axis the first element, the end, and how many count.
fn along(g: Pool2dParams, out: u32, down: bool) -> vec3<u32> {
  let size = select(g.width, g.height, down);
  if (g.adaptive != 0u) {
    let outs = select(g.outWidth, g.outHeight, down);
    let first = adaptive_first(out, size, outs);
    let end = adaptive_end(out, size, outs);
    return vec3<u32>(first, end, end - first);
  }
  let before = select(g.left, g.top, down);
  let start = out * select(g.strideWidth, g.strideHeight, down);
  let last = start + select(g.kernelWidth, g.kernelHeight, down);
  let first = max(start, before) - before;
  let end = min(last - before, size);
  let padded = min(last, size + 2u * before) - start;
  return vec3<u32>(first, end, select(end - first, padded, g.countIncludePad != 0u));
}

// What a sum is multiplied by.
fn share_of(g: Pool2dParams, rows: u32, columns: u32) -> f32 {
  return 1.0 / select(g.divisor, f32(rows * columns), g.divisor == 0.0);
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
  let row = i / g.outWidth;
  let plane = row / g.outHeight;
  if (plane >= g.planes) {
    return;
  }
  let oy = row - plane * g.outHeight;
  let ox = i - row * g.outWidth;
  let rows = along(g, oy, true);
  let columns = along(g, ox, false);
  var total = 0.0;
  for (var iy = rows.x; iy < rows.y; iy++) {
    let line = (plane * g.height + iy) * g.width;
    for (var ix = columns.x; ix < columns.y; ix++) {
      total += f32(given[line + ix]);
    }
  }
  result[i] = result_stored(total * share_of(g, rows.z, columns.z));
}

// dx = sum of dy / divisor over the windows that cover x.
@compute @workgroup_size(64)
fn avg_pool2d_backward_f32(
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
  var above = vec2<f32>();
  var below = vec2<f32>();
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    let rows = along(g, oy, true);
    let line = (tile.plane * g.outHeight + oy) * g.outWidth;
    var total = vec2<f32>();
    for (var ox = windows.left; ox < windows.right; ox++) {
      let columns = along(g, ox, false);
      let share = f32(given[line + ox]) * share_of(g, rows.z, columns.z);
      if (tile.x >= columns.x) {
        total.x += select(0.0, share, tile.x < columns.y);
      }
      total.y += select(0.0, share, tile.x + 1u < columns.y);
    }
    if (tile.y >= rows.x && tile.y < rows.y) {
      above += total;
    }
    if (tile.y + 1u >= rows.x && tile.y + 1u < rows.y) {
      below += total;
    }
  }
  write_block(tile, vec4(above, below));
}
