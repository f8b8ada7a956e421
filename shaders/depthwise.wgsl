// Depthwise convolution on wasm: assembly/depthwise.ts. `source` is what is read, spread by `spread` and padded by (top,
// left); `out` what the strides walk over; a work unit is `unitPlanes` planes by `bandRows` rows of it. For the
// weight-gradient `out` is dy, and a unit is a channel.

//! params depthwise_f32 depthwise_lanes_f32 depthwise_weight_gradient_f32 depthwise_weight_lanes_f32 : DepthwiseParams

struct DepthwiseParams {
  batch: u32,
  groups: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  top: i32,
  left: i32,
  spreadHeight: u32,
  spreadWidth: u32,
  unitPlanes: u32,
  bandRows: u32,
  rotated: u32,
  relu: u32,
}
