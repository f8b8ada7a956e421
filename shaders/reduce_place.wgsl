// y = the index, in row-major order of the reduced axes, of the first element that no other beats; EXPRESSION says
// whether a beats b. NaN beats every number. x comes as words; parts of rows leave a value and its index.
//! variant | JOINS=join
//! kernel argmax_f32 = !is_nan(b) && (a > b || is_nan(a)) | T=u32 | R=u32 | V=f32
//! kernel argmin_f32 = !is_nan(b) && (a < b || is_nan(a)) | T=u32 | R=u32 | V=f32
//! kernel argmax_i32 = a > b | T=u32 | R=u32 | V=i32
//! kernel argmin_i32 = a < b | T=u32 | R=u32 | V=i32
#include "common/reduce"

alias H = Place;

struct Place {
  value: V,
  index: u32,
}

fn beats(a: V, b: V) -> bool {
  return EXPRESSION;
}

// Of equal values the one that comes first.
fn join(a: Place, b: Place) -> Place {
  if (beats(b.value, a.value) || (b.index < a.index && !beats(a.value, b.value))) {
    return b;
  }
  return a;
}

// A row's first position, which every lane may take for its own, has the index 0, though a part may begin elsewhere.
fn place_at(at: u32, index: u32) -> Place {
  if (STAGE == 2u) {
    return Place(bitcast<V>(x_values[2u * at]), x_values[2u * at + 1u]);
  }
  return Place(bitcast<V>(x_values[at]), index);
}

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let share = share_of(group, local, groups);
  var own = place_at(share.base, 0u);
  for (var i = share.first; i < share.end; i += params.lanes) {
    let other = place_at(element(share, i), i);
    if (beats(other.value, own.value)) {
      own = other;
    }
  }
  let best = join_lanes(own, local);
  if (share.writes) {
    if (STAGE == 1u) {
      output[2u * share.row] = bitcast<u32>(best.value);
      output[2u * share.row + 1u] = best.index;
    } else {
      output[share.row] = best.index;
    }
  }
}
