// y = f(x), element by element, f32: one invocation per element. Functions that WGSL has not, or not precisely enough.
//
//! kernel tanh_f32 = hyperbolic_tangent(x)
//! kernel sin_f32 = sine(x, 0)
//! kernel cos_f32 = sine(x, 1)
//! kernel gelu_f32 = x * normal_cdf(x)
#include "common/normal"
#include "common/special"
#include "common/unary"

// WGSL's tanh may overflow to NaN for large |x| and loses small ones. Below 0.625 the odd polynomial of Cephes' tanhf
// (Moshier, 1992), relative error 2^-23; above 1 - 2 / (e^2|x| + 1), which is 1 in f32 from |x| = 10 on.
fn hyperbolic_tangent(x: f32) -> f32 {
  let size = abs(x);
  if (size < 0.625) {
    let z = x * x;
    let p = (((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z;
    return x + x * z * (p - 3.33332819422e-1);
  }
  if (is_nan(x)) {
    return x;
  }
  return sign(x) * (1.0 - 2.0 / (exp(2.0 * min(size, 10.0)) + 1.0));
}

// sin(x + turn pi / 2). x is reduced to [-pi/4, pi/4] by Cody and Waite's three-part pi/2 (Cephes' sinf, Moshier, 1992):
// the first two products are exact for |x| < 12000. WGSL's own sin has only 2^-11 absolute accuracy.
fn sine(x: f32, turn: i32) -> f32 {
  let quarter = round(x * 0.636619772);
  let r = ((x - quarter * 1.5703125) - quarter * 4.837512969970703125e-4) - quarter * 7.54978995489188216e-8;
  let z = r * r;
  let phase = (i32(quarter) + turn) & 3;
  let s = r + r * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let c = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  let y = select(s, c, (phase & 1) == 1);
  return select(y, -y, phase >= 2);
}
