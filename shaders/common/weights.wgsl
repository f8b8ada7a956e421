// dweight and dbias of conv2d, shapes as in common/correlate: for every filter of a group, columns of sums over pixels of dy
// times what a tap of x saw; the column after the last tap saw 1 and is dbias. Pixels are split into parts, whose
// sums conv2d_sum_weights_f32 adds.
alias source_stored = f32;
alias dy_stored = f32;
alias mask_stored = f32;

struct WeightsParams {
  batch: u32,
  groups: u32,
  channels: u32,
  height: u32,
  width: u32,
  filters: u32,
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
  // The taps of a filter, and one more where the bias-gradient is wanted.
  columns: u32,
  // Pixels of a share, counted over the batch.
  share: u32,
  // Distances among the parts: of sums of one filter from each other, and of the parts of a sum.
  sumStride: u32,
  partStride: u32,
}
