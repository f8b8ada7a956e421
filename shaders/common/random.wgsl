// Random numbers of element i: word i % 4 of Philox at counter i / 4.
#include "common/philox"

fn words_of(i: u32, key: vec2<u32>) -> vec4<u32> {
  return philox(i / 4u, 0u, key);
}

// Uniform in [0, 1) with 24 bits, exact.
fn to_uniform(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8;
}

// ln v for v in (0, 1], relative to the result (WGSL's own has an absolute accuracy of 2^-21 near 1): v = m
// 2^e with m in [sqrt(1/2), sqrt(2)), a polynomial of degree 9 in m - 1 (Cephes, logf).
fn log_of_uniform(v: f32) -> f32 {
  let word = bitcast<u32>(v);
  var e = f32(i32(word >> 23u) - 126);
  var m = bitcast<f32>((word & 0x7fffffu) | 0x3f000000u);
  if (m < 0.707106781) {
    e -= 1.0;
    m += m;
  }
  m -= 1.0;
  let z = m * m;
  let high = ((7.0376836292e-2 * m - 1.1514610310e-1) * m + 1.1676998740e-1) * m - 1.2420140846e-1;
  let low = ((high * m + 1.4249322787e-1) * m - 1.6668057665e-1) * m + 2.0000714765e-1;
  var y = ((low * m - 2.4999993993e-1) * m + 3.3333331174e-1) * m * z;
  y += e * -2.12194440e-4;
  y -= 0.5 * z;
  return (m + y) + e * 0.693359375;
}

// sin(2 pi u + turn pi / 2): u is a multiple of 2^-24, so that the rest of its quarter turns is exact.
fn sine_of_turn(u: f32, turn: u32) -> f32 {
  let whole = round(4.0 * u);
  let r = (4.0 * u - whole) * 1.57079632679;
  let z = r * r;
  let s = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let p = (2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2;
  let c = 1.0 - 0.5 * z + z * z * p;
  let phase = u32(whole) + turn;
  let y = select(s, c, (phase & 1u) == 1u);
  return select(y, -y, (phase & 2u) == 2u);
}
