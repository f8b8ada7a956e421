// y = RESULT of Σ TERM, where TERM needs a PIVOT from a pass over the same elements first: the elements, joined by
// EXPRESSION from START on. Variances are taken from the first element's distance on, so that equal elements give 0.
//
//! kernel variance_f32 = a + b | T=f32 | R=f32 | START=0.0 | ORIGIN=x_values[base] | PIVOT=mean(total) | TERM=(x - pivot) * (x - pivot) | RESULT=total * params.scale
//! kernel std_f32 = a + b | T=f32 | R=f32 | START=0.0 | ORIGIN=x_values[base] | PIVOT=mean(total) | TERM=(x - pivot) * (x - pivot) | RESULT=sqrt(total * params.scale)
//! kernel log_sum_exp_f32 = larger(a, b) | T=f32 | R=f32 | START=-infinity() | ORIGIN=0.0 | PIVOT=finite(total) | TERM=exponential(x - pivot) | RESULT=logarithm(total) + pivot
#include "common/reduce"

fn mean(total: f32) -> f32 {
  return total / f32(params.inner);
}

// A shift by an infinite maximum would make NaN of it.
fn finite(top: f32) -> f32 {
  return select(top, 0.0, is_infinite(top));
}

fn join(a: f32, b: f32) -> f32 {
  return EXPRESSION;
}

fn first_part(base: u32, first: u32, step: u32) -> f32 {
  let origin = ORIGIN;
  var total = START;
  for (var i = first; i < params.inner; i += step) {
    let x = x_values[base + inner_offset(i)] - origin;
    total = join(total, x);
  }
  return total;
}

fn second_part(base: u32, first: u32, step: u32, pivot: f32) -> f32 {
  let origin = ORIGIN;
  var total = 0.0;
  for (var i = first; i < params.inner; i += step) {
    let x = x_values[base + inner_offset(i)] - origin;
    total += TERM;
  }
  return total;
}

fn finish(total: f32, pivot: f32) -> f32 {
  return RESULT;
}

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  if (params.serial != 0u) {
    let row = linear_index(group, local, groups);
    if (row < params.outer) {
      let base = outer_offset(row);
      let total = first_part(base, 0u, 1u);
      let pivot = PIVOT;
      output[row] = finish(second_part(base, 0u, 1u, pivot), pivot);
    }
    return;
  }
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  let base = outer_offset(row);
  parts[local] = first_part(base, local, 64u);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      parts[local] = join(parts[local], parts[local + reach]);
    }
    workgroupBarrier();
  }
  let total = parts[0];
  let pivot = PIVOT;
  workgroupBarrier();
  parts[local] = second_part(base, local, 64u, pivot);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      parts[local] += parts[local + reach];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    output[row] = finish(parts[0], pivot);
  }
}
