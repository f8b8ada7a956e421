// A convolution and its input-gradient are one correlation: x with weight at the convolution's stride; or dy, phase by
// phase of the stride, with those taps turned round that meet the phase, at stride 1. source is [batch, groups planes,
// height, width], the result [batch, groups rows, outHeight, outWidth], its planes a product of `rows` and `planes`.
struct CorrelateParams {
  batch: u32,
  groups: u32,
  planes: u32,
  rows: u32,
  height: u32,
  width: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  top: i32,
  left: i32,
  // Of the convolution; and what they are without their common divisor.
  strideHeight: u32,
  strideWidth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  tapStepHeight: u32,
  tapStepWidth: u32,
  pitchHeight: u32,
  pitchWidth: u32,
  // 1 in a convolution, the stride in an input-gradient; and the result's elements in a phase, at most.
  phasesHeight: u32,
  phasesWidth: u32,
  countHeight: u32,
  countWidth: u32,
  // Distances in weight from row to row, and from plane to plane.
  rowStride: u32,
  planeStride: u32,
  turned: u32,
  hasBias: u32,
  activation: u32,
  // As conv2d_pack lays it out: planes by fours, source with zeros round it, and where weights begin behind it.
  quads: u32,
  frameHeight: u32,
  frameWidth: u32,
  frameTop: u32,
  frameLeft: u32,
  weightsAt: u32,
}

alias source_stored = f32;
alias weight_stored = f32;
alias further_stored = f32;
alias frame_stored = vec4<f32>;
alias output_stored = f32;

// One axis of a phase: its elements are `first`, first + phases, ... of the result; element i meets the jth of `taps`
// at source element start + i step + j pitch (which wraps round where it is negative), whose weight is
// tap + j tapStep.
struct Axis {
  first: u32,
  count: u32,
  start: u32,
  step: u32,
  taps: u32,
  tap: u32,
  tapStep: u32,
}

fn axis_of(phase: u32, out: u32, kernel: u32, pad: i32, stride: u32, dilation: u32, tap_step: u32) -> Axis {
  if (params.turned == 0u) {
    return Axis(0u, out, u32(-pad), stride, kernel, 0u, 1u);
  }
  let s = i32(stride);
  let first = u32((i32(phase) - pad % s + s) % s);
  var tap = 0u;
  while (tap < tap_step && tap * dilation % stride != phase) {
    tap++;
  }
  var taps = 0u;
  if (tap < min(tap_step, kernel)) {
    taps = (kernel - 1u - tap) / tap_step + 1u;
    tap += (taps - 1u) * tap_step;
  }
  let count = select(0u, (out - 1u - first) / stride + 1u, first < out);
  let start = u32((i32(first) + pad - i32(tap * dilation)) / s);
  return Axis(first, count, start, 1u, taps, tap, u32(-i32(tap_step)));
}

fn down_of(phase: u32) -> Axis {
  let p = params;
  return axis_of(phase, p.outHeight, p.kernelHeight, p.top, p.strideHeight, p.dilationHeight, p.tapStepHeight);
}

fn across_of(phase: u32) -> Axis {
  let p = params;
  return axis_of(phase, p.outWidth, p.kernelWidth, p.left, p.strideWidth, p.dilationWidth, p.tapStepWidth);
}
