// y = RESULT of Σ TERM, where TERM needs a PIVOT from a pass over the same elements first: the elements, joined by
// EXPRESSION from START on. Variances are taken from the first element's distance on, so that equal elements give 0.
//! variant | JOINS=join plus
//! kernel variance_f32 = a + b | T=f32 | R=f32 | START=0.0 | ORIGIN=x_values[share.base] | PIVOT=mean(total) | TERM=(x - pivot) * (x - pivot) | RESULT=total * params.scale
//! kernel std_f32 = a + b | T=f32 | R=f32 | START=0.0 | ORIGIN=x_values[share.base] | PIVOT=mean(total) | TERM=(x - pivot) * (x - pivot) | RESULT=sqrt(total * params.scale)
//! kernel log_sum_exp_f32 = larger(a, b) | T=f32 | R=f32 | START=-infinity() | ORIGIN=0.0 | PIVOT=finite(total) | TERM=exponential(x - pivot) | RESULT=logarithm(total) + pivot
#include "common/reduce"

alias H = f32;

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

fn plus(a: f32, b: f32) -> f32 {
  return a + b;
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let share = share_of(group, local, groups);
  let origin = ORIGIN;
  var own = START;
  for (var i = share.first; i < share.end; i += params.lanes) {
    own = join(own, x_values[share.base + inner_offset(i)] - origin);
  }
  var total = join_lanes(own, local);
  let pivot = PIVOT;
  own = 0.0;
  for (var i = share.first; i < share.end; i += params.lanes) {
    let x = x_values[share.base + inner_offset(i)] - origin;
    own += TERM;
  }
  total = plus_lanes(own, local);
  if (share.writes) {
    output[share.row] = RESULT;
  }
}
