// Planes [images, groups, planes, height, width] as quads of planes, [batch, frameHeight, frameWidth, groups, ceil(planes / 4)],
// with zeros round each image and for images and planes past the end: a kernel that reads them tests nothing. Element (i, j) of a frame is
// (i - top, j - left) of the plane. One invocation for four columns of a quad, neighbours store beside each other.
#include "common/indexing"

struct QuadsParams {
  images: u32,
  batch: u32,
  groups: u32,
  planes: u32,
  height: u32,
  width: u32,
  frameHeight: u32,
  frameWidth: u32,
  top: i32,
  left: i32,
}

alias source_stored = f32;
alias mask_stored = f32;
alias quads_stored = vec4<f32>;

@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> mask: array<mask_stored>;
@group(0) @binding(2) var<storage, read_write> quads: array<quads_stored>;
@group(0) @binding(3) var<uniform> params: QuadsParams;

// Whether source counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;

fn load(at: u32, exists: bool) -> f32 {
  let value = select(0.0, f32(source[select(0u, at, exists)]), exists);
  if (MASKED != 0u) {
    return select(value, 0.0, f32(mask[select(0u, at, exists)]) <= 0.0);
  }
  return value;
}

@compute @workgroup_size(64)
fn conv2d_quads_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  let group_quads = (params.planes + 3u) / 4u;
  let all_quads = group_quads * params.groups;
  let strips = (params.frameWidth + 3u) / 4u;
  let strip = index / all_quads;
  let quad = index % all_quads;
  let row = strip / strips;
  let image = row / params.frameHeight;
  if (image >= params.batch) {
    return;
  }
  let plane = quad % group_quads * 4u;
  let size = params.height * params.width;
  let y = row % params.frameHeight - u32(params.top);
  let column = strip % strips * 4u;
  let first = (image * params.groups + quad / group_quads) * params.planes + plane;
  let at = first * size + y * params.width;
  let to = (row * params.frameWidth + column) * all_quads + quad;
  // A load under a condition costs some adapters twice what a choice of its place does.
#for i in 0..4
  let x$i = column + $(i)u - u32(params.left);
  let inside$i = (image < params.images) & (y < params.height) & (x$i < params.width);
  let quad$i = vec4<f32>(
#for c in 0..4
    load(at + $(c)u * size + x$i, inside$i & (plane + $(c)u < params.planes)),
#end
  );
  if (column + $(i)u < params.frameWidth) {
    quads[to + $(i)u * all_quads] = quads_stored(quad$i);
  }
#end
}
