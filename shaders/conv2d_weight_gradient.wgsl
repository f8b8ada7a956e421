// dweight of conv2d as an implicit matrix product per group, in tiles as in common/tile64: rows are filters,
// columns the taps (channel, r, s), the inner axis the pixels of y over the batch. Shapes as in
// common/conv2d; workgroups over columns, rows, groups.
#include "common/conv2d"
#include "common/tile64"

// dy, x, mask, dweight: dy counts where the mask is not <= 0, if hasMask is not 0.
@group(0) @binding(1) var<storage, read> left_operand: array<f32>;
@group(0) @binding(0) var<storage, read> right_operand: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Conv2dParams;

// Of this invocation's four filters: the plane in dy's first image, and which exist.
var<private> left_plane: vec4<u32>;
var<private> left_inside: vec4<bool>;
// Of its four taps: the plane in x's first image, and the distance from tap (0, 0).
var<private> tap_plane: vec4<u32>;
var<private> tap_y: vec4<u32>;
var<private> tap_x: vec4<u32>;

fn through(at: vec4<u32>, inside: vec4<bool>) -> vec4<bool> {
  if (params.hasMask == 0u) {
    return inside;
  }
  let first = select(vec4<u32>(), at, inside);
  let values = vec4<f32>(mask[first.x], mask[first.y], mask[first.z], mask[first.w]);
  return inside & !(values <= vec4<f32>());
}

fn load_left(k: u32) -> vec4<f32> {
  let size = params.outHeight * params.outWidth;
  let image = k / size;
  let at = (image * params.groups * params.filters + left_plane) * size + k % size;
  return gather_left(at, through(at, left_inside & vec4<bool>(image < params.batch)));
}

fn load_right(k: u32) -> vec4<f32> {
  let row = k / params.outWidth;
  let image = row / params.outHeight;
  let y = row % params.outHeight * params.strideHeight - u32(params.top) + tap_y;
  let x = k % params.outWidth * params.strideWidth - u32(params.left) + tap_x;
  let inside = (y < vec4<u32>(params.height)) & (x < vec4<u32>(params.width));
  let plane = image * params.groups * params.channels + tap_plane;
  let at = (plane * params.height + y) * params.width + x;
  return gather_right(at, inside & vec4<bool>(image < params.batch));
}

fn store_row(row: u32, group: u32, columns: vec4<u32>, values: vec4<f32>) {
  let taps = params.channels * params.kernelHeight * params.kernelWidth;
  let inside = (columns < vec4<u32>(taps)) & vec4<bool>(row < params.filters);
  scatter((group * params.filters + row) * taps + columns, inside, values);
}

@compute @workgroup_size(16, 16)
fn conv2d_weight_gradient_f32__64x64(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let place = loader(local, true);
  let filters = quad_of(group.y, place.quad);
  left_plane = group.z * params.filters + filters;
  left_inside = filters < vec4<u32>(params.filters);
  let area = params.kernelHeight * params.kernelWidth;
  let taps = quad_of(group.x, place.quad);
  let index = taps % area;
  let channel = taps / area;
  tap_plane = group.z * params.channels + channel;
  tap_y = select(
    vec4<u32>(OUTSIDE),
    index / params.kernelWidth * params.dilationHeight,
    channel < vec4<u32>(params.channels),
  );
  tap_x = index % params.kernelWidth * params.dilationWidth;
  let tile = multiply_tile(params.batch * params.outHeight * params.outWidth, local, place, place);
  let row = quad_of(group.y, local / 16u).x;
  let columns = quad_of(group.x, local % 16u);
  store_row(row, group.z, columns, tile.row0);
  store_row(row + 1u, group.z, columns, tile.row1);
  store_row(row + 2u, group.z, columns, tile.row2);
  store_row(row + 3u, group.z, columns, tile.row3);
}
