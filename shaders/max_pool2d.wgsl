// The largest element of each window, and its tap, where it is in the window, four bytes to a word; for any window (with
// params.words) its index in the plane instead. One invocation makes four windows, from one place found by division.
// KERNEL_SIZE: rows and columns of windows without dilation, unrolled, the four side by side in vectors and without a
// branch; 0 for any window.
//! params max_pool2d_indices_f32 : Pool2dParams
//! variant | KERNEL_SIZE=0
//! variant __2x2 | KERNEL_SIZE=2
//! variant __3x3 | KERNEL_SIZE=3
#include "common/indexing"
#include "common/windows"
#include "common/winners"

@group(0) @binding(0) var<storage, read> x: array<given_stored>;
@group(0) @binding(1) var<storage, read_write> y: array<result_stored>;
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

#if KERNEL_SIZE
// Whether windows reach past the plane.
override EDGES = true;
#else
// The winner of a window of the plane that begins at `base`: its tap, its index in the plane.
struct Place {
  value: f32,
  tap: u32,
  index: u32,
}

fn winner_of(g: Pool2dParams, base: u32, oy: u32, ox: u32) -> Place {
  let box = window(g, oy, ox);
  // Rows and columns that the padding has of the window.
  let above = (box.top + g.top - oy * g.strideHeight) / g.dilationHeight;
  let before = (box.left + g.left - ox * g.strideWidth) / g.dilationWidth;
  var best = Place(f32(x[base + box.top * g.width + box.left]), 0u, 0u);
  var found = false;
  var line = above * g.kernelWidth + before;
  for (var iy = box.top; iy < box.bottom; iy += g.dilationHeight) {
    var tap = line;
    for (var ix = box.left; ix < box.right; ix += g.dilationWidth) {
      let index = iy * g.width + ix;
      let value = f32(x[base + index]);
      if (!found || is_nan(value) || (value > best.value && !is_nan(best.value))) {
        best = Place(value, tap, index);
        found = true;
      }
      tap++;
    }
    line += g.kernelWidth;
  }
  return best;
}
#end

@compute @workgroup_size(64)
fn max_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let word = linear_index(group, local, groups);
  let size = g.outHeight * g.outWidth;
  let count = g.planes * size;
  let first = 4u * word;
  if (first >= count) {
    return;
  }
  let plane = first / size;
  let rest = first - plane * size;
  var oy = rest / g.outWidth;
  var ox = rest - oy * g.outWidth;
  var base = plane * g.height * g.width;
#if KERNEL_SIZE
  // Of each window's first element; below 0, and so above all sizes, where it lies in the padding.
  var top = vec4<u32>();
  var left = vec4<u32>();
  var at = vec4<u32>();
#for k in 0..4
  top.$k = oy * g.strideHeight - g.top;
  left.$k = ox * g.strideWidth - g.left;
  at.$k = base + top.$k * g.width + left.$k;
  ox++;
  if (ox == g.outWidth) {
    ox = 0u;
    oy++;
  }
  if (oy == g.outHeight) {
    oy = 0u;
    base += g.height * g.width;
  }
#end
  let lowest = vec4(-infinity());
  var best = Winners(lowest, vec4<u32>(), vec4<bool>());
  if (EDGES) {
    let row = select(vec4<u32>(), vec4(0u) - top, top >= vec4(g.height));
    let column = select(vec4<u32>(), vec4(0u) - left, left >= vec4(g.width));
    best.tap = row * KERNEL_SIZE + column;
  }
#for r in 0..KERNEL_SIZE
  let line$r = at + $(r)u * g.width;
#for c in 0..KERNEL_SIZE
  {
    let i = line$r + $(c)u;
    var value = vec4<f32>(vec4(x[i.x], x[i.y], x[i.z], x[i.w]));
    if (EDGES) {
      value = select(lowest, value, (top + $(r)u < vec4(g.height)) & (left + $(c)u < vec4(g.width)));
    }
    best = won(best, value, $(KERNEL_SIZE * r + c)u);
  }
#end
#end
#for k in 0..4
  if (first + $(k)u < count) {
    y[first + $(k)u] = result_stored(best.value.$k);
  }
#end
  // Zeros past the last window.
  named[word] = packed(best.tap) & (0xffffffffu >> (32u - 8u * min(4u, count - first)));
#else
  var taps = 0u;
  for (var k = 0u; k < min(4u, count - first); k++) {
    let best = winner_of(g, base, oy, ox);
    y[first + k] = result_stored(best.value);
    if (g.words != 0u) {
      named[first + k] = best.index;
    }
    taps |= best.tap << (8u * k);
    ox++;
    if (ox == g.outWidth) {
      ox = 0u;
      oy++;
    }
    if (oy == g.outHeight) {
      oy = 0u;
      base += g.height * g.width;
    }
  }
  if (g.words == 0u) {
    named[word] = taps;
  }
#end
}
