// Division towards -infinity, angles and steps, y = f(a, b), element by element, f32, broadcasting.
//
//! kernel floor_divide_f32 = floor_quotient(a, b) | T=f32 | R=f32
//! kernel remainder_f32 = floor_remainder(a, b) | T=f32 | R=f32
//! kernel atan2_f32 = angle(a, b) | T=f32 | R=f32
// 0 for a = NaN.
//! kernel heaviside_f32 = select(select(0.0, 1.0, a > 0.0 && !is_nan(a)), b, a == 0.0) | T=f32 | R=f32
#include "common/binary"
#include "common/special"

// The remainder of truncated division, exact: long division of the mantissas, a bit at a time. NaN where a is
// infinite or b is 0.
fn truncated_remainder(a: f32, b: f32) -> f32 {
  let sign = bitcast<u32>(a) & 0x80000000u;
  let dividend = bitcast<u32>(a) & 0x7fffffffu;
  let divisor = bitcast<u32>(b) & 0x7fffffffu;
  if (dividend >= 0x7f800000u || divisor > 0x7f800000u || divisor == 0u) {
    return nan();
  }
  if (dividend < divisor) {
    return a;
  }
  let a_exponent = max(dividend >> 23u, 1u);
  let b_exponent = max(divisor >> 23u, 1u);
  let a_mantissa = (dividend & 0x7fffffu) | select(0u, 0x800000u, dividend >= 0x800000u);
  let b_mantissa = (divisor & 0x7fffffu) | select(0u, 0x800000u, divisor >= 0x800000u);
  var rest = a_mantissa % b_mantissa;
  for (var exponent = a_exponent; exponent > b_exponent; exponent--) {
    rest <<= 1u;
    rest -= select(0u, b_mantissa, rest >= b_mantissa);
  }
  if (rest == 0u) {
    return bitcast<f32>(sign);
  }
  // Moves the leading bit to place 23, or as far as the exponent goes down.
  let shift = min(countLeadingZeros(rest) - 8u, b_exponent - 1u);
  let mantissa = rest << shift;
  let exponent = select(0u, b_exponent - shift, mantissa >= 0x800000u);
  return bitcast<f32>(sign | (exponent << 23u) | (mantissa & 0x7fffffu));
}

// Whether a rest has not the sign of b: by their bits, for one below the normal numbers may count as 0.
fn turns(rest: f32, b: f32) -> bool {
  let bits = bitcast<u32>(rest);
  return (bits & 0x7fffffffu) != 0u && ((bits ^ bitcast<u32>(b)) >> 31u) == 1u;
}

fn floor_remainder(a: f32, b: f32) -> f32 {
  let rest = truncated_remainder(a, b);
  if (is_nan(rest)) {
    return rest;
  }
  return select(rest, rest + b, turns(rest, b));
}

// By way of the exact remainder: the quotient of the difference is near a whole number.
fn floor_quotient(a: f32, b: f32) -> f32 {
  if (is_nan(a) || is_nan(b)) {
    return nan();
  }
  if (b == 0.0) {
    let negative = ((bitcast<u32>(a) ^ bitcast<u32>(b)) >> 31u) == 1u;
    return select(select(infinity(), -infinity(), negative), nan(), a == 0.0);
  }
  if (is_infinite(a)) {
    return nan();
  }
  let rest = truncated_remainder(a, b);
  let quotient = select((a - rest) / b, 0.0, is_infinite(b)) - select(0.0, 1.0, turns(rest, b));
  let below = floor(quotient);
  return select(below, below + 1.0, quotient - below > 0.5);
}

// atan2(a, b): the smaller of |a| and |b| over the larger, above tan(pi / 8) turned by pi / 4, then the odd
// polynomial of Cephes' atanf (Moshier, 1992).
fn angle(a: f32, b: f32) -> f32 {
  if (is_nan(a) || is_nan(b)) {
    return nan();
  }
  let high = abs(a);
  let wide = abs(b);
  let larger = max(high, wide);
  let smaller = min(high, wide);
  // 0 / 0 counts as 0, infinity / infinity as 1. Numbers near the ends of the range are scaled by 1 / 4.
  let scale = select(1.0, 0.25, larger > 1e37);
  var t = (smaller * scale) / (larger * scale);
  if (larger == 0.0 || is_infinite(larger)) {
    t = select(0.0, 1.0, is_infinite(smaller));
  }
  let turned = t > 0.414213562;
  let r = select(t, (t - 1.0) / (t + 1.0), turned);
  let z = r * r;
  let p = ((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1;
  var y = p * z * r + r + select(0.0, 0.785398163, turned);
  if (high > wide) {
    y = 1.57079633 - y;
  }
  if ((bitcast<u32>(b) >> 31u) == 1u) {
    y = 3.14159265 - y;
  }
  return select(y, -y, (bitcast<u32>(a) >> 31u) == 1u);
}
