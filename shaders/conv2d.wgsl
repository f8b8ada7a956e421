// A convolution or its input-gradient (common/correlate) as an implicit matrix product per group and phase, in tiles as in
// common/tile: rows are planes of the result, columns its pixels over the batch, the inner axis the taps (plane, r, s).
// The patches of the source are gathered while they are loaded. Workgroups over columns, rows, groups times phases.
//! kernel conv2d_f32__32x32 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=16
//! kernel conv2d_f32__64x64 | ROWS=64 | COLUMNS=64 | TM=8 | TN=4 | DEPTH=16
//! kernel conv2d_f32__128x128 | ROWS=128 | COLUMNS=128 | TM=8 | TN=8 | DEPTH=16
#include "common/correlate"
#include "common/tile"

// x, weight, bias or mask, and the result. bias [groups rows] is read if hasBias is not 0.
@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<weight_stored>>;
@group(0) @binding(2) var<storage, read> further: array<further_stored>;
@group(0) @binding(3) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(4) var<uniform> params: CorrelateParams;

// Whether source counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;
// Whether weights are read four taps at once: in their order, and rows begin at vec4s.
override ALIGNED = 0u;

var<private> group_index: u32;
var<private> down: Axis;
var<private> across: Axis;

// The tap at inner index k.
struct Tap {
  plane: u32,
  r: u32,
  s: u32,
}

fn tap_of(k: u32) -> Tap {
  let index = k / across.taps;
  return Tap(index / down.taps, index % down.taps, k % across.taps);
}

fn next(tap: Tap) -> Tap {
  let ends = tap.s + 1u == across.taps;
  let last = ends && tap.r + 1u == down.taps;
  return Tap(
    tap.plane + u32(last),
    select(tap.r + u32(ends), 0u, last),
    select(tap.s + 1u, 0u, ends),
  );
}

// The first weight of each of four rows.
alias LeftRows = vec4<u32>;

fn left_rows(first: u32) -> LeftRows {
  let area = params.kernelHeight * params.kernelWidth;
  let rows = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
  return group_index * params.rows * params.planes * area + rows * params.rowStride;
}

fn left_inner_first() -> bool {
  return params.turned == 0u;
}

fn load_left(rows: LeftRows, k: u32) -> mat4x4<f32> {
  let inner = params.planes * down.taps * across.taps;
  if (ALIGNED != 0u) {
    if (k >= inner) {
      return mat4x4<f32>();
    }
    let at = (rows + k) >> vec4<u32>(2u);
    return transpose(mat4x4<f32>(
      vec4<f32>(weight[at.x]),
      vec4<f32>(weight[at.y]),
      vec4<f32>(weight[at.z]),
      vec4<f32>(weight[at.w]),
    ));
  }
  var loaded = mat4x4<f32>();
  var tap = tap_of(k);
#for i in 0..4
  if (k + $(i)u < inner) {
    let at = rows + tap.plane * params.planeStride + (down.tap + tap.r * down.tapStep) * params.kernelWidth +
      across.tap + tap.s * across.tapStep;
    loaded[$i] = vec4<f32>(
      f32(weight[at.x >> 2u][at.x & 3u]),
      f32(weight[at.y >> 2u][at.y & 3u]),
      f32(weight[at.z >> 2u][at.z & 3u]),
      f32(weight[at.w >> 2u][at.w & 3u]),
    );
  }
  tap = next(tap);
#end
  return loaded;
}

// Of four pixels: where they are, and where in source their image begins and tap (0, 0) lies, in no row past the end.
struct Pixels {
  image: vec4<u32>,
  i: vec4<u32>,
  j: vec4<u32>,
  inside: vec4<bool>,
}

fn pixels_of(first: u32) -> Pixels {
  let pixel = first + vec4<u32>(0u, 1u, 2u, 3u);
  let row = pixel / params.countWidth;
  let image = row / params.countHeight;
  let i = row % params.countHeight;
  let j = pixel % params.countWidth;
  let inside = (image < vec4<u32>(params.batch)) & (i < vec4<u32>(down.count)) & (j < vec4<u32>(across.count));
  return Pixels(image, i, j, inside);
}

struct RightColumns {
  image: vec4<u32>,
  y: vec4<u32>,
  x: vec4<u32>,
}

fn right_columns(first: u32) -> RightColumns {
  let pixels = pixels_of(first);
  // A row that stays past the end whatever a tap adds.
  let y = select(vec4<u32>(0x80000000u), down.start + pixels.i * down.step, pixels.inside);
  let plane = (pixels.image * params.groups + group_index) * params.planes;
  return RightColumns(plane * params.height * params.width, y, across.start + pixels.j * across.step);
}

fn right_inner_first() -> bool {
  return false;
}

fn load_right(columns: RightColumns, k: u32) -> mat4x4<f32> {
  var loaded = mat4x4<f32>();
  var tap = tap_of(k);
#for i in 0..4
  let y$i = columns.y + tap.r * params.pitchHeight;
  let x$i = columns.x + tap.s * params.pitchWidth;
  let inside$i = (y$i < vec4<u32>(params.height)) & (x$i < vec4<u32>(params.width)) &
    vec4<bool>(tap.plane < params.planes);
  let at$i = columns.image + (tap.plane * params.height + y$i) * params.width + x$i;
#for c in x y z w
  if (inside$i.$c) {
    loaded[$i].$c = f32(source[at$i.$c]);
    if (MASKED != 0u && f32(further[at$i.$c]) <= 0.0) {
      loaded[$i].$c = 0.0;
    }
  }
#end
  tap = next(tap);
#end
  return loaded;
}

// Of four pixels of the result the places in its first plane.
struct StoreColumns {
  at: vec4<u32>,
  inside: vec4<bool>,
}

fn store_columns(first: u32) -> StoreColumns {
  let pixels = pixels_of(first);
  let row = down.first + pixels.i * params.phasesHeight;
  let column = across.first + pixels.j * params.phasesWidth;
  let plane = pixels.image * params.groups * params.rows;
  return StoreColumns((plane * params.outHeight + row) * params.outWidth + column, pixels.inside);
}

fn store_row(row: u32, columns: StoreColumns, sums: vec4<f32>) {
  if (row >= params.rows) {
    return;
  }
  let plane = group_index * params.rows + row;
  var values = sums;
  if (params.hasBias != 0u) {
    values += f32(further[plane]);
  }
  // NaN stays.
  values = select(values, vec4<f32>(), (values <= vec4<f32>()) & vec4<bool>(params.activation == 1u));
  let at = columns.at + plane * params.outHeight * params.outWidth;
#for c in x y z w
  if (columns.inside.$c) {
    output[at.$c] = output_stored(values.$c);
  }
#end
}

@compute @workgroup_size($(ROWS / TM * (COLUMNS / TN)))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  group_index = group.z % params.groups;
  let phase = group.z / params.groups;
  let down_here = down_of(phase / params.phasesWidth);
  let across_here = across_of(phase % params.phasesWidth);
  down = down_here;
  across = across_here;
  let inner = params.planes * down_here.taps * across_here.taps;
  multiply_tile(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, 0u, inner);
}
