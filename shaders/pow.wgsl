// y = a^b, element by element, f32, broadcasting.
//
//! kernel pow_f32 = power(a, b) | T=f32 | R=f32
#include "common/special"
#include "common/binary"

// WGSL's pow is defined for a > 0 only. a^0 = 1 whatever a is; a negative a takes whole b alone, and odd b keep its sign.
fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0) {
    return 1.0;
  }
  if (is_nan(a) || is_nan(b)) {
    return nan();
  }
  let size = abs(a);
  var y = 0.0;
  if (size > 0.0) {
    y = pow(size, b);
  } else if (b < 0.0) {
    y = infinity();
  }
  if ((bitcast<u32>(a) >> 31u) == 0u) {
    return y;
  }
  if (floor(b) != b) {
    return select(y, nan(), size > 0.0);
  }
  return select(-y, y, floor(0.5 * b) * 2.0 == b);
}
