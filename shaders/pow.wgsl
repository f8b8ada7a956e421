// y = a^b, element by element, f32, broadcasting.
//
//! kernel pow_f32 = power(a, b) | T=f32 | R=f32
#include "common/special"
#include "common/binary"

// WGSL's pow is defined for a > 0 only. a^0 = 1^b = (-1)^(+-infinity) = 1, whatever a and b are; a negative a
// takes whole b alone, and odd b keep its sign.
fn power(a: f32, b: f32) -> f32 {
  if ((b == 0.0 && !is_nan(b)) || (a == 1.0 && !is_nan(a)) || (a == -1.0 && is_infinite(b))) {
    return 1.0;
  }
  let size = abs(a);
  if (is_nan(a) || is_nan(b)) {
    return nan();
  }
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
    return select(nan(), y, size == 0.0 || is_infinite(a));
  }
  return select(-y, y, floor(0.5 * b) * 2.0 == b);
}
