// y = x * weight + bias as an implicit matrix product per group, in tiles as in common/tile64: rows are
// filters, columns the pixels of y over the batch, the inner axis the taps (channel, r, s). The patches of x
// are gathered while they are loaded. Shapes as in common/conv2d; workgroups over columns, rows, groups. bias
// [groups filters] is read if hasBias is not 0.
#include "common/conv2d"
#include "common/tile64"

// The kernels that wasm has of this family: those of conv2d share one struct, padding has its own.
//! params conv2d_pack_f32__4x8 conv2d_pack_f32__6x8 conv2d_f32__4x8 conv2d_f32__6x8 : Conv2dParams
//! params conv2d_flip_f32 conv2d_pack_gradient_f32 : Conv2dParams
//! params conv2d_weight_gradient_f32__4x8 conv2d_weight_gradient_f32__6x8 : Conv2dParams
//! params pad2d_f32 : Pad2dParams

struct Pad2dParams {
  planes: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  top: i32,
  left: i32,
  stepHeight: u32,
  stepWidth: u32,
}

// weight, x, y
@group(0) @binding(1) var<storage, read> left_operand: array<f32>;
@group(0) @binding(0) var<storage, read> right_operand: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Conv2dParams;

// Of this invocation's four filters: the index of the first tap, and which exist.
var<private> left_start: vec4<u32>;
var<private> left_inside: vec4<bool>;
// Of its four pixels: the image in x, and the place in it of tap (0, 0); outside wraps round to a large
// number.
var<private> image: vec4<u32>;
var<private> first_y: vec4<u32>;
var<private> first_x: vec4<u32>;

fn load_left(k: u32) -> vec4<f32> {
  let taps = params.channels * params.kernelHeight * params.kernelWidth;
  return gather_left(left_start + k, left_inside & vec4<bool>(k < taps));
}

fn load_right(k: u32) -> vec4<f32> {
  let tap = tap_of(params, k);
  let y = first_y + tap.y;
  let x = first_x + tap.x;
  let inside = (y < vec4<u32>(params.height)) & (x < vec4<u32>(params.width));
  let at = image + (tap.plane * params.height + y) * params.width + x;
  return gather_right(at, inside & vec4<bool>(tap.plane < params.channels));
}

fn store_row(row: u32, group: u32, pixels: Pixels, values: vec4<f32>) {
  if (row >= params.filters) {
    return;
  }
  let filter_index = group * params.filters + row;
  var offset = 0.0;
  if (params.hasBias != 0u) {
    offset = bias[filter_index];
  }
  let plane = pixels.image * params.groups * params.filters + filter_index;
  let at = (plane * params.outHeight + pixels.y) * params.outWidth + pixels.x;
  scatter(at, pixels.inside, values + offset);
}

@compute @workgroup_size(16, 16)
fn conv2d_f32__64x64(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let taps = params.channels * params.kernelHeight * params.kernelWidth;
  let left = loader(local, true);
  let right = loader(local, false);
  let filters = quad_of(group.y, left.quad);
  left_start = (group.z * params.filters + filters) * taps;
  left_inside = filters < vec4<u32>(params.filters);
  let pixels = pixels_of(quad_of(group.x, local % 16u), params.batch, params.outHeight, params.outWidth);
  image = (pixels.image * params.groups + group.z) * params.channels * params.height * params.width;
  first_y = select(vec4<u32>(OUTSIDE), pixels.y * params.strideHeight - u32(params.top), pixels.inside);
  first_x = pixels.x * params.strideWidth - u32(params.left);
  let tile = multiply_tile(taps, local, left, right);
  let row = quad_of(group.y, local / 16u).x;
  store_row(row, group.z, pixels, tile.row0);
  store_row(row + 1u, group.z, pixels, tile.row1);
  store_row(row + 2u, group.z, pixels, tile.row2);
  store_row(row + 3u, group.z, pixels, tile.row3);
}
