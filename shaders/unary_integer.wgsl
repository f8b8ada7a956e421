// y = f(x), element by element, where x or y is i32 or bool (a word, 0 or 1): one invocation per element.
//
//! kernel neg_i32 = -x | T=i32 | R=i32
//! kernel abs_i32 = abs(x) | T=i32 | R=i32
//! kernel sign_i32 = sign(x) | T=i32 | R=i32
//! kernel square_i32 = x * x | T=i32 | R=i32
//! kernel clamp_i32 = min(max(x, params.a), params.b) | T=i32 | R=i32
//! kernel is_nan_f32 = u32(is_nan(x)) | T=f32 | R=u32
//! kernel is_infinite_f32 = u32(is_infinite(x)) | T=f32 | R=u32
//! kernel is_finite_f32 = u32(!is_nan(x) && !is_infinite(x)) | T=f32 | R=u32
//! kernel logical_not_bool = 1u - x | T=u32 | R=u32
#include "common/indexing"
#include "common/special"

struct IntegerParams {
  size: u32,
  a: i32,
  b: i32,
}

@group(0) @binding(0) var<storage, read> x_values: array<T>;
@group(0) @binding(1) var<storage, read_write> output: array<R>;
@group(0) @binding(2) var<uniform> params: IntegerParams;

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
  let x = x_values[i];
  //! element
  output[i] = EXPRESSION;
}
