// y = the index, in row-major order of the reduced axes, of the first element that no other beats; EXPRESSION says
// whether a beats b. NaN beats every number.
//
//! kernel argmax_f32 = !is_nan(b) && (a > b || is_nan(a)) | T=f32 | R=i32
//! kernel argmin_f32 = !is_nan(b) && (a < b || is_nan(a)) | T=f32 | R=i32
//! kernel argmax_i32 = a > b | T=i32 | R=i32
//! kernel argmin_i32 = a < b | T=i32 | R=i32
#include "common/reduce"

struct Place {
  value: T,
  index: u32,
}

fn beats(a: T, b: T) -> bool {
  return EXPRESSION;
}

// What one invocation finds at inner positions first, first + step, ...; it starts from position 0.
fn part(base: u32, first: u32, step: u32) -> Place {
  var best = Place(x_values[base], 0u);
  for (var i = first; i < params.inner; i += step) {
    let value = x_values[base + inner_offset(i)];
    if (beats(value, best.value)) {
      best = Place(value, i);
    }
  }
  return best;
}

var<workgroup> places: array<Place, 64>;

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  if (params.serial != 0u) {
    let row = linear_index(group, local, groups);
    if (row < params.outer) {
      output[row] = i32(part(outer_offset(row), 1u, 1u).index);
    }
    return;
  }
  let row = linear_group(group, groups);
  if (row >= params.outer) {
    return;
  }
  places[local] = part(outer_offset(row), local, 64u);
  workgroupBarrier();
  for (var reach = 32u; reach > 0u; reach /= 2u) {
    if (local < reach) {
      let own = places[local];
      let other = places[local + reach];
      // Of equal values the one that comes first.
      let earlier = other.index < own.index && !beats(own.value, other.value);
      if (beats(other.value, own.value) || earlier) {
        places[local] = other;
      }
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    output[row] = i32(places[0].index);
  }
}
