#include "common/exponential"
#include "common/special"

// WGSL's tanh may overflow to NaN for large |x| and loses small ones. Below 0.625 the odd polynomial of
// Cephes' tanhf (Moshier, 1992), relative error 2^-23; above 1 - 2 / (e^2|x| + 1), which is 1 in f32 from |x|
// = 10 on.
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
