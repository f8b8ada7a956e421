// y = RESULT of the TERMs of x, joined two and two from START on. A bool is a word, 0 or 1. Of few long rows one launch joins
// the terms of parts (STAGE 1), another what these leave (STAGE 2).
//! variant | JOINS=join
//! kernel sum_f32 = a + b | T=f32 | R=f32 | START=0.0 | TERM=x | RESULT=total * params.scale
//! kernel prod_f32 = a * b | T=f32 | R=f32 | START=1.0 | TERM=x | RESULT=total
//! kernel max_f32 = larger(a, b) | T=f32 | R=f32 | START=-infinity() | TERM=x | RESULT=total
//! kernel min_f32 = smaller(a, b) | T=f32 | R=f32 | START=infinity() | TERM=x | RESULT=total
//! kernel sum_i32 = a + b | T=i32 | R=i32 | START=0 | TERM=x | RESULT=total
//! kernel prod_i32 = a * b | T=i32 | R=i32 | START=1 | TERM=x | RESULT=total
//! kernel max_i32 = max(a, b) | T=i32 | R=i32 | START=-2147483647 - 1 | TERM=x | RESULT=total
//! kernel min_i32 = min(a, b) | T=i32 | R=i32 | START=2147483647 | TERM=x | RESULT=total
//! kernel any_bool = a | b | T=u32 | R=u32 | START=0u | TERM=x | RESULT=total
//! kernel all_bool = a & b | T=u32 | R=u32 | START=1u | TERM=x | RESULT=total
//! kernel count_f32 = a + b | T=f32 | R=i32 | START=0 | TERM=i32(!is_zero(x)) | RESULT=total
//! kernel count_i32 = a + b | T=i32 | R=i32 | START=0 | TERM=i32(x != 0) | RESULT=total
//! kernel norm_zero_f32 = a + b | T=f32 | R=f32 | START=0.0 | TERM=f32(!is_zero(x)) | RESULT=total
//! kernel norm_one_f32 = a + b | T=f32 | R=f32 | START=0.0 | TERM=abs(x) | RESULT=total
//! kernel norm_two_f32 = a + b | T=f32 | R=f32 | START=0.0 | TERM=x * x | RESULT=sqrt(total)
//! kernel norm_power_f32 = a + b | T=f32 | R=f32 | START=0.0 | TERM=power(abs(x), params.power) | RESULT=power(total, 1.0 / params.power)
//! kernel norm_max_f32 = larger(a, b) | T=f32 | R=f32 | START=0.0 | TERM=abs(x) | RESULT=total
//! kernel norm_min_f32 = smaller(a, b) | T=f32 | R=f32 | START=infinity() | TERM=abs(x) | RESULT=total
#include "common/reduce"

alias H = R;

// size^exponent of a size that is not negative.
fn power(size: f32, exponent: f32) -> f32 {
  if (is_nan(size)) {
    return size;
  }
  if (size == 0.0 || is_infinite(size)) {
    return select(infinity(), 0.0, (size == 0.0) == (exponent > 0.0));
  }
  return pow(size, exponent);
}

fn join(a: R, b: R) -> R {
  return EXPRESSION;
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let share = share_of(group, local, groups);
  var own: R = START;
  for (var i = share.first; i < share.end; i += params.lanes) {
    let x = x_values[element(share, i)];
    if (STAGE == 2u) {
      own = join(own, R(x));
    } else {
      own = join(own, TERM);
    }
  }
  let total = join_lanes(own, local);
  if (share.writes) {
    if (STAGE == 1u) {
      output[share.row] = total;
    } else {
      output[share.row] = RESULT;
    }
  }
}
