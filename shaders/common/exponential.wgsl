// Functions of e^x and ln x that keep their relative accuracy where WGSL's own exp and log would cancel, and
// that pass NaN and infinity on.
#include "common/special"

// e^x - 1: for |x| <= ln 2 / 2 a polynomial of degree 7 (Cephes, expf).
fn exponential_minus_one(x: f32) -> f32 {
  if (abs(x) <= 0.34657359) {
    let p3 = (1.9875691500e-4 * x + 1.3981999507e-3) * x + 8.3334519073e-3;
    let p = ((p3 * x + 4.1665795894e-2) * x + 1.6666665459e-1) * x + 5.0000001201e-1;
    return p * (x * x) + x;
  }
  return exponential(x) - 1.0;
}

// ln(1 + m) for 1 + m in (sqrt 1/2, sqrt 2), a polynomial of degree 11 (Cephes, logf).
fn logarithm_near_one(m: f32) -> f32 {
  let z = m * m;
  let p3 = (7.0376836292e-2 * m - 1.1514610310e-1) * m + 1.1676998740e-1;
  let p6 = ((p3 * m - 1.2420140846e-1) * m + 1.4249322787e-1) * m - 1.6668057665e-1;
  let p = ((p6 * m + 2.0000714765e-1) * m - 2.4999993993e-1) * m + 3.3333331174e-1;
  return m + (p * m * z - 0.5 * z);
}

// ln(1 + x).
fn logarithm_of_one_plus(x: f32) -> f32 {
  if (x > -0.29289322 && x < 0.41421356) {
    return logarithm_near_one(x);
  }
  return logarithm(1.0 + x);
}

// 1 / (1 + e^-x) by way of e^-|x|, which can't overflow.
fn logistic(x: f32) -> f32 {
  let e = exponential(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// ln(1 + e^x) = max(x, 0) + ln(1 + e), e = e^-|x|; for e > sqrt 2 - 1 by m = (e - 1) / 2, 1 + e = 2 (1 + m).
fn soft_positive(x: f32) -> f32 {
  let e = exponential(-abs(x));
  let far = e > 0.41421356;
  let tail = logarithm_near_one(select(e, 0.5 * (e - 1.0), far)) + select(0.0, 0.693147181, far);
  return select(max(x, 0.0) + tail, x, is_nan(x));
}
