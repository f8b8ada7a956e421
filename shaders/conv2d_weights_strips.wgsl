// dweight and dbias of conv2d from registers, of x and dy as conv2d_quads lays them out: an invocation takes 4 FQ filters, 4 CQ
// channels and all TAPS x TAPS taps between them, and a share of the strips of four pixels beside each other. What the taps
// see of a strip is loaded once for all of them, and the sum over four pixels of filters times channels is the product of two
// matrices, mat4x4 in WGSL: the loop has no test, no array and few loads for its multiply-adds. STEP is the stride along rows.
// Where QUAD is not 0, the four invocations of a quad have the same channels, load a pixel of x each, and pass it on; they are
// neighbours in number, as in common/tile_direct. Workgroups over tiles, 1, shares.
//! kernel conv2d_weight_gradient_f32__strips_1x1 | TAPS=1 | STEP=1 | FQ=2 | CQ=2 | QUAD=0 | LOADS=0
//! kernel conv2d_weight_gradient_f32__strips_3x3 | TAPS=3 | STEP=1 | FQ=2 | CQ=1 | QUAD=0 | LOADS=0
//! kernel conv2d_weight_gradient_f32__strips_3x3_by_2 | TAPS=3 | STEP=2 | FQ=2 | CQ=1 | QUAD=0 | LOADS=0
//! kernel conv2d_weight_gradient_f32__quad_strips_3x3 | TAPS=3 | STEP=1 | FQ=2 | CQ=1 | QUAD=1 | LOADS=5
//! kernel conv2d_weight_gradient_f32__quad_strips_3x3_by_2 | TAPS=3 | STEP=2 | FQ=2 | CQ=1 | QUAD=1 | LOADS=7
#if QUAD
enable subgroups;
#end
#include "common/indexing"

// Filters and channels are those of a group.
struct StripsParams {
  groups: u32,
  channels: u32,
  filters: u32,
  // Rows of dy of an image and strips of a row; rows of x's frame of an image, its columns, and the stride along columns.
  rows: u32,
  across: u32,
  frameHeight: u32,
  frameWidth: u32,
  stride: u32,
  // The taps of a filter, and one more where the bias-gradient is wanted.
  columns: u32,
  // Strips of all images, and of a share; shares; sums of a share.
  strips: u32,
  share: u32,
  shares: u32,
  partStride: u32,
}

alias source_stored = vec4<f32>;
alias dy_stored = vec4<f32>;

@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<uniform> params: StripsParams;

// Four filters by four pixels.
fn load_dy(at: u32, step: u32) -> mat4x4<f32> {
  return mat4x4<f32>(
    vec4<f32>(dy[at]),
    vec4<f32>(dy[at + step]),
    vec4<f32>(dy[at + 2u * step]),
    vec4<f32>(dy[at + 3u * step]),
  );
}

fn load_x(at: u32) -> vec4<f32> {
  return vec4<f32>(source[at]);
}

// Columns are channels.
fn store_taps(first: u32, filter_index: u32, channel: u32, tap: u32, sums: mat4x4<f32>) {
#for c in 0..4
#for f in 0..4
  if ((filter_index + $(f)u < params.filters) & (channel + $(c)u < params.channels)) {
    parts[first + $(f)u * params.columns + $(c * TAPS * TAPS)u + tap] = sums[$c][$f];
  }
#end
#end
}

// An invocation has much to do: small workgroups are spread more evenly.
@compute @workgroup_size(32)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let filter_quads = (params.filters + 3u) / 4u;
  let channel_quads = (params.channels + 3u) / 4u;
  let channel_tiles = (channel_quads + $(CQ - 1)u) / $(CQ)u;
  let filter_tiles = (filter_quads + $(FQ - 1)u) / $(FQ)u;
#if QUAD
  // A quad is of filters beside each other; all invocations stay, those past the end with filters that are not stored.
  let quads_of_filters = (filter_tiles + 3u) / 4u;
  let index = group.x * 32u + local;
  let tile = index / 4u;
  let share = group.z;
  let place = tile / channel_tiles;
  let group_index = min(place / quads_of_filters, params.groups - 1u);
  let filter_tile = 4u * (place % quads_of_filters) + index % 4u;
  let filter_quad = select(filter_tile * $(FQ)u, 0x10000000u, place / quads_of_filters >= params.groups);
#else
  let tile = linear_group(group, groups) * 32u + local;
  let place = tile / channel_tiles / filter_tiles;
  let share = place / params.groups;
  let group_index = place % params.groups;
  let filter_quad = tile / channel_tiles % filter_tiles * $(FQ)u;
  if (share >= params.shares) {
    return;
  }
#end
  let channel_quad = tile % channel_tiles * $(CQ)u;
  let dy_step = params.groups * filter_quads;
  let x_step = params.groups * channel_quads;
#if QUAD
  // Of the pixels that the taps see of a strip, row after row, every fourth is the invocation's to load.
#for v in 0..LOADS
  let seen_at$v = min(local % 4u + $(4 * v)u, $(TAPS * (3 * STEP + TAPS) - 1)u);
  let mine$v = (seen_at$v / $(3 * STEP + TAPS)u * params.frameWidth + seen_at$v % $(3 * STEP + TAPS)u) * x_step;
#end
#end
#for f in 0..FQ
  let dy_first$f = group_index * filter_quads + min(filter_quad + $(f)u, filter_quads - 1u);
  var bias$f = vec4<f32>();
#end
#for c in 0..CQ
  let x_first$c = group_index * channel_quads + min(channel_quad + $(c)u, channel_quads - 1u);
#for f in 0..FQ
#for t in 0..TAPS*TAPS
  var sum$(c)_$(f)_$t = mat4x4<f32>();
#end
#end
#end
  let end = min((share + 1u) * params.share, params.strips);
  for (var strip = share * params.share; strip < end; strip++) {
    let row = strip / params.across;
    let frame_row = row / params.rows * params.frameHeight + row % params.rows * params.stride;
    let x_at = (frame_row * params.frameWidth + strip % params.across * $(4 * STEP)u) * x_step;
#for f in 0..FQ
    let dy$f = load_dy(strip * 4u * dy_step + dy_first$f, dy_step);
    bias$f += dy$f * vec4<f32>(1.0);
#end
#for c in 0..CQ
    {
#if QUAD
#for v in 0..LOADS
      let loaded$v = load_x(x_at + x_first$c + mine$v);
#for i in 0..4
#if 4 * v + i < TAPS * (3 * STEP + TAPS)
      let x$(4 * v + i) = quadBroadcast(loaded$v, $(i)u);
#end
#end
#end
#else
#for r in 0..TAPS
#for i in 0..3*STEP+TAPS
      let x$(3 * STEP * r + TAPS * r + i) = load_x(x_at + x_first$c + $(r)u * params.frameWidth * x_step + $(i)u * x_step);
#end
#end
#end
#for r in 0..TAPS
#for s in 0..TAPS
#for i in 0..4
      let seen$(TAPS * r + s)_$i = x$(3 * STEP * r + TAPS * r + s + STEP * i);
#end
      let seen$(TAPS * r + s) = transpose(mat4x4<f32>(seen$(TAPS * r + s)_0, seen$(TAPS * r + s)_1, seen$(TAPS * r + s)_2, seen$(TAPS * r + s)_3));
#for f in 0..FQ
      sum$(c)_$(f)_$(TAPS * r + s) += dy$f * seen$(TAPS * r + s);
#end
#end
#end
    }
#end
  }
#for f in 0..FQ
  let filter$f = 4u * (filter_quad + $(f)u);
  let first$f = share * params.partStride + (group_index * params.filters + filter$f) * params.columns;
#for c in 0..CQ
  let channel$(c)_$f = 4u * (channel_quad + $(c)u);
#for t in 0..TAPS*TAPS
  store_taps(first$f + $(TAPS * TAPS)u * channel$(c)_$f, filter$f, channel$(c)_$f, $(t)u, sum$(c)_$(f)_$t);
#end
#end
#for i in 0..4
  if ((params.columns > params.channels * $(TAPS * TAPS)u) & (channel_quad == 0u) & (filter$f + $(i)u < params.filters)) {
    parts[first$f + ($(i)u + 1u) * params.columns - 1u] = bias$f[$i];
  }
#end
#end
}
