// y = the index, in row-major order of the reduced axes, of the first element that no other beats; EXPRESSION says
// whether a beats b. NaN beats every number.
//! variant | JOINS=join
//! kernel argmax_f32 = !is_nan(b) && (a > b || is_nan(a)) | T=f32 | R=i32
//! kernel argmin_f32 = !is_nan(b) && (a < b || is_nan(a)) | T=f32 | R=i32
//! kernel argmax_i32 = a > b | T=i32 | R=i32
//! kernel argmin_i32 = a < b | T=i32 | R=i32
#include "common/reduce"

alias H = Place;

struct Place {
  value: T,
  index: u32,
}

fn beats(a: T, b: T) -> bool {
  return EXPRESSION;
}

// Of equal values the one that comes first.
fn join(a: Place, b: Place) -> Place {
  if (beats(b.value, a.value) || (b.index < a.index && !beats(a.value, b.value))) {
    return b;
  }
  return a;
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let share = share_of(group, local, groups);
  // From the first position on, which every lane may take for its own.
  var own = Place(x_values[share.base], 0u);
  for (var i = share.first; i < share.end; i += params.lanes) {
    let value = x_values[share.base + inner_offset(i)];
    if (beats(value, own.value)) {
      own = Place(value, i);
    }
  }
  let best = join_lanes(own, local);
  if (share.writes) {
    output[share.row] = i32(best.index);
  }
}
