// A convolution or its input-gradient (common/correlate) from registers: an invocation computes eight pixels below each
// other of up to eight planes of the result, and its neighbours those beside. No workgroup memory, no barrier, and no tile
// that stays empty where planes are few, so depthwise convolutions too. Down a column of taps the eight pixels
// move on by one load where two pixels are as far apart as two taps. Loads are of neighbours, or of one weight by all.
#include "common/correlate"
#include "common/indexing"

// x, weight, bias or mask, and the result. bias [groups rows] is read if hasBias is not 0.
@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> weight: array<weight_stored>;
@group(0) @binding(2) var<storage, read> further: array<further_stored>;
@group(0) @binding(3) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(4) var<uniform> params: CorrelateParams;

// Planes of the result that an invocation takes: 1, 2, 4 or 8.
override SLOTS = 8u;
// Whether source counts only where the mask, of its shape, is not <= 0.
override MASKED = 0u;
// Whether a column of taps slides: a pixel's step is a tap's pitch.
override SLIDES = 0u;

// Row y of the column at `at` in source: the first `limit` rows exist.
fn load(at: u32, y: u32, limit: u32) -> f32 {
  let inside = y < limit;
  let place = select(0u, at + y * params.width, inside);
  if (MASKED != 0u) {
    return select(0.0, f32(source[place]), inside && !(f32(further[place]) <= 0.0));
  }
  return select(0.0, f32(source[place]), inside);
}

// Four pixels of the result below each other from `at` on, of which the first `count` exist.
fn store(at: u32, count: u32, filter_index: u32, sums: vec4<f32>) {
  var values = sums;
  if (params.hasBias != 0u) {
    values += f32(further[filter_index]);
  }
  // NaN stays.
  values = select(values, vec4<f32>(), (values <= vec4<f32>()) & vec4<bool>(params.activation == 1u));
  let step = params.phasesHeight * params.outWidth;
#for i in 0..4
  if ($(i)u < count) {
    output[at + $(i)u * step] = output_stored(values[$i]);
  }
#end
}

@compute @workgroup_size(64)
fn conv2d_f32__direct(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let strips = (params.countHeight + 7u) / 8u;
  let pixel_groups = (params.batch * strips * params.countWidth + 63u) / 64u;
  let row_groups = (params.rows + SLOTS - 1u) / SLOTS;
  let index = linear_group(group, groups);
  let place = index / pixel_groups;
  let first_row = place % row_groups * SLOTS;
  let group_index = place / row_groups % params.groups;
  let phase = place / row_groups / params.groups;
  let pixel = index % pixel_groups * 64u + local;
  let image = pixel / params.countWidth / strips;
  if (phase >= params.phasesHeight * params.phasesWidth || image >= params.batch) {
    return;
  }
  let i = pixel / params.countWidth % strips * 8u;
  let j = pixel % params.countWidth;
  let down = down_of(phase / params.phasesWidth);
  let across = across_of(phase % params.phasesWidth);
  if (i >= down.count || j >= across.count) {
    return;
  }
  let area = params.kernelHeight * params.kernelWidth;
  let tap_down = down.tapStep * params.kernelWidth;
  let pitch = params.pitchHeight;
  let y0 = down.start + i * down.step;
#for m in 0..8
  var over$m = vec4<f32>();
  var under$m = vec4<f32>();
#end
  for (var plane = 0u; plane < params.planes; plane++) {
    let image_plane = (image * params.groups + group_index) * params.planes + plane;
    let first_tap = (group_index * params.planes * params.rows * area + first_row * params.rowStride) +
      plane * params.planeStride + down.tap * params.kernelWidth + across.tap;
    for (var s = 0u; s < across.taps; s++) {
      let x = across.start + j * across.step + s * params.pitchWidth;
      let at = image_plane * params.height * params.width + x;
      let limit = select(0u, params.height, x < params.width);
      var tap = first_tap + s * across.tapStep;
      var y = y0;
      var over = vec4<f32>();
      var under = vec4<f32>();
      if (SLIDES != 0u) {
        over = vec4<f32>(0.0, load(at, y, limit), load(at, y + pitch, limit), load(at, y + 2u * pitch, limit));
        under = vec4<f32>(
          load(at, y + 3u * pitch, limit),
          load(at, y + 4u * pitch, limit),
          load(at, y + 5u * pitch, limit),
          load(at, y + 6u * pitch, limit),
        );
      }
      for (var r = 0u; r < down.taps; r++) {
        if (SLIDES != 0u) {
          over = vec4<f32>(over.yzw, under.x);
          under = vec4<f32>(under.yzw, load(at, y + 7u * pitch, limit));
        } else {
#for i in 0..4
          over[$i] = load(at, y + $(i)u * down.step, limit);
          under[$i] = load(at, y + $(i + 4)u * down.step, limit);
#end
        }
#for m in 0..8
        if ($(m)u < SLOTS) {
          let w = f32(weight[tap + $(m)u * params.rowStride]);
          over$m += w * over;
          under$m += w * under;
        }
#end
        y += pitch;
        tap += tap_down;
      }
    }
  }
  let pixel_at = (down.first + i * params.phasesHeight) * params.outWidth + across.first + j * params.phasesWidth;
  let count = down.count - i;
#for m in 0..8
  if ($(m)u < SLOTS && first_row + $(m)u < params.rows) {
    let filter_index = group_index * params.rows + first_row + $(m)u;
    let plane = image * params.groups * params.rows + filter_index;
    let at = plane * params.outHeight * params.outWidth + pixel_at;
    store(at, count, filter_index, over$m);
    store(at + 4u * params.phasesHeight * params.outWidth, max(count, 4u) - 4u, filter_index, under$m);
  }
#end
}
