// y = f(p, q, r), element by element, broadcasting: an operand's strides are 0 along what is broadcast. One
// invocation per element of the output.
//
// condition ? a : b of words of any dtype; condition holds bools, words of 0 or 1.
//! kernel where_u32 = select(r, q, p != 0u) | T=u32
// PyTorch's switch: from the nearer end.
//! kernel lerp_f32 = select(q - (q - p) * (1.0 - r), p + r * (q - p), abs(r) < 0.5) | T=f32
//! kernel addcmul_f32 = p + params.value * q * r | T=f32
//! kernel addcdiv_f32 = p + params.value * q / r | T=f32
#include "common/indexing"

struct TernaryParams {
  size: u32,
  rank: u32,
  shape: array<vec4<u32>, 2>,
  pStrides: array<vec4<u32>, 2>,
  qStrides: array<vec4<u32>, 2>,
  rStrides: array<vec4<u32>, 2>,
  value: f32,
}

@group(0) @binding(0) var<storage, read> p_values: array<T>;
@group(0) @binding(1) var<storage, read> q_values: array<T>;
@group(0) @binding(2) var<storage, read> r_values: array<T>;
@group(0) @binding(3) var<storage, read_write> output: array<T>;
@group(0) @binding(4) var<uniform> params: TernaryParams;

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i;
  var p_index = 0u;
  var q_index = 0u;
  var r_index = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    p_index += position * params.pStrides[row][lane];
    q_index += position * params.qStrides[row][lane];
    r_index += position * params.rStrides[row][lane];
  }
  let p = p_values[p_index];
  let q = q_values[q_index];
  let r = r_values[r_index];
  //! element
  output[i] = EXPRESSION;
}
