// Convolution of x [batch, groups channels, height, width] with weight [groups filters, channels,
// kernelHeight, kernelWidth] to y [batch, groups filters, outHeight, outWidth]; channels and filters are per
// group, top and left are the padding, negative where x is cropped.
struct Conv2dParams {
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
  hasBias: u32,
  hasMask: u32,
  activation: u32,
}

// Tap k of a kernel: plane k / (kernelHeight kernelWidth), and its distance from tap (0, 0) in elements of
// the input.
struct Tap {
  plane: u32,
  index: u32,
  y: u32,
  x: u32,
}

fn tap_of(g: Conv2dParams, k: u32) -> Tap {
  let area = g.kernelHeight * g.kernelWidth;
  let index = k % area;
  let y = index / g.kernelWidth * g.dilationHeight;
  let x = index % g.kernelWidth * g.dilationWidth;
  return Tap(k / area, index, y, x);
}

// Four pixels of `batch` images, counted through.
struct Pixels {
  image: vec4<u32>,
  y: vec4<u32>,
  x: vec4<u32>,
  inside: vec4<bool>,
}

fn pixels_of(index: vec4<u32>, batch: u32, height: u32, width: u32) -> Pixels {
  let row = index / width;
  let image = row / height;
  return Pixels(image, row % height, index % width, image < vec4<u32>(batch));
}

// Coordinates are unsigned: what lies before an image wraps round, so that one comparison finds both ends.
// This one is past every end, whatever distance within a kernel is added or subtracted.
const OUTSIDE = 0x80000000u;
