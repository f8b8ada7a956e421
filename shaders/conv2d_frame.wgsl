// Convolutions on wasm: assembly/conv2d.ts. src/ops/conv2d_frame.ts fills in the structs.

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
  // Whether every panel of pixels is packed, not only those that straddle.
  packs: u32,
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
