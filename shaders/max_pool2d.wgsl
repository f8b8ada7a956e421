// The largest element of each window, and a byte for its tap: where it is in the window. One invocation makes the four
// windows of a word, from one place found by division. KERNEL_SIZE: rows and columns of a window without dilation,
// unrolled; 0 for any window.
//! variant | KERNEL_SIZE=0
//! variant __2x2 | KERNEL_SIZE=2
//! variant __3x3 | KERNEL_SIZE=3
#include "common/indexing"
#include "common/special"
#include "common/windows"

alias x_stored = f32;
alias y_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read_write> y: array<y_stored>;
// Taps, four bytes to a word.
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

// Of the elements of a window the first largest, or the last NaN.
struct Winner {
  value: f32,
  tap: u32,
}

fn wins(value: f32, held: f32) -> bool {
  return is_nan(value) | ((value > held) & !is_nan(held));
}

// Window (oy, ox) of the plane that begins at `base`.
fn winner_of(g: Pool2dParams, base: u32, oy: u32, ox: u32) -> Winner {
  // Of the window's first element; below 0, and so above all sizes, where it lies in the padding.
  let top = oy * g.strideHeight - g.top;
  let left = ox * g.strideWidth - g.left;
#if KERNEL_SIZE
  let row = select(0u, 0u - top, top >= g.height);
  let column = select(0u, 0u - left, left >= g.width);
  var best = Winner(f32(x[base + (top + row) * g.width + left + column]), row * KERNEL_SIZE + column);
#for r in 0..KERNEL_SIZE
  if (top + $r < g.height) {
    let line = base + (top + $r) * g.width + left;
#for c in 0..KERNEL_SIZE
    if (left + $c < g.width) {
      let value = f32(x[line + $c]);
      if (wins(value, best.value)) {
        best = Winner(value, $(KERNEL_SIZE * r + c));
      }
    }
#end
  }
#end
#else
  var best = Winner();
  var found = false;
  for (var r = 0u; r < g.kernelHeight; r++) {
    let iy = top + r * g.dilationHeight;
    if (iy >= g.height) {
      continue;
    }
    for (var c = 0u; c < g.kernelWidth; c++) {
      let ix = left + c * g.dilationWidth;
      if (ix >= g.width) {
        continue;
      }
      let value = f32(x[base + iy * g.width + ix]);
      if (!found || wins(value, best.value)) {
        best = Winner(value, r * g.kernelWidth + c);
        found = true;
      }
    }
  }
#end
  return best;
}

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
  if (word >= (count + 3u) / 4u) {
    return;
  }
  let first = 4u * word;
  let plane = first / size;
  let rest = first - plane * size;
  var oy = rest / g.outWidth;
  var ox = rest - oy * g.outWidth;
  var base = plane * g.height * g.width;
  var taps = 0u;
  for (var k = 0u; k < min(4u, count - first); k++) {
    let best = winner_of(g, base, oy, ox);
    y[first + k] = y_stored(best.value);
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
  named[word] = taps;
}
