// Pooling by windows of 2 x 2 that cover planes without a rest, in rows of four or a multiple: one invocation makes four
// windows of a row from two quads in each of two rows of x, without a test or a division by window.
#include "common/indexing"
#include "common/windows"

alias x_stored = f32;
alias y_stored = f32;
alias dy_stored = f32;
alias dx_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<vec4<x_stored>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<y_stored>>;
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
@group(0) @binding(3) var<uniform> params: Pool2dParams;

@group(0) @binding(0) var<storage, read> dy: array<vec4<dy_stored>>;
@group(0) @binding(1) var<storage, read> winners: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<dx_stored>>;

@group(0) @binding(1) var<storage, read_write> mean_dx: array<vec4<dx_stored>>;
@group(0) @binding(2) var<uniform> mean_params: Pool2dParams;

// Elements of four windows: what lies above, left and right, and what lies below.
struct Four {
  a: vec4<f32>,
  b: vec4<f32>,
  c: vec4<f32>,
  d: vec4<f32>,
}

// The first quad of x, and how far that below is, for quad `index` of y; all rows of x in pairs, whatever the plane.
fn quads_of(g: Pool2dParams, index: u32) -> vec2<u32> {
  let line = g.outWidth / 4u;
  let row = index / line;
  return vec2<u32>(2u * (index + row * line), 2u * line);
}

fn past_end(g: Pool2dParams, index: u32) -> bool {
  return index >= g.planes * g.outHeight * (g.outWidth / 4u);
}

fn four_of(at: vec2<u32>) -> Four {
  let a = vec4<f32>(x[at.x]);
  let b = vec4<f32>(x[at.x + 1u]);
  let c = vec4<f32>(x[at.x + at.y]);
  let d = vec4<f32>(x[at.x + at.y + 1u]);
  return Four(vec4(a.xz, b.xz), vec4(a.yw, b.yw), vec4(c.xz, d.xz), vec4(c.yw, d.yw));
}

fn nans(value: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(value) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

fn win(value: vec4<f32>, held: vec4<f32>) -> vec4<bool> {
  return nans(value) | ((value > held) & !nans(held));
}

// y, and a byte for each winner's tap.
@compute @workgroup_size(64)
fn max_pool2d_f32__pairs(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  if (past_end(params, index)) {
    return;
  }
  let all = four_of(quads_of(params, index));
  var best = all.a;
  var taps = vec4<u32>();
  let second = win(all.b, best);
  best = select(best, all.b, second);
  taps = select(taps, vec4(1u), second);
  let third = win(all.c, best);
  best = select(best, all.c, third);
  taps = select(taps, vec4(2u), third);
  let fourth = win(all.d, best);
  y[index] = vec4<y_stored>(select(best, all.d, fourth));
  taps = select(taps, vec4(3u), fourth);
  named[index] = taps.x | (taps.y << 8u) | (taps.z << 16u) | (taps.w << 24u);
}

@compute @workgroup_size(64)
fn avg_pool2d_f32__pairs(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  if (past_end(mean_params, index)) {
    return;
  }
  let all = four_of(quads_of(mean_params, index));
  y[index] = vec4<y_stored>((all.a + all.b + all.c + all.d) / select(mean_params.divisor, 4.0, mean_params.divisor == 0.0));
}

// dx = dy at the winner of each window, else 0; a tap of 4 and more names none.
@compute @workgroup_size(64)
fn max_pool2d_backward_f32__pairs(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  if (past_end(params, index)) {
    return;
  }
  let taps = (vec4(winners[index]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
  let given = vec4<f32>(dy[index]);
  let none = vec4<f32>();
  let a = select(none, given, taps == vec4(0u));
  let b = select(none, given, taps == vec4(1u));
  let c = select(none, given, taps == vec4(2u));
  let d = select(none, given, taps == vec4(3u));
  let at = quads_of(params, index);
  dx[at.x] = vec4<dx_stored>(vec4(a.x, b.x, a.y, b.y));
  dx[at.x + 1u] = vec4<dx_stored>(vec4(a.z, b.z, a.w, b.w));
  dx[at.x + at.y] = vec4<dx_stored>(vec4(c.x, d.x, c.y, d.y));
  dx[at.x + at.y + 1u] = vec4<dx_stored>(vec4(c.z, d.z, c.w, d.w));
}

@compute @workgroup_size(64)
fn avg_pool2d_backward_f32__pairs(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  if (past_end(mean_params, index)) {
    return;
  }
  let share = vec4<f32>(dy[index]) / select(mean_params.divisor, 4.0, mean_params.divisor == 0.0);
  let at = quads_of(mean_params, index);
  mean_dx[at.x] = vec4<dx_stored>(share.xxyy);
  mean_dx[at.x + 1u] = vec4<dx_stored>(share.zzww);
  mean_dx[at.x + at.y] = vec4<dx_stored>(share.xxyy);
  mean_dx[at.x + at.y + 1u] = vec4<dx_stored>(share.zzww);
}
