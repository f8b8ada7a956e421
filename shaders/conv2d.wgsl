// y = x * weight + bias as an implicit matrix product per group, in tiles as in common/tile64: rows are
// filters, columns the pixels of y over the batch, the inner axis the taps (channel, r, s). The patches of x
// are gathered while they are loaded. Shapes as in common/conv2d; workgroups over columns, rows, groups. bias
// [groups filters] is read if hasBias is not 0.
#include "common/conv2d"
#include "common/tile64"

// The kernels that wasm has of this family: src/ops/conv2d_frame.ts fills in their structs.
//! params conv2d_pack_f32__4x8 conv2d_pack_f32__6x8 : PackFiltersParams
//! params conv2d_f32__4x8 conv2d_f32__6x8 : ConvolveParams
//! params conv2d_weight_gradient_f32__4x8 conv2d_weight_gradient_f32__6x8 : ConvolveParams
//! params conv2d_sum_f32 : SumPartsParams

// Filters [groups, filters, channels, kernelHeight, kernelWidth] somewhere in a tensor: strides in elements.
struct PackFiltersParams {
  groups: u32,
  filters: u32,
  channels: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  first: u32,
  groupStride: u32,
  filterStride: u32,
  channelStride: u32,
  rowStride: i32,
  columnStride: i32,
}

// A convolution of x [batch, groups channels, height, width] with outHeight x outWidth pixels, of which pixel
// (i, j) stands at (firstRow + i stepHeight, firstColumn + j stepWidth) of planes of imageHeight x imageWidth.
struct ConvolveParams {
  batch: u32,
  groups: u32,
  channels: u32,
  filters: u32,
  height: u32,
  width: u32,
  top: i32,
  left: i32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  outHeight: u32,
  outWidth: u32,
  imageHeight: u32,
  imageWidth: u32,
  firstRow: u32,
  firstColumn: u32,
  stepHeight: u32,
  stepWidth: u32,
  activation: u32,
  // What one work unit covers.
  images: u32,
  rows: u32,
  channelParts: u32,
  parts: u32,
  // How it sees x: in place, or copied with zeros round it, every frameStep-th row and column in a plane.
  copies: u32,
  frameStepHeight: u32,
  frameStepWidth: u32,
  phaseRows: u32,
  phaseColumns: u32,
  frameRows: u32,
  frameWidth: u32,
  channelBytes: u32,
  imageBytes: u32,
  // Tap columns whose sums are spread over columns of y, 0 where patches are gathered.
  spread: u32,
  // Whether there are so few filters that tiles are thin; taps of a block, and where in scratch memory what lies.
  thin: u32,
  // Whether tiles take two panels side by side.
  pairs: u32,
  depth: u32,
  panelsAt: u32,
  stagedAt: u32,
  frameAt: u32,
}

struct SumPartsParams {
  size: u32,
  parts: u32,
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

// relu where the activation is 1; NaN stays.
fn activate(values: vec4<f32>) -> vec4<f32> {
  return select(values, vec4<f32>(), (values <= vec4<f32>()) & vec4<bool>(params.activation == 1u));
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
  scatter(at, pixels.inside, activate(values + offset));
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
