// dweight and dbias of conv2d tap by tap, of x and dy as conv2d_quads lays them out: for one tap a product of filters by
// channels over those pixels alone that the tap sees inside x, four images at a time. The four invocations of a quad take two
// by two tiles of 4 FQ filters by 4 CQ channels and load two of the four images each: quadSwap moves the others over without
// choosing, in an order of the invocation's own, the same for filters and channels. Quads are neighbours in number, as in
// common/tile_direct. Workgroups over a tap's tiles, taps of all groups and, as one more, their biases, shares of the pixels.
//! kernel conv2d_weight_gradient_f32__quad_taps | FQ=2 | CQ=2
enable subgroups;

// Filters and channels are those of a group.
struct TapsParams {
  groups: u32,
  channels: u32,
  filters: u32,
  height: u32,
  width: u32,
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
  // The taps of a filter, and one more where the bias-gradient is wanted; images by four; shares and sums of a share.
  columns: u32,
  imageQuads: u32,
  shares: u32,
  partStride: u32,
}

alias source_stored = vec4<f32>;
alias dy_stored = vec4<f32>;

@group(0) @binding(0) var<storage, read> source: array<source_stored>;
@group(0) @binding(1) var<storage, read> dy: array<dy_stored>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<uniform> params: TapsParams;

// Whether the bias-gradient is wanted.
override BIAS = 0u;

// Along an axis, the first output whose tap lies inside, and how many follow; `tap` is where it lies for the first of all.
fn reach(tap: i32, stride: u32, size: u32, outs: u32) -> vec2<u32> {
  let step = i32(stride);
  let first = max(0, (step - 1 - tap) / step);
  let end = min(i32(outs), (i32(size) - 1 - tap + step) / step);
  return vec2<u32>(u32(first), u32(max(0, end - first)));
}

@compute @workgroup_size(16)
fn KERNEL(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let taps = params.kernelHeight * params.kernelWidth;
  let group_index = group.y / (taps + BIAS);
  let tap = group.y % (taps + BIAS);
  let is_bias = tap == taps;
  let filter_quads = (params.filters + 3u) / 4u;
  let channel_quads = (params.channels + 3u) / 4u;
  let channel_tiles = (channel_quads + $(2 * CQ - 1)u) / $(2 * CQ)u;
  let tile = group.x * 4u + local / 4u;
  let lane = local % 4u;
  let filter_quad = (tile / channel_tiles * 2u + lane / 2u) * $(FQ)u;
  let channel_quad = (tile % channel_tiles * 2u + lane % 2u) * $(CQ)u;

  // A bias sees every pixel.
  let tap_y = i32(tap / params.kernelWidth * params.dilationHeight) - params.top;
  let tap_x = i32(tap % params.kernelWidth * params.dilationWidth) - params.left;
  let all_rows = vec2<u32>(0u, params.outHeight);
  let all_columns = vec2<u32>(0u, params.outWidth);
  let rows = select(reach(tap_y, params.strideHeight, params.height, params.outHeight), all_rows, is_bias);
  let columns = select(reach(tap_x, params.strideWidth, params.width, params.outWidth), all_columns, is_bias);
  let pixels = params.imageQuads * rows.y * columns.y;
  let share = (pixels + params.shares - 1u) / params.shares;
  let begin = min(group.z * share, pixels);
  let count = min(begin + share, pixels) - begin;
  var column = begin % columns.y;
  var row = begin / columns.y % rows.y;
  let image = 4u * (begin / columns.y / rows.y) + lane;

  // Steps of a pixel, a row and an image; what is added behind a row and behind four images.
  let dy_step = params.groups * filter_quads;
  let dy_row = params.outWidth * dy_step;
  let dy_image = params.outHeight * dy_row;
  let dy_down = dy_row - columns.y * dy_step;
  let dy_on = 4u * dy_image - rows.y * dy_row;
  let x_pixel = params.groups * channel_quads;
  let x_line = params.width * x_pixel;
  let x_image = params.height * x_line;
  let x_step = params.strideWidth * x_pixel;
  let x_row = params.strideHeight * x_line;
  let x_down = x_row - columns.y * x_step;
  let x_on = 4u * x_image - rows.y * x_row;
  let x_y = (rows.x + row) * params.strideHeight + u32(tap_y);
  let x_x = (columns.x + column) * params.strideWidth + u32(tap_x);
  var dy_at = image * dy_image + (rows.x + row) * dy_row + (columns.x + column) * dy_step + group_index * filter_quads + filter_quad;
  var x_at = image * x_image + x_y * x_line + x_x * x_pixel + group_index * channel_quads + channel_quad;
  let dy_other = (lane ^ 2u) * dy_image - lane * dy_image;
  let x_other = (lane ^ 1u) * x_image - lane * x_image;

#for f in 0..FQ
#for c in 0..CQ
#for k in 0..4
  var sum$(f)_$(c)_$k = vec4<f32>();
#end
#end
#end
  for (var pixel = 0u; pixel < count; pixel++) {
#for f in 0..FQ
    let dy$(f)_0 = vec4<f32>(dy[dy_at + $(f)u]);
    let dy$(f)_2 = vec4<f32>(dy[dy_at + dy_other + $(f)u]);
    let dy$f = mat4x4<f32>(dy$(f)_0, quadSwapX(dy$(f)_0), dy$(f)_2, quadSwapX(dy$(f)_2));
#end
#for c in 0..CQ
    let x$(c)_0 = select(vec4<f32>(source[x_at + $(c)u]), vec4<f32>(1.0), is_bias);
    let x$(c)_1 = select(vec4<f32>(source[x_at + x_other + $(c)u]), vec4<f32>(1.0), is_bias);
    let x$c = transpose(mat4x4<f32>(x$(c)_0, x$(c)_1, quadSwapY(x$(c)_0), quadSwapY(x$(c)_1)));
#for f in 0..FQ
#for k in 0..4
    sum$(f)_$(c)_$k += dy$f * x$c[$k];
#end
#end
#end
    column++;
    let row_ends = column == columns.y;
    column = select(column, 0u, row_ends);
    row += u32(row_ends);
    let image_ends = row == rows.y;
    row = select(row, 0u, image_ends);
    dy_at += dy_step + select(0u, dy_down, row_ends) + select(0u, dy_on, image_ends);
    x_at += x_step + select(0u, x_down, row_ends) + select(0u, x_on, image_ends);
  }

  let first_column = select(tap, params.channels * taps, is_bias);
  let channels = select(params.channels, 1u, is_bias);
#for f in 0..4*FQ
  let filter$f = 4u * filter_quad + $(f)u;
  let stores$f = filter$f < params.filters;
  let at$f = group.z * params.partStride + (group_index * params.filters + filter$f) * params.columns + first_column;
#end
#for c in 0..CQ
#for k in 0..4
  {
    let channel = 4u * channel_quad + $(4 * c + k)u;
    let exists = channel < channels;
#for f in 0..FQ
#for i in 0..4
    if (exists & stores$(4 * f + i)) {
      parts[at$(4 * f + i) + channel * taps] = sum$(f)_$(c)_$k[$i];
    }
#end
#end
  }
#end
#end
}
