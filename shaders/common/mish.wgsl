// tanh(ln(1 + e^x)) = n / (n + 2), n = e (e + 2), e = e^x, and for x >= 0 with w = e^-x (1 + 2 w) / (1 + 2 w
// + 2 w^2): no term is negative.
#include "common/special"

struct SoftTanh {
  value: f32,
  slope: f32,
}

// The value and its derivative: 4 e (1 + e) / (n + 2)^2, for x >= 0 4 w^2 (1 + w) / (1 + 2 w + 2 w^2)^2.
fn soft_tanh(x: f32) -> SoftTanh {
  let e = exponential(-abs(x));
  let below = x < 0.0;
  let n = select(1.0 + 2.0 * e, e * (e + 2.0), below);
  let bottom = n + select(2.0 * e * e, 2.0, below);
  let top = 4.0 * (1.0 + e) * select(e * e, e, below);
  return SoftTanh(n / bottom, top / (bottom * bottom));
}
