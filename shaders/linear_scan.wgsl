// y_i = a_i y_{i-1} + b_i along rows, from 0 on (mode 0); the same one place later (mode 1); y_i = a_{i-1} y_{i-1} + b_i
// (mode 2). params.serial: one invocation per row; else a workgroup of 64 per row reads and writes 64 elements at a time, and
// one invocation goes through them in order: a product of factors alone may overflow where the state is small or 0.
#include "common/scan"

@group(0) @binding(0) var<storage, read> a_values: array<f32>;
@group(0) @binding(1) var<storage, read> b_values: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: ScanParams;

// The result at an element, and the state that goes on from there.
fn step(held: f32, a: f32, b: f32) -> vec2<f32> {
  if (params.mode == 2u) {
    return vec2<f32>(b + held, a * (b + held));
  }
  let next = a * held + b;
  return vec2<f32>(select(next, held, params.mode == 1u), next);
}

fn write_row(base: u32) {
  var held = 0.0;
  for (var k = 0u; k < params.length; k++) {
    let i = base + place(k) * params.inner;
    let made = step(held, a_values[i], b_values[i]);
    output[i] = made.x;
    held = made.y;
  }
}

var<workgroup> factors: array<f32, 64>;
var<workgroup> terms: array<f32, 64>;

@compute @workgroup_size(64)
fn linear_scan_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let rows = params.outer * params.inner;
  if (params.serial != 0u) {
    let row = linear_index(group, local, groups);
    if (row < rows) {
      write_row(row_base(row));
    }
    return;
  }
  let row = linear_group(group, groups);
  if (row >= rows) {
    return;
  }
  let base = row_base(row);
  var held = 0.0;
  for (var first = 0u; first < params.length; first += 64u) {
    let count = min(64u, params.length - first);
    let i = base + place(first + local) * params.inner;
    if (local < count) {
      factors[local] = a_values[i];
      terms[local] = b_values[i];
    }
    workgroupBarrier();
    if (local == 0u) {
      for (var k = 0u; k < count; k++) {
        let made = step(held, factors[k], terms[k]);
        terms[k] = made.x;
        held = made.y;
      }
    }
    workgroupBarrier();
    if (local < count) {
      output[i] = terms[local];
    }
  }
}
