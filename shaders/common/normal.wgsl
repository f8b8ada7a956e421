// The normal distribution P(N < x) = erfc(-x / sqrt 2) / 2, with erfc(z) = e^(-z^2) t q(t), t = 1 / (1 + z /
// 2) for z >= 0: q is a weighted least-maximum fit of degree 8, its absolute error below 1e-8, so that f32's
// own roundings prevail.
fn normal_cdf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.353553391 * abs(x));
  let q4 = ((-0.0518618508 * t + 0.251404274) * t - 0.423575574) * t + 0.212318062;
  let q2 = ((q4 * t + 0.012859985) * t + 0.188841924) * t + 0.245800651;
  let q = (q2 * t + 0.282117163) * t + 0.282095358;
  let tail = 0.5 * t * q * exp(-0.5 * x * x);
  return select(1.0 - tail, tail, x < 0.0);
}

fn normal_pdf(x: f32) -> f32 {
  return 0.398942280 * exp(-0.5 * x * x);
}
