// What a weight-gradient reads, laid out by one launch: x (0) and dy (1), planes [images, groups, planes, height, width], as quads
// of planes, [batch, frameHeight, frameWidth, groups, ceil(planes / 4)], with zeros round each image and for images and planes past
// the end: a kernel that reads them tests nothing. Element (i, j) of a frame is (i - top, j - left) of the plane. One invocation for
// four columns of a quad, neighbours store beside each other; those of dy are in workgroups of their own, from `begin` on.
#include "common/indexing"

struct QuadsParams {
  images: u32,
  batch: u32,
  groups: u32,
  begin: u32,
#for s in 0..2
  planes$s: u32,
  height$s: u32,
  width$s: u32,
  frameHeight$s: u32,
  frameWidth$s: u32,
  top$s: i32,
  left$s: i32,
#end
}

alias source0_stored = f32;
alias source1_stored = f32;
alias mask_stored = f32;
alias quads0_stored = vec4<f32>;
alias quads1_stored = vec4<f32>;

@group(0) @binding(0) var<storage, read> source0: array<source0_stored>;
@group(0) @binding(1) var<storage, read> source1: array<source1_stored>;
@group(0) @binding(2) var<storage, read> mask: array<mask_stored>;
@group(0) @binding(3) var<storage, read_write> quads0: array<quads0_stored>;
@group(0) @binding(4) var<storage, read_write> quads1: array<quads1_stored>;
@group(0) @binding(5) var<uniform> params: QuadsParams;

// Whether dy counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;

#for s in 0..2
fn load$s(at: u32, exists: bool) -> f32 {
  let value = select(0.0, f32(source$s[select(0u, at, exists)]), exists);
#if s
  if (MASKED != 0u) {
    return select(value, 0.0, f32(mask[select(0u, at, exists)]) <= 0.0);
  }
#end
  return value;
}

fn lay_out$s(index: u32) {
  let group_quads = (params.planes$s + 3u) / 4u;
  let all_quads = group_quads * params.groups;
  let strips = (params.frameWidth$s + 3u) / 4u;
  let strip = index / all_quads;
  let quad = index % all_quads;
  let row = strip / strips;
  let image = row / params.frameHeight$s;
  if (image >= params.batch) {
    return;
  }
  let plane = quad % group_quads * 4u;
  let size = params.height$s * params.width$s;
  let y = row % params.frameHeight$s - u32(params.top$s);
  let column = strip % strips * 4u;
  let first = (image * params.groups + quad / group_quads) * params.planes$s + plane;
  let at = first * size + y * params.width$s;
  let to = (row * params.frameWidth$s + column) * all_quads + quad;
  // A load under a condition costs some adapters twice what a choice of its place does.
#for i in 0..4
  let x$i = column + $(i)u - u32(params.left$s);
  let inside$i = (image < params.images) & (y < params.height$s) & (x$i < params.width$s);
  let quad$i = vec4<f32>(
#for c in 0..4
    load$s(at + $(c)u * size + x$i, inside$i & (plane + $(c)u < params.planes$s)),
#end
  );
  if (column + $(i)u < params.frameWidth$s) {
    quads$s[to + $(i)u * all_quads] = quads$(s)_stored(quad$i);
  }
#end
}
#end

@compute @workgroup_size(64)
fn conv2d_quads_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  if (index < params.begin) {
    lay_out0(index);
  } else {
    lay_out1(index - params.begin);
  }
}
