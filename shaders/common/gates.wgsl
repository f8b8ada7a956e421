// The functions of recurrent cells.
#include "common/activation"

// 1 - t^2 without cancellation near 1.
fn tanh_slope(t: f32) -> f32 {
  return (1.0 - t) * (1.0 + t);
}

struct LstmPoint {
  // i, f, g, o after their functions.
  gates: vec4<f32>,
  c: f32,
  h: f32,
}

// c' = f c + i g, h' = o tanh c'.
fn lstm_point(pre: vec4<f32>, c: f32) -> LstmPoint {
  let gates = vec4<f32>(
    logistic(pre.x),
    logistic(pre.y),
    hyperbolic_tangent(pre.z),
    logistic(pre.w),
  );
  let next = gates.y * c + gates.x * gates.z;
  return LstmPoint(gates, next, gates.w * hyperbolic_tangent(next));
}

struct LstmGradient {
  gates: vec4<f32>,
  c: f32,
}

// Of the gates before their functions and of c, from those of h' and c', the gates after their functions, and c.
fn lstm_point_backward(gates: vec4<f32>, c: f32, dh: f32, dc: f32) -> LstmGradient {
  let t = hyperbolic_tangent(gates.y * c + gates.x * gates.z);
  let d = dc + dh * gates.w * tanh_slope(t);
  let pre = vec4<f32>(
    d * gates.z * (gates.x * (1.0 - gates.x)),
    d * c * (gates.y * (1.0 - gates.y)),
    d * gates.x * tanh_slope(gates.z),
    dh * t * (gates.w * (1.0 - gates.w)),
  );
  return LstmGradient(pre, d * gates.y);
}

struct GruPoint {
  // r, z, n after their functions.
  gates: vec3<f32>,
  h: f32,
}

// n = tanh(x + r m), h' = n + z (h - n), from the input parts x and hidden parts m of the gates.
fn gru_point(x: vec3<f32>, m: vec3<f32>, h: f32) -> GruPoint {
  let r = logistic(x.x + m.x);
  let z = logistic(x.y + m.y);
  let n = hyperbolic_tangent(x.z + r * m.z);
  return GruPoint(vec3<f32>(r, z, n), n + z * (h - n));
}

struct GruGradient {
  gates: vec3<f32>,
  // Of the new gate's hidden part, and of h by way of z.
  m: f32,
  h: f32,
}

fn gru_point_backward(gates: vec3<f32>, m: f32, h: f32, dy: f32) -> GruGradient {
  let dn = dy * (1.0 - gates.y) * tanh_slope(gates.z);
  let pre = vec3<f32>(
    dn * m * (gates.x * (1.0 - gates.x)),
    dy * (h - gates.z) * (gates.y * (1.0 - gates.y)),
    dn,
  );
  return GruGradient(pre, dn * gates.x, dy * gates.y);
}
