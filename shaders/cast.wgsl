// y = x as another dtype: one invocation per element. f32 to i32 truncates towards zero and saturates, NaN
// gives 0; anything to bool asks whether it is not zero. A bool is a word, 0 or 1.
//
//! kernel cast_f32_i32 = truncate(x) | T=f32 | R=i32
//! kernel cast_f32_bool = u32(!is_zero(x)) | T=f32 | R=u32
//! kernel cast_i32_f32 = f32(x) | T=i32 | R=f32
//! kernel cast_i32_bool = u32(x != 0) | T=i32 | R=u32
//! kernel cast_bool_f32 = f32(x) | T=u32 | R=f32
//! kernel cast_bool_i32 = i32(x) | T=u32 | R=i32
#include "common/indexing"
#include "common/special"

struct SizeParams {
  size: u32,
}

@group(0) @binding(0) var<storage, read> x_values: array<T>;
@group(0) @binding(1) var<storage, read_write> output: array<R>;
@group(0) @binding(2) var<uniform> params: SizeParams;

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

// WGSL's own conversion stops at the largest f32 below 2^31 and leaves NaN open.
fn truncate(x: f32) -> i32 {
  return select(select(i32(x), 2147483647, x >= 2147483648.0), 0, is_nan(x));
}
