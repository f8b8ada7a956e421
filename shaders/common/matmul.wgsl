#include "common/activation"

// y[batch] = left[batch] right[batch] with left [m, k], right [k, n], y [m, n] row-major.
struct MatmulParams {
  m: u32,
  n: u32,
  k: u32,
  batch: u32,
  // Strides in elements, along rows (columns) and along the inner axis.
  leftAcross: u32,
  leftInner: u32,
  rightAcross: u32,
  rightInner: u32,
  // How an operand is read: 0 by elements, 1 by vec4s along the inner axis, 2 by vec4s along rows (columns).
  // For 1 and 2 that stride is 1 and the axis' length a multiple of 4.
  leftBy: u32,
  rightBy: u32,
  // The inner axis in parts of `part` indices, one after the other in z before the batch; each part's sums
  // are stored by themselves.
  parts: u32,
  part: u32,
  hasBias: u32,
  // 0 none, 1 relu, 2 tanh, 3 sigmoid.
  activation: u32,
  // Up to four batch axes, walked by strides, 0 where an operand repeats.
  batchShape: vec4<u32>,
  leftBatch: vec4<u32>,
  rightBatch: vec4<u32>,
}

// Place of matrix `batch` along the four batch axes.
fn batch_position(shape: vec4<u32>, batch: u32) -> vec4<u32> {
  let outer = batch / shape.w;
  return vec4<u32>(outer / shape.z / shape.y, outer / shape.z % shape.y, outer % shape.z, batch % shape.w);
}

fn activated(value: f32, activation: u32) -> f32 {
  switch activation {
    case 1u: {
      // NaN fails every comparison and passes through.
      return select(value, 0.0, value <= 0.0);
    }
    case 2u: {
      return hyperbolic_tangent(value);
    }
    case 3u: {
      return logistic(value);
    }
    default: {
      return value;
    }
  }
}
