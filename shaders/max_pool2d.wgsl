// The largest element of each window, where it is, and the gradient. One invocation per element of the result.
#include "common/indexing"
#include "common/special"
#include "common/windows"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> largest_of: Pool2dParams;

@group(0) @binding(1) var<storage, read_write> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> with_indices: Pool2dParams;

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> keys: array<f32>;
@group(0) @binding(2) var<storage, read_write> selected: array<f32>;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> winners: array<i32>;

// Of the elements of a window the first largest, or the last NaN.
struct Winner {
  value: f32,
  // Within the plane.
  place: u32,
}

fn wins(value: f32, held: f32) -> bool {
  return is_nan(value) || (value > held && !is_nan(held));
}

fn plane_of(g: Pool2dParams, i: u32) -> u32 {
  return i / (g.outHeight * g.outWidth);
}

// The winner of window number i among all of x.
fn winner_of(g: Pool2dParams, i: u32) -> Winner {
  let box = window(g, i / g.outWidth % g.outHeight, i % g.outWidth);
  let base = plane_of(g, i) * g.height * g.width;
  var best = Winner(x[base + box.top * g.width + box.left], box.top * g.width + box.left);
  for (var iy = box.top; iy < box.bottom; iy += g.dilationHeight) {
    for (var ix = box.left; ix < box.right; ix += g.dilationWidth) {
      let value = x[base + iy * g.width + ix];
      if (wins(value, best.value)) {
        best = Winner(value, iy * g.width + ix);
      }
    }
  }
  return best;
}

@compute @workgroup_size(64)
fn max_pool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (plane_of(largest_of, i) < largest_of.planes) {
    y[i] = winner_of(largest_of, i).value;
  }
}

@compute @workgroup_size(64)
fn max_pool2d_places_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (plane_of(largest_of, i) < largest_of.planes) {
    places[i] = i32(winner_of(largest_of, i).place);
  }
}

@compute @workgroup_size(64)
fn max_pool2d_indices_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (plane_of(with_indices, i) < with_indices.planes) {
    let best = winner_of(with_indices, i);
    y[i] = best.value;
    indices[i] = i32(best.place);
  }
}

// y = values where x, here `keys`, is largest first, in each window.
@compute @workgroup_size(64)
fn max_pool2d_select_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = with_indices;
  let i = linear_index(group, local, groups);
  let plane = plane_of(g, i);
  if (plane >= g.planes) {
    return;
  }
  let box = window(g, i / g.outWidth % g.outHeight, i % g.outWidth);
  let base = plane * g.height * g.width;
  var best = base + box.top * g.width + box.left;
  for (var iy = box.top; iy < box.bottom; iy += g.dilationHeight) {
    for (var ix = box.left; ix < box.right; ix += g.dilationWidth) {
      let at = base + iy * g.width + ix;
      if (wins(keys[at], keys[best])) {
        best = at;
      }
    }
  }
  selected[i] = values[best];
}

// dx = sum of dy over the windows that x wins.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = with_indices;
  let i = linear_index(group, local, groups);
  let plane = i / (g.height * g.width);
  if (plane >= g.planes) {
    return;
  }
  let own = i32(i % (g.height * g.width));
  let windows = covering(g, i / g.width % g.height, i % g.width);
  var total = 0.0;
  for (var oy = windows.top; oy < windows.bottom; oy++) {
    for (var ox = windows.left; ox < windows.right; ox++) {
      let o = (plane * g.outHeight + oy) * g.outWidth + ox;
      if (winners[o] == own) {
        total += dy[o];
      }
    }
  }
  selected[i] = total;
}
