// y = EXPRESSION of Σ term, where a term needs a pivot from a pass over the same elements first: their mean (MOMENT) or their
// maximum. Variances are taken from the first element's distance on, so that equal elements give 0. Of few long rows one
// launch leaves of each part (mean or maximum, Σ term, elements), another joins these in two such passes.
//! variant | JOINS=join plus | T=f32 | R=f32
//! kernel variance_f32 = total * params.scale | MOMENT=1
//! kernel std_f32 = sqrt(total * params.scale) | MOMENT=1
//! kernel log_sum_exp_f32 = logarithm(total) + pivot | MOMENT=0
#include "common/reduce"

alias H = f32;

fn part_at(i: u32) -> vec3<f32> {
  return vec3(x_values[3u * i], x_values[3u * i + 1u], x_values[3u * i + 2u]);
}

fn plus(a: f32, b: f32) -> f32 {
  return a + b;
}

#if MOMENT
fn nothing() -> f32 {
  return 0.0;
}

fn join(a: f32, b: f32) -> f32 {
  return a + b;
}

fn origin_at(base: u32) -> f32 {
  return select(x_values[base], 0.0, STAGE == 2u);
}

// What the first pass joins of a part, and what it comes to.
fn share_in(part: vec3<f32>) -> f32 {
  return part.x * part.z;
}

fn found(joined: f32, count: f32) -> f32 {
  return joined / count;
}

fn term(x: f32, pivot: f32) -> f32 {
  return (x - pivot) * (x - pivot);
}

fn moved(part: vec3<f32>, pivot: f32) -> f32 {
  return part.y + term(part.x, pivot) * part.z;
}
#else
fn nothing() -> f32 {
  return -infinity();
}

fn join(a: f32, b: f32) -> f32 {
  return larger(a, b);
}

fn origin_at(base: u32) -> f32 {
  return 0.0;
}

fn share_in(part: vec3<f32>) -> f32 {
  return part.x;
}

fn found(joined: f32, count: f32) -> f32 {
  return joined;
}

fn term(x: f32, pivot: f32) -> f32 {
  return exponential(x - pivot);
}

fn moved(part: vec3<f32>, pivot: f32) -> f32 {
  return part.y * term(part.x, pivot);
}
#end

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let share = share_of(group, local, groups);
  let origin = origin_at(share.base);
  var own = nothing();
  for (var i = share.first; i < share.end; i += params.lanes) {
    let at = element(share, i);
    if (STAGE == 2u) {
      own = join(own, share_in(part_at(at)));
    } else {
      own = join(own, x_values[at] - origin);
    }
  }
  let count = select(f32(share.count), params.power, STAGE == 2u);
  let centre = found(join_lanes(own, local), count);
  // A shift by an infinite maximum would make NaN of it.
  let pivot = select(centre, 0.0, MOMENT == 0 && is_infinite(centre));
  own = 0.0;
  for (var i = share.first; i < share.end; i += params.lanes) {
    let at = element(share, i);
    if (STAGE == 2u) {
      own += moved(part_at(at), pivot);
    } else {
      own += term(x_values[at] - origin, pivot);
    }
  }
  let total = plus_lanes(own, local);
  if (share.writes && STAGE == 1u) {
    output[3u * share.row] = centre;
    output[3u * share.row + 1u] = total;
    output[3u * share.row + 2u] = count;
  } else if (share.writes) {
    output[share.row] = EXPRESSION;
  }
}
