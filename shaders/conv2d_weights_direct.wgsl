// dweight and dbias of conv2d from registers: a workgroup takes up to eight filters, up to eight columns and a share of the
// pixels of a batch; every invocation sums, for every 64th pixel, dy times what the column's tap of x saw, so that loads are
// of neighbours. The column after the last tap saw 1: dbias. conv2d_sum_weights adds the parts of all invocations, in
// their order: no workgroup memory and no barrier.
#include "common/indexing"
#include "common/weights"

// x, dy, mask, parts [groups filters, columns, shares, 64].
@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(2) var<storage, read> mask: array<mask_stored>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;
@group(0) @binding(4) var<uniform> params: WeightsParams;

// Filters that a workgroup takes, 1, 2, 4 or 8, and quads of columns, 1 or 2.
override SLOTS = 8u;
override QUADS = 2u;
// Whether dy counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;
// Whether taps may lie outside x.
override PADDED = 0u;

// A column of this workgroup: what it adds to a pixel's place in x, and what it sees outside of taps.
struct Column {
  y: u32,
  x: u32,
  offset: u32,
  inside: bool,
  outside: f32,
}

fn column_of(index: u32) -> Column {
  let area = params.kernelHeight * params.kernelWidth;
  let taps = params.channels * area;
  let y = index % area / params.kernelWidth * params.dilationHeight - u32(params.top);
  let x = index % params.kernelWidth * params.dilationWidth - u32(params.left);
  let offset = (index / area * params.height + y) * params.width + x;
  return Column(y, x, offset, index < taps, select(0.0, 1.0, index == taps));
}

fn see(column: Column, at: u32, y: u32, x: u32) -> f32 {
  var inside = column.inside;
  if (PADDED != 0u) {
    inside = inside && y + column.y < params.height && x + column.x < params.width;
  }
  return select(column.outside, f32(source[select(0u, at + column.offset, inside)]), inside);
}

fn count(at: u32) -> f32 {
  if (MASKED != 0u) {
    return select(f32(dy[at]), 0.0, f32(mask[at]) <= 0.0);
  }
  return f32(dy[at]);
}

@compute @workgroup_size(64)
fn conv2d_weight_gradient_f32__direct(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let width = 4u * QUADS;
  let column_groups = (params.columns + width - 1u) / width;
  let filter_groups = (params.filters + SLOTS - 1u) / SLOTS;
  let index = linear_group(group, groups);
  let first_column = index % column_groups * width;
  let first_filter = index / column_groups % filter_groups * SLOTS;
  let group_index = index / column_groups / filter_groups % params.groups;
  let share = index / column_groups / filter_groups / params.groups;
#for c in 0..8
  let column$c = column_of(first_column + $(c)u);
#end
#for q in 0..2
#for m in 0..8
  var sum$(q)_$m = vec4<f32>();
#end
#end
  let size = params.outHeight * params.outWidth;
  let end = min((share + 1u) * params.share, params.batch * size);
  let filters = params.groups * params.filters;
  var image = (share * params.share + local) / size;
  var row = (share * params.share + local) / params.outWidth % params.outHeight;
  var column = (share * params.share + local) % params.outWidth;
  for (var pixel = share * params.share + local; pixel < end; pixel += 64u) {
    let y = row * params.strideHeight;
    let x = column * params.strideWidth;
    let at = ((image * params.groups + group_index) * params.channels * params.height + y) * params.width + x;
    let dy_at = (image * filters + group_index * params.filters + first_filter) * size +
      row * params.outWidth + column;
#for q in 0..2
    var seen$q = vec4<f32>();
    if ($(q)u < QUADS) {
      seen$q = vec4<f32>(
#for c in 0..4
        see(column$(4 * q + c), at, y, x),
#end
      );
    }
#end
#for m in 0..8
    if ($(m)u < SLOTS) {
      let counted = count(dy_at + $(m)u * size);
#for q in 0..2
      if ($(q)u < QUADS) {
        sum$(q)_$m += counted * seen$q;
      }
#end
    }
#end
    column += 64u % params.outWidth;
    let next_row = column >= params.outWidth;
    column -= select(0u, params.outWidth, next_row);
    row += 64u / params.outWidth % params.outHeight + u32(next_row);
    let next_image = row >= params.outHeight;
    row -= select(0u, params.outHeight, next_image);
    image += 64u / size + u32(next_image);
  }
#for m in 0..8
  let plane$m = group_index * params.filters + first_filter + $(m)u;
  if ($(m)u < SLOTS && first_filter + $(m)u < params.filters) {
#for q in 0..2
#for c in 0..4
    if ($(q)u < QUADS && first_column + $(4 * q + c)u < params.columns) {
      let sum_index = plane$m * params.columns + first_column + $(4 * q + c)u;
      parts[sum_index * params.sumStride + (share * 64u + local) * params.partStride] = sum$(q)_$m[$c];
    }
#end
#end
  }
#end
}
