// dweight and dbias of conv2d as an implicit matrix product per group, in tiles as in common/tile: rows are filters, columns
// those of common/weights, the inner axis the pixels of dy over the batch, in parts. Workgroups over columns, rows, groups
// times parts.
//! kernel conv2d_weight_gradient_f32__32x32 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=16
//! kernel conv2d_weight_gradient_f32__64x64 | ROWS=64 | COLUMNS=64 | TM=8 | TN=4 | DEPTH=16
//! kernel conv2d_weight_gradient_f32__128x128 | ROWS=128 | COLUMNS=128 | TM=8 | TN=8 | DEPTH=16
#include "common/weights"
#include "common/tile"

// x, dy, mask, and the sums.
@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<dy_stored>>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<mask_stored>>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;
@group(0) @binding(4) var<uniform> params: WeightsParams;

// Whether dy counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;
// Whether planes of dy begin at vec4s.
override ALIGNED = 0u;

var<private> group_index: u32;
var<private> part: u32;

// Four filters' planes of the first image.
alias LeftRows = vec4<u32>;

fn left_rows(first: u32) -> LeftRows {
  let rows = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.filters - 1u));
  return (group_index * params.filters + rows) * params.outHeight * params.outWidth;
}

fn left_inner_first() -> bool {
  return true;
}

fn four_of(at: u32) -> vec4<f32> {
  let values = vec4<f32>(dy[at >> 2u]);
  if (MASKED == 0u) {
    return values;
  }
  return select(values, vec4<f32>(), vec4<f32>(mask[at >> 2u]) <= vec4<f32>());
}

fn one_of(at: u32) -> f32 {
  let value = f32(dy[at >> 2u][at & 3u]);
  if (MASKED == 0u) {
    return value;
  }
  return select(value, 0.0, f32(mask[at >> 2u][at & 3u]) <= 0.0);
}

fn load_left(rows: LeftRows, k: u32) -> mat4x4<f32> {
  let size = params.outHeight * params.outWidth;
  let next_image = (params.groups * params.filters - 1u) * size;
  var image = k / size;
  var at = rows + k + image * next_image;
  if (ALIGNED != 0u) {
    if (image >= params.batch) {
      return mat4x4<f32>();
    }
    return transpose(mat4x4<f32>(four_of(at.x), four_of(at.y), four_of(at.z), four_of(at.w)));
  }
  var loaded = mat4x4<f32>();
#for i in 0..4
  image = (k + $(i)u) / size;
  at = rows + k + $(i)u + image * next_image;
  if (image < params.batch) {
    loaded[$i] = vec4<f32>(one_of(at.x), one_of(at.y), one_of(at.z), one_of(at.w));
  }
#end
  return loaded;
}

// Of four columns what they add to a pixel's place in x, and what they see where no tap is or x ends.
struct RightColumns {
  plane: vec4<u32>,
  y: vec4<u32>,
  x: vec4<u32>,
  outside: vec4<f32>,
}

fn right_columns(first: u32) -> RightColumns {
  let area = params.kernelHeight * params.kernelWidth;
  let index = first + vec4<u32>(0u, 1u, 2u, 3u);
  let channel = index / area;
  let y = index % area / params.kernelWidth * params.dilationHeight - u32(params.top);
  let is_tap = channel < vec4<u32>(params.channels);
  return RightColumns(
    (group_index * params.channels + channel) * params.height * params.width,
    select(vec4<u32>(0x80000000u), y, is_tap),
    index % params.kernelWidth * params.dilationWidth - u32(params.left),
    select(vec4<f32>(), vec4<f32>(1.0), index == vec4<u32>(params.channels * area)),
  );
}

fn right_inner_first() -> bool {
  return true;
}

fn load_right(columns: RightColumns, k: u32) -> mat4x4<f32> {
  var loaded = mat4x4<f32>();
  var row = k / params.outWidth;
  var column = k % params.outWidth;
  var image = row / params.outHeight;
  row = row % params.outHeight;
#for i in 0..4
  if (image < params.batch) {
    let y = columns.y + row * params.strideHeight;
    let x = columns.x + column * params.strideWidth;
    let inside = (y < vec4<u32>(params.height)) & (x < vec4<u32>(params.width));
    let origin = image * params.groups * params.channels * params.height * params.width;
    let at = columns.plane + origin + y * params.width + x;
    loaded[$i] = columns.outside;
#for c in x y z w
    if (inside.$c) {
      loaded[$i].$c = f32(source[at.$c]);
    }
#end
  }
  column++;
  if (column == params.outWidth) {
    column = 0u;
    row++;
    if (row == params.outHeight) {
      row = 0u;
      image++;
    }
  }
#end
  return loaded;
}

alias StoreColumns = u32;

fn store_columns(first: u32) -> StoreColumns {
  return first;
}

fn store_row(row: u32, first: StoreColumns, sums: vec4<f32>) {
  if (row >= params.filters) {
    return;
  }
  let at = part * params.partStride + (group_index * params.filters + row) * params.columns + first;
#for i in 0..4
  if (first + $(i)u < params.columns) {
    parts[at + $(i)u] = sums[$i];
  }
#end
}

@compute @workgroup_size($(ROWS / TM * (COLUMNS / TN)))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  group_index = group.z % params.groups;
  let part_here = group.z / params.groups;
  part = part_here;
  let begin = part_here * params.share;
  let end = min(begin + params.share, params.batch * params.outHeight * params.outWidth);
  multiply_tile(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, begin, end);
}
