// Logarithms and powers as losses need them.
#include "common/special"

// ln(1 + u), relative to the result for small u: u - u^2 / 2 is off by u^3 / 3 there.
fn log_above_one(u: f32) -> f32 {
  if (abs(u) < 0.00048828125) {
    return u - 0.5 * u * u;
  }
  return logarithm(1.0 + u);
}

// ln(1 + e^z), which does not overflow.
fn softplus_of(z: f32) -> f32 {
  return larger(z, 0.0) + log_above_one(exponential(-abs(z)));
}

// 1 / (1 + e^-z), which keeps its digits where it is small.
fn sigmoid_of(z: f32) -> f32 {
  let power = exponential(-abs(z));
  return select(1.0, power, z < 0.0) / (1.0 + power);
}

// ln p and ln(1 - p), not below -100.
fn log_of(p: f32) -> f32 {
  return larger(logarithm(p), -100.0);
}

fn log_of_rest(p: f32) -> f32 {
  return larger(log_above_one(-p), -100.0);
}
