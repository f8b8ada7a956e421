// y_i = x_0 ∘ x_1 ∘ ... ∘ x_i along rows of `length` elements that lie `inner` apart, from START on; params.mode 1: without
// x_i itself. params.serial: one invocation per row; else a workgroup of 64 per row, each invocation takes a part of it:
// its part alone first, then again from what all earlier parts make together. Where parts alone may overflow though the
// row does not (ORDERED), the workgroup reads and writes 64 elements at a time and one invocation joins them in order.
//
//! kernel cumsum_f32 = a + b | T=f32 | START=0.0 | ORDERED=false
//! kernel cumsum_i32 = a + b | T=i32 | START=0 | ORDERED=false
//! kernel cumprod_f32 = a * b | T=f32 | START=1.0 | ORDERED=true
//! kernel log_cum_sum_exp_f32 = log_add(a, b) | T=f32 | START=-infinity() | ORDERED=false
#include "common/scan"
#include "common/special"

@group(0) @binding(0) var<storage, read> x_values: array<T>;
@group(0) @binding(1) var<storage, read_write> output: array<T>;
@group(0) @binding(2) var<uniform> params: ScanParams;

// ln (e^a + e^b).
fn log_add(a: f32, b: f32) -> f32 {
  let top = larger(a, b);
  if (is_infinite(top) || is_nan(top)) {
    return top;
  }
  return top + log(1.0 + exp(min(a, b) - top));
}

fn join(a: T, b: T) -> T {
  return EXPRESSION;
}

fn write_part(base: u32, first: u32, end: u32, start: T) {
  var held = start;
  for (var k = first; k < end; k++) {
    let i = base + place(k) * params.inner;
    let before = held;
    held = join(held, x_values[i]);
    output[i] = select(held, before, params.mode == 1u);
  }
}

var<workgroup> parts: array<T, 64>;

fn write_ordered(base: u32, local: u32) {
  var held: T = START;
  for (var first = 0u; first < params.length; first += 64u) {
    let count = min(64u, params.length - first);
    let i = base + place(first + local) * params.inner;
    if (local < count) {
      parts[local] = x_values[i];
    }
    workgroupBarrier();
    if (local == 0u) {
      for (var k = 0u; k < count; k++) {
        let before = held;
        held = join(held, parts[k]);
        parts[k] = select(held, before, params.mode == 1u);
      }
    }
    workgroupBarrier();
    if (local < count) {
      output[i] = parts[local];
    }
  }
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let rows = params.outer * params.inner;
  if (params.serial != 0u) {
    let row = linear_index(group, local, groups);
    if (row < rows) {
      write_part(row_base(row), 0u, params.length, START);
    }
    return;
  }
  let row = linear_group(group, groups);
  if (row >= rows) {
    return;
  }
  let base = row_base(row);
  if (ORDERED) {
    write_ordered(base, local);
    return;
  }
  let chunk = (params.length + 63u) / 64u;
  let first = min(params.length, local * chunk);
  let end = min(params.length, first + chunk);
  var total: T = START;
  for (var k = first; k < end; k++) {
    total = join(total, x_values[base + place(k) * params.inner]);
  }
  parts[local] = total;
  workgroupBarrier();
  var held: T = START;
  for (var i = 0u; i < local; i++) {
    held = join(held, parts[i]);
  }
  write_part(base, first, end, held);
}
