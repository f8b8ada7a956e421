// y_i = a_i y_{i-1} + b_i along rows, from 0 on (mode 0); the same one place later (mode 1); y_i = a_{i-1} y_{i-1} + b_i
// (mode 2). Work is laid out as in scan.wgsl; a part of a row takes the state h before it to p h + q.
#include "common/scan"

@group(0) @binding(0) var<storage, read> a_values: array<f32>;
@group(0) @binding(1) var<storage, read> b_values: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: ScanParams;

fn write_part(base: u32, first: u32, end: u32, start: f32) {
  var held = start;
  for (var k = first; k < end; k++) {
    let i = base + place(k) * params.inner;
    let a = a_values[i];
    let b = b_values[i];
    if (params.mode == 2u) {
      output[i] = b + held;
      held = a * (b + held);
    } else {
      let before = held;
      held = a * held + b;
      output[i] = select(held, before, params.mode == 1u);
    }
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
      write_part(row_base(row), 0u, params.length, 0.0);
    }
    return;
  }
  let row = linear_group(group, groups);
  if (row >= rows) {
    return;
  }
  let base = row_base(row);
  let chunk = (params.length + 63u) / 64u;
  let first = min(params.length, local * chunk);
  let end = min(params.length, first + chunk);
  var factor = 1.0;
  var term = 0.0;
  for (var k = first; k < end; k++) {
    let i = base + place(k) * params.inner;
    let a = a_values[i];
    let b = b_values[i];
    factor *= a;
    term = select(a * term + b, a * (term + b), params.mode == 2u);
  }
  factors[local] = factor;
  terms[local] = term;
  workgroupBarrier();
  var held = 0.0;
  for (var i = 0u; i < local; i++) {
    held = factors[i] * held + terms[i];
  }
  write_part(base, first, end, held);
}
