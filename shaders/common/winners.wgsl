// Of four windows what won so far: of the elements the first largest, or the last NaN.
#include "common/special"

struct Winners {
  value: vec4<f32>,
  tap: vec4<u32>,
  // Whether it is NaN.
  none: vec4<bool>,
}

fn won(held: Winners, value: vec4<f32>, tap: u32) -> Winners {
  let none = (bitcast<vec4<i32>>(value) & vec4(0x7fffffff)) > vec4(0x7f800000);
  let wins = none | ((value > held.value) & !held.none);
  return Winners(select(held.value, value, wins), select(held.tap, vec4(tap), wins), held.none | none);
}

// Four taps to a word.
fn packed(tap: vec4<u32>) -> u32 {
  return tap.x | (tap.y << 8u) | (tap.z << 16u) | (tap.w << 24u);
}
