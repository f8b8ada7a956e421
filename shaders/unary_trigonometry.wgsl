// y = sin x, cos x and tan x, element by element, f32: one invocation per element. WGSL's own have an absolute
// accuracy of 2^-11 on [-pi, pi] and none beyond.
//
//! kernel sin_f32 = sine(x, 0u)
//! kernel cos_f32 = sine(x, 1u)
//! kernel tan_f32 = sine(x, 0u) / sine(x, 1u)
#include "common/multiply"
#include "common/special"
#include "common/unary"

// x = quarters * pi / 2 + rest, |rest| <= pi / 4; quarters counts modulo 4 at least.
struct Reduced {
  quarters: u32,
  rest: f32,
}

// Cody and Waite: pi / 2 in three parts, of which the first two times a whole number below 2^13 are exact.
fn reduce_small(x: f32) -> Reduced {
  let quarters = round(x * 0.636619772);
  let coarse = (x - quarters * 1.5703125) - quarters * 4.837512969970703125e-4;
  return Reduced(bitcast<u32>(i32(quarters)), coarse - quarters * 7.54978995489188216e-8);
}

// Payne and Hanek (1983) for 2^13 <= |x| < infinity: the 24-bit mantissa times those 96 bits of 2 / pi whose
// product counts modulo 4; of that, 2 bits are quarters, 32 and 30 the fraction.
fn reduce_large(x: f32) -> Reduced {
  // 2 / pi = 0.A2F9836E..., hexadecimal, after a word of zeros.
  var bits = array<u32, 8>(
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
  );
  let word = bitcast<u32>(abs(x));
  let mantissa = (word & 0x7fffffu) | 0x800000u;
  // |x| = mantissa 2^(exponent - 150): bits of 2 / pi before number exponent - 152 make multiples of 4.
  let first = (word >> 23u) - 152u + 32u;
  let at = first / 32u;
  let shift = first % 32u;
  var high = bits[at];
  var middle = bits[at + 1u];
  var low = bits[at + 2u];
  if (shift > 0u) {
    high = (high << shift) | (middle >> (32u - shift));
    middle = (middle << shift) | (low >> (32u - shift));
    low = (low << shift) | (bits[at + 3u] >> (32u - shift));
  }
  let carried = multiply_high(mantissa, low);
  let tail = mantissa * middle + carried;
  let head = mantissa * high + multiply_high(mantissa, middle) + select(0u, 1u, tail < carried);
  // Rounds to the nearest quarter: the fraction becomes signed.
  let fraction = bitcast<i32>((head << 2u) | (tail >> 30u));
  let quarters = (head >> 30u) + select(0u, 1u, fraction < 0);
  let rest = (f32(fraction) + f32(tail << 2u) * 2.3283064365386963e-10) * 3.6572952e-10;
  return Reduced(select(quarters, 0u - quarters, x < 0.0), select(rest, -rest, x < 0.0));
}

// sin(x + turn pi / 2); on [-pi / 4, pi / 4] by the polynomials of Cephes' sinf and cosf (Moshier, 1992).
fn sine(x: f32, turn: u32) -> f32 {
  if (is_nan(x) || is_infinite(x)) {
    return nan();
  }
  var reduced: Reduced;
  if (abs(x) < 8192.0) {
    reduced = reduce_small(x);
  } else {
    reduced = reduce_large(x);
  }
  let r = reduced.rest;
  let z = r * r;
  let s = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let p = (2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2;
  let c = 1.0 - 0.5 * z + z * z * p;
  let phase = reduced.quarters + turn;
  let y = select(s, c, (phase & 1u) == 1u);
  return select(y, -y, (phase & 2u) == 2u);
}
