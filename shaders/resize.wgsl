// Images [planes, height, width] at another size [planes, outHeight, outWidth]. Along an axis output i reads
// element floor(i scale); or, where linear, the element at (step i + start) / per, not below 0, in whole
// numbers of at most 31 bits, and the next one.
#include "common/indexing"

struct ResizeParams {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  rowStep: i32,
  rowStart: i32,
  rowPer: i32,
  columnStep: i32,
  columnStart: i32,
  columnPer: i32,
  rowScale: f32,
  columnScale: f32,
  linearRows: u32,
  linearColumns: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: ResizeParams;

struct Axis {
  size: i32,
  out_size: i32,
  step: i32,
  start: i32,
  per: i32,
  scale: f32,
  linear: bool,
}

fn rows_of(g: ResizeParams) -> Axis {
  return Axis(i32(g.height), i32(g.outHeight), g.rowStep, g.rowStart, g.rowPer, g.rowScale, g.linearRows != 0u);
}

fn columns_of(g: ResizeParams) -> Axis {
  let linear = g.linearColumns != 0u;
  return Axis(i32(g.width), i32(g.outWidth), g.columnStep, g.columnStart, g.columnPer, g.columnScale, linear);
}

// Two neighbours and their weights.
struct Place {
  lower: i32,
  upper: i32,
  lower_weight: f32,
  upper_weight: f32,
}

fn nearest_of(axis: Axis, i: i32) -> i32 {
  return min(i32(floor(f32(i) * axis.scale)), axis.size - 1);
}

fn locate(axis: Axis, i: i32) -> Place {
  if (!axis.linear) {
    let nearest = nearest_of(axis, i);
    return Place(nearest, nearest, 1.0, 0.0);
  }
  let at = max(axis.step * i + axis.start, 0);
  let lower = min(at / axis.per, axis.size - 1);
  let rest = min(at - lower * axis.per, axis.per);
  let per = f32(axis.per);
  return Place(lower, min(lower + 1, axis.size - 1), f32(axis.per - rest) / per, f32(rest) / per);
}

// x of one row at the place of a column.
fn along(row: i32, place: Place, linear: bool) -> f32 {
  let value = x[row + place.lower];
  if (!linear) {
    return value;
  }
  return place.lower_weight * value + place.upper_weight * x[row + place.upper];
}

// One invocation per element of the output.
@compute @workgroup_size(64)
fn resize_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let g = params;
  let i = linear_index(group, local, groups);
  let plane = i / g.outWidth / g.outHeight;
  if (plane >= g.planes) {
    return;
  }
  let rows = rows_of(g);
  let columns = columns_of(g);
  let row = locate(rows, i32(i / g.outWidth % g.outHeight));
  let column = locate(columns, i32(i % g.outWidth));
  let base = i32(plane) * rows.size;
  var value = along((base + row.lower) * columns.size, column, columns.linear);
  if (rows.linear) {
    let below = along((base + row.upper) * columns.size, column, columns.linear);
    value = row.lower_weight * value + row.upper_weight * below;
  }
  output[i] = value;
}

// The first output that stands at or beyond element `at`.
fn first_from(axis: Axis, at: i32) -> i32 {
  let distance = at * axis.per - axis.start;
  if (at <= 0 || distance <= 0) {
    return 0;
  }
  if (axis.step == 0) {
    return axis.out_size;
  }
  return min((distance + axis.step - 1) / axis.step, axis.out_size);
}

// The outputs that read element `at`: first, and one past the last.
fn readers(axis: Axis, at: i32) -> vec2<i32> {
  if (!axis.linear) {
    return nearest_readers(axis, at);
  }
  let first = first_from(axis, at - 1);
  if (at == axis.size - 1) {
    return vec2<i32>(first, axis.out_size);
  }
  return vec2<i32>(first, first_from(axis, at + 1));
}

// The same for nearest elements: a range that is surely wide enough, made narrower.
fn nearest_readers(axis: Axis, at: i32) -> vec2<i32> {
  let margin = 2 + (axis.out_size >> 20u);
  var first = clamp(i32(f32(at) / axis.scale) - margin, 0, axis.out_size);
  var last = min(i32(f32(at + 1) / axis.scale) + margin, axis.out_size);
  if (at == axis.size - 1) {
    last = axis.out_size;
  }
  while (first < last && nearest_of(axis, first) < at) {
    first++;
  }
  while (last > first && nearest_of(axis, last - 1) > at) {
    last--;
  }
  return vec2<i32>(first, last);
}

// What output i takes of element `at`.
fn weight_of(axis: Axis, i: i32, at: i32) -> f32 {
  let place = locate(axis, i);
  return select(0.0, place.lower_weight, place.lower == at) + select(0.0, place.upper_weight, place.upper == at);
}

// dx, with dy as x: the sum over the outputs that read an element, in their order; one invocation per element
// of dx.
@compute @workgroup_size(64)
fn resize_backward_f32(
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
  let rows = rows_of(g);
  let columns = columns_of(g);
  let row = i32(i / g.width % g.height);
  let column = i32(i % g.width);
  let down = readers(rows, row);
  let across = readers(columns, column);
  var total = 0.0;
  for (var oy = down.x; oy < down.y; oy++) {
    let row_weight = weight_of(rows, oy, row);
    let line = (i32(plane) * rows.out_size + oy) * columns.out_size;
    for (var ox = across.x; ox < across.y; ox++) {
      total += row_weight * weight_of(columns, ox, column) * x[line + ox];
    }
  }
  output[i] = total;
}
