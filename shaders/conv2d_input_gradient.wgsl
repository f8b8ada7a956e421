// dx of conv2d as an implicit matrix product per group, in tiles as in common/tile64: rows are channels,
// columns the pixels of dx over the batch, the inner axis (filter, r, s). Pixel (y, x) and tap (r, s) meet at
// dy's row (y + top - r dilationHeight) / strideHeight, if that is whole, and column likewise. Shapes as in
// common/conv2d; workgroups over columns, rows, groups.
#include "common/conv2d"
#include "common/tile64"

// weight, dy, mask, dx: dy counts where the mask is not <= 0, if hasMask is not 0.
@group(0) @binding(1) var<storage, read> left_operand: array<f32>;
@group(0) @binding(0) var<storage, read> right_operand: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Conv2dParams;

// Of this invocation's four channels: tap 0 of the group's first filter, and which exist.
var<private> left_start: vec4<u32>;
var<private> left_inside: vec4<bool>;
// Of its four pixels: the image in dy, and the place in padded x.
var<private> image: vec4<u32>;
var<private> padded_y: vec4<u32>;
var<private> padded_x: vec4<u32>;

fn load_left(k: u32) -> vec4<f32> {
  let area = params.kernelHeight * params.kernelWidth;
  let plane = k / area;
  let at = left_start + plane * params.channels * area + k % area;
  return gather_left(at, left_inside & vec4<bool>(plane < params.filters));
}

fn divide(values: vec4<u32>, by: u32) -> vec4<u32> {
  if (by == 1u) {
    return values;
  }
  return values / by;
}

fn through(at: vec4<u32>, inside: vec4<bool>) -> vec4<bool> {
  if (params.hasMask == 0u) {
    return inside;
  }
  let first = select(vec4<u32>(), at, inside);
  let values = vec4<f32>(mask[first.x], mask[first.y], mask[first.z], mask[first.w]);
  return inside & !(values <= vec4<f32>());
}

fn load_right(k: u32) -> vec4<f32> {
  let tap = tap_of(params, k);
  let from_y = padded_y - tap.y;
  let from_x = padded_x - tap.x;
  let y = divide(from_y, params.strideHeight);
  let x = divide(from_x, params.strideWidth);
  let whole = (y * params.strideHeight == from_y) & (x * params.strideWidth == from_x);
  let inside = (y < vec4<u32>(params.outHeight)) & (x < vec4<u32>(params.outWidth)) & whole;
  let at = image + (tap.plane * params.outHeight + y) * params.outWidth + x;
  return gather_right(at, through(at, inside & vec4<bool>(tap.plane < params.filters)));
}

fn store_row(row: u32, group: u32, pixels: Pixels, values: vec4<f32>) {
  let plane = (pixels.image * params.groups + group) * params.channels + row;
  let at = (plane * params.height + pixels.y) * params.width + pixels.x;
  scatter(at, pixels.inside & vec4<bool>(row < params.channels), values);
}

@compute @workgroup_size(16, 16)
fn conv2d_input_gradient_f32__64x64(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let area = params.kernelHeight * params.kernelWidth;
  let left = loader(local, true);
  let right = loader(local, false);
  let channels = quad_of(group.y, left.quad);
  left_start = (group.z * params.filters * params.channels + channels) * area;
  left_inside = channels < vec4<u32>(params.channels);
  let pixels = pixels_of(quad_of(group.x, local % 16u), params.batch, params.height, params.width);
  image = (pixels.image * params.groups + group.z) * params.filters * params.outHeight * params.outWidth;
  padded_y = select(vec4<u32>(OUTSIDE), pixels.y + u32(params.top), pixels.inside);
  padded_x = pixels.x + u32(params.left);
  let tile = multiply_tile(params.filters * area, local, left, right);
  let row = quad_of(group.y, local / 16u).x;
  store_row(row, group.z, pixels, tile.row0);
  store_row(row + 1u, group.z, pixels, tile.row1);
  store_row(row + 2u, group.z, pixels, tile.row2);
  store_row(row + 3u, group.z, pixels, tile.row3);
}
