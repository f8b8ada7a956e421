// y_i = x_0 · x_1 · ... · x_i along rows of `length` elements that lie `inner` apart; params.mode 1: without x_i itself.
// params.serial: one invocation per row; else a workgroup of 64 per row reads and writes 64 elements at a time, and one
// invocation joins them in order: parts alone may overflow though the row does not. Scans whose parts may not go by blocks: scan_blocks.wgsl.
//! params cumsum_f32 cumsum_i32 log_cum_sum_exp_f32 : ScanParams
#include "common/scan"

@group(0) @binding(0) var<storage, read> x_values: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: ScanParams;

fn write_row(base: u32) {
  var held = 1.0;
  for (var k = 0u; k < params.length; k++) {
    let i = base + place(k) * params.inner;
    let before = held;
    held *= x_values[i];
    output[i] = select(held, before, params.mode == 1u);
  }
}

var<workgroup> factors: array<f32, 64>;

@compute @workgroup_size(64)
fn cumprod_f32(
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
  var held = 1.0;
  for (var first = 0u; first < params.length; first += 64u) {
    let count = min(64u, params.length - first);
    let i = base + place(first + local) * params.inner;
    if (local < count) {
      factors[local] = x_values[i];
    }
    workgroupBarrier();
    if (local == 0u) {
      for (var k = 0u; k < count; k++) {
        let before = held;
        held *= factors[k];
        factors[k] = select(held, before, params.mode == 1u);
      }
    }
    workgroupBarrier();
    if (local < count) {
      output[i] = factors[local];
    }
  }
}
