// A convolution or its input-gradient (common/correlate) as an implicit matrix product of what conv2d_pack has laid out:
// four planes of a pixel, or of a weight, are one vec4, and the frame of zeros leaves no test to the loads. A quad of
// invocations computes 4 BLOCK planes by 32 pixels of the result: each loads BLOCK rows of weights and passes them to the
// three others, whose rows it takes in an order of its own (quadSwap moves without choosing), and eight pixels of its own.
// No workgroup memory, no barrier: for adapters where these cost as much as loads. For devices with `quads`, where neighbours
// in number share one. Workgroups over quads, 1, groups times phases.
//! kernel conv2d_f32__packed_16 | BLOCK=4
//! kernel conv2d_f32__packed_8 | BLOCK=2
//! kernel conv2d_f32__packed_4 | BLOCK=1
enable subgroups;
#include "common/correlate"

// The frame and weights, a bias [groups rows] that is read if hasBias is not 0, and the result.
@group(0) @binding(0) var<storage, read> frame: array<frame_stored>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<output_stored>;
@group(0) @binding(3) var<uniform> params: CorrelateParams;

// Four pixels of the result.
struct Pixels {
  // Tap (0, 0) of the phase in the frame, and the place in the result's first plane.
  source: vec4<u32>,
  at: vec4<u32>,
  inside: vec4<bool>,
}

fn pixels_of(first: u32, count: u32, group: u32, down: Axis, across: Axis) -> Pixels {
  let all = first + vec4<u32>(0u, 1u, 2u, 3u);
  let pixel = min(all, vec4<u32>(count - 1u));
  let row = pixel / across.count;
  let j = pixel - row * across.count;
  let image = row / down.count;
  let i = row - image * down.count;
  let y = down.start + params.frameTop + i * down.step;
  let x = across.start + params.frameLeft + j * across.step;
  let plane = (image * params.groups + group) * params.frameHeight;
  let stored = image * params.groups * params.rows * params.outHeight + down.first + i * params.phasesHeight;
  return Pixels(
    ((plane + y) * params.frameWidth + x) * params.quads,
    stored * params.outWidth + across.first + j * params.phasesWidth,
    all < vec4<u32>(count),
  );
}

fn load(pixels: vec4<u32>, at: u32) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    vec4<f32>(frame[pixels.x + at]),
    vec4<f32>(frame[pixels.y + at]),
    vec4<f32>(frame[pixels.z + at]),
    vec4<f32>(frame[pixels.w + at]),
  ));
}

fn store(plane: u32, pixels: Pixels, sums: vec4<f32>) {
  var values = sums;
  if (params.hasBias != 0u) {
    values += bias[plane];
  }
  // NaN stays.
  values = select(values, vec4<f32>(), (values <= vec4<f32>()) & vec4<bool>(params.activation == 1u));
  let at = pixels.at + plane * params.outHeight * params.outWidth;
#for c in x y z w
  if (pixels.inside.$c) {
    output[at.$c] = output_stored(values.$c);
  }
#end
}

@compute @workgroup_size(32)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let group_index = group.z % params.groups;
  let phase = group.z / params.groups;
  let down = down_of(phase / params.phasesWidth);
  let across = across_of(phase % params.phasesWidth);
  let count = params.batch * down.count * across.count;
  let blocks = (count + 31u) / 32u;
  if (group.x * 8u >= blocks * ((params.rows + $(4 * BLOCK - 1)u) / $(4 * BLOCK)u)) {
    return;
  }
  let lane = local % 4u;
  let quad = group.x * 8u + local / 4u;
  let first_row = quad / blocks * $(4 * BLOCK)u;
  let first_pixel = quad % blocks * 32u + 4u * lane;
#for j in 0..2
  let pixels$j = pixels_of(first_pixel + $(16 * j)u, count, group_index, down, across);
#end
  // From tap to tap along a row, and to the first of the next: of weights and of the frame, from the last quad on.
  let tap_left = across.tapStep * params.rows * params.quads;
  let row_left = (down.tapStep * params.kernelWidth - (across.taps - 1u) * across.tapStep) * params.rows * params.quads;
  let tap_right = params.pitchWidth * params.quads;
  let row_right = (params.pitchHeight * params.frameWidth - (across.taps - 1u) * params.pitchWidth) * params.quads;
  let first_tap = (group_index * params.kernelHeight + down.tap) * params.kernelWidth + across.tap;
  let weights = params.weightsAt + first_tap * params.rows * params.quads;
#for x in 0..BLOCK
  let row$x = weights + min(first_row + $(BLOCK)u * lane + $(x)u, params.rows - 1u) * params.quads;
#end
#for b in 0..4
#for x in 0..BLOCK
#for j in 0..2
  var sum$(b)_$(x)_$j = vec4<f32>();
#end
#end
#end
  let inner = down.taps * across.taps * params.quads;
  var left = 0u;
  var right = 0u;
  var quads = 0u;
  var taps = 0u;
  for (var k = 0u; k < inner; k++) {
#for x in 0..BLOCK
    let l0_$x = vec4<f32>(frame[row$x + left]);
    let l1_$x = quadSwapX(l0_$x);
    let l2_$x = quadSwapY(l0_$x);
    let l3_$x = quadSwapDiagonal(l0_$x);
#end
#for j in 0..2
    let r$j = load(pixels$(j).source, right);
#end
#for b in 0..4
#for x in 0..BLOCK
#for j in 0..2
#for i in 0..4
    sum$(b)_$(x)_$j += l$(b)_$(x)[$(i)] * r$j[$(i)];
#end
#end
#end
#end
    quads++;
    let ends = quads == params.quads;
    quads = select(quads, 0u, ends);
    taps += u32(ends);
    let turns = taps == across.taps;
    taps = select(taps, 0u, turns);
    left += 1u + select(0u, select(tap_left, row_left, turns) - params.quads, ends);
    right += 1u + select(0u, select(tap_right, row_right, turns) - params.quads, ends);
  }
#for b in 0..4
#for x in 0..BLOCK
  let row$(b)_$x = first_row + $(BLOCK)u * (lane ^ $(b)u) + $(x)u;
  if (row$(b)_$x < params.rows) {
#for j in 0..2
    store(group_index * params.rows + row$(b)_$x, pixels$j, sum$(b)_$(x)_$j);
#end
  }
#end
#end
}
