// Values that don't depend on how a device treats NaN and infinity in its own functions: compilers may assume
// that there are none, and some devices answer exp(NaN) = infinity or log(-1) = 0.
fn is_nan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

// False for numbers below 2^-126 too, which devices may take for 0 in a comparison.
fn is_zero(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) == 0u;
}

// WGSL has no literal for these, and refuses constant expressions that give them.
fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

fn infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn is_infinite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffffu) == 0x7f800000u;
}

// e^value, NaN for NaN.
fn exponential(value: f32) -> f32 {
  return select(exp(value), value, is_nan(value));
}

// ln value: -infinity at 0, NaN below and for NaN.
fn logarithm(value: f32) -> f32 {
  if (is_nan(value) || value < 0.0) {
    return nan();
  }
  if (value == 0.0) {
    return -infinity();
  }
  return select(log(value), value, is_infinite(value));
}

// Of two values the larger, the smaller; NaN wins.
fn larger(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan(b)), a, is_nan(a));
}

fn smaller(a: f32, b: f32) -> f32 {
  return select(select(min(a, b), b, is_nan(b)), a, is_nan(a));
}
