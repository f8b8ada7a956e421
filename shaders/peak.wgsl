// What the adapter can do at most: measured by the bench, used by no op.
#include "common/indexing"

struct PeakParams {
  // peak_f32: multiply-adds of each chain; on wasm rounds are the work units. copy_f32: 16-byte blocks.
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> data: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> params: PeakParams;

// 8 independent chains of vec4 multiply-adds per invocation, 64 floating-point operations a round.
@compute @workgroup_size(64)
fn peak_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups) % 64u;
  let x = data[0];
  let y = data[1];
  var a = data[i];
  var b = a + y;
  var c = b + y;
  var d = c + y;
  var e = d + y;
  var f = e + y;
  var g = f + y;
  var h = g + y;
  for (var round = 0u; round < params.count; round++) {
    a = fma(a, x, y);
    b = fma(b, x, y);
    c = fma(c, x, y);
    d = fma(d, x, y);
    e = fma(e, x, y);
    f = fma(f, x, y);
    g = fma(g, x, y);
    h = fma(h, x, y);
  }
  data[i + 64u] = a + b + c + d + e + f + g + h;
}

@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> copying: PeakParams;

@compute @workgroup_size(64)
fn copy_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i < copying.count) {
    copied[i] = source[i];
  }
}
