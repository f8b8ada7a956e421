// What conv2d_packed reads: source as [batch, groups, frameHeight, frameWidth, quads] of vec4s of four planes, with zeros
// round it and past the last plane; behind it, at weightsAt, weights as [groups, kernelHeight, kernelWidth, rows, quads].
// Invocations over pixels of frames, then, from a workgroup's begin on, over weights: all planes of one.
#include "common/correlate"
#include "common/indexing"

// x, weight, or dy, weight and mask; the frame and weights.
@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> weight: array<weight_stored>;
@group(0) @binding(2) var<storage, read> mask: array<further_stored>;
@group(0) @binding(3) var<storage, read_write> frame: array<frame_stored>;
@group(0) @binding(4) var<uniform> params: CorrelateParams;

// Whether source counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;

fn pack_pixel(pixel: u32) {
  let row = pixel / params.frameWidth;
  let group = row / params.frameHeight;
  if (group >= params.batch * params.groups) {
    return;
  }
  // What wraps round lies outside, too.
  let x = pixel - row * params.frameWidth - params.frameLeft;
  let y = row - group * params.frameHeight - params.frameTop;
  let inside = x < params.width && y < params.height;
  let area = params.height * params.width;
  let first = group * params.planes * area + y * params.width + x;
  for (var quad = 0u; quad < params.quads; quad++) {
    var four = vec4<f32>();
#for i in 0..4
    {
      let plane = 4u * quad + $(i)u;
      let counts = inside && plane < params.planes;
      let at = select(0u, first + plane * area, counts);
      four.$i = select(0.0, f32(source[at]), counts);
      if (MASKED != 0u) {
        four.$i = select(four.$i, 0.0, f32(mask[at]) <= 0.0);
      }
    }
#end
    frame[pixel * params.quads + quad] = frame_stored(four);
  }
}

fn pack_weights(index: u32) {
  let area = params.kernelHeight * params.kernelWidth;
  let tap = index / params.rows;
  let group = tap / area;
  if (group >= params.groups) {
    return;
  }
  let first = group * params.rows * params.planes * area + (index - tap * params.rows) * params.rowStride + tap - group * area;
  for (var quad = 0u; quad < params.quads; quad++) {
    var four = vec4<f32>();
#for i in 0..4
    {
      let plane = 4u * quad + $(i)u;
      let counts = plane < params.planes;
      four.$i = select(0.0, f32(weight[select(0u, first + plane * params.planeStride, counts)]), counts);
    }
#end
    frame[params.weightsAt + index * params.quads + quad] = frame_stored(four);
  }
}

@compute @workgroup_size(64)
fn conv2d_pack_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  let pixels = (params.weightsAt / params.quads + 63u) / 64u * 64u;
  if (index < pixels) {
    pack_pixel(index);
  } else {
    pack_weights(index - pixels);
  }
}
