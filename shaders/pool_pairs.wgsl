// Pooling by windows of 2 x 2 that cover planes without a rest, in rows of four or a multiple: one invocation makes four
// windows of a row from two quads in each of two rows of x, without a test or a division by window; backward the same four quads
// of dx. MAX 1: by the largest element, with a byte for each winner's tap, of which 4 and more name none; 0: by the mean.
//! kernel max_pool2d_f32__pairs | MAX=1 | BACKWARD=0
//! kernel avg_pool2d_f32__pairs | MAX=0 | BACKWARD=0
//! kernel max_pool2d_backward_f32__pairs | MAX=1 | BACKWARD=1
//! kernel avg_pool2d_backward_f32__pairs | MAX=0 | BACKWARD=1
#include "common/indexing"
#include "common/windows"
#if MAX
#include "common/winners"
#end

// x and y, or dy and dx; taps go where y does.
@group(0) @binding(0) var<storage, read> given: array<vec4<given_stored>>;
#if MAX == 0
@group(0) @binding(1) var<storage, read_write> result: array<vec4<result_stored>>;
@group(0) @binding(2) var<uniform> params: Pool2dParams;
#else
#if BACKWARD
@group(0) @binding(1) var<storage, read> named: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<result_stored>>;
#else
@group(0) @binding(1) var<storage, read_write> result: array<vec4<result_stored>>;
@group(0) @binding(2) var<storage, read_write> named: array<u32>;
#end
@group(0) @binding(3) var<uniform> params: Pool2dParams;
#end

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = linear_index(group, local, groups);
  let line = params.outWidth / 4u;
  if (index >= params.planes * params.outHeight * line) {
    return;
  }
  // The first quad of x, and the one below it; all rows of x in pairs, whatever the plane.
  let above = 2u * (index + index / line * line);
  let below = above + 2u * line;
#if MAX == 0
  let divisor = select(params.divisor, 4.0, params.divisor == 0.0);
#end
#if BACKWARD
  let dy = vec4<f32>(given[index]);
#if MAX
  let taps = (vec4(named[index]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
#for i, d in 0 a, 1 b, 2 c, 3 d
  let $d = select(vec4<f32>(), dy, taps == vec4($(i)u));
#end
#else
#for d in a b c d
  let $d = dy / divisor;
#end
#end
  result[above] = vec4<result_stored>(vec4(a.x, b.x, a.y, b.y));
  result[above + 1u] = vec4<result_stored>(vec4(a.z, b.z, a.w, b.w));
  result[below] = vec4<result_stored>(vec4(c.x, d.x, c.y, d.y));
  result[below + 1u] = vec4<result_stored>(vec4(c.z, d.z, c.w, d.w));
#else
  // Of the four windows what lies above, left and right, and what lies below.
#for row, l, r in above a b, below c d
  let $(row)0 = vec4<f32>(given[$row]);
  let $(row)1 = vec4<f32>(given[$row + 1u]);
  let $l = vec4($(row)0.xz, $(row)1.xz);
  let $r = vec4($(row)0.yw, $(row)1.yw);
#end
#if MAX
  var best = won(Winners(vec4(-infinity()), vec4<u32>(), vec4<bool>()), a, 0u);
#for i, d in 1 b, 2 c, 3 d
  best = won(best, $d, $(i)u);
#end
  result[index] = vec4<result_stored>(best.value);
  named[index] = packed(best.tap);
#else
  result[index] = vec4<result_stored>((a + b + c + d) / divisor);
#end
#end
}
