// y[batch] = left[batch] right[batch] with left [m, k], right [k, n], y [m, n] row-major.
struct MatmulParams {
  m: u32,
  n: u32,
  k: u32,
  batch: u32,
  // Strides in elements, along rows (columns) and along the inner axis.
  leftAcross: u32,
  leftInner: u32,
  rightAcross: u32,
  rightInner: u32,
  // The inner axis in parts of `part` indices, one after the other in z before the batch; each part's sums
  // are stored by themselves.
  parts: u32,
  part: u32,
  // Up to four batch axes, walked by strides, 0 where an operand repeats.
  batchShape: vec4<u32>,
  leftBatch: vec4<u32>,
  rightBatch: vec4<u32>,
}

// Place of matrix `batch` along the four batch axes.
fn batch_position(shape: vec4<u32>, batch: u32) -> vec4<u32> {
  let outer = batch / shape.w;
  return vec4<u32>(outer / shape.z / shape.y, outer / shape.z % shape.y, outer % shape.z, batch % shape.w);
}
