// Many tensors in one launch, for the gradients of a scaled loss: x = factor x where the condition holds, else 0; or (CHECK)
// whether all elements are finite, 1 or 0 by workgroup, at rows.z of each tensor and behind.
//! kernel scale_all_f32__walk | CHECK=0 | ACCESS=read_write
//! kernel finite_all_f32__walk | CHECK=1 | ACCESS=read
#include "common/tensor_walk"

// How many buffers the tensors lie in.
override BUFFERS: u32 = 3u;

@group(0) @binding(0) var<storage, ACCESS> x0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, ACCESS> x1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, ACCESS> x2: array<vec4<f32>>;
#if CHECK
@group(0) @binding(3) var<storage, read_write> finite: array<u32>;
@group(0) @binding(4) var<uniform> params: TensorWalk;

var<workgroup> bad: atomic<u32>;
#else
@group(0) @binding(3) var<storage, read> factor: array<f32>;
@group(0) @binding(4) var<storage, read> condition: array<u32>;
@group(0) @binding(5) var<uniform> params: TensorWalk;
#end

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let w = linear_group(group, groups);
  if (w >= params.groups) {
    return;
  }
  let item = tensor_of(w);
  let row = params.rows[item];
  let q = 64u * (w - row.x) + local;
  let at = params.places[item].x + q;
  let inside = inside_of(q, row.y);
  var x = vec4<f32>();
  if (inside.x) {
    if (BUFFERS > 2u && row.w == 2u) {
      x = x2[at];
    } else if (BUFFERS > 1u && row.w == 1u) {
      x = x1[at];
    } else {
      x = x0[at];
    }
  }
#if CHECK
  // By the bits: a compiler may take it that floats are finite.
  let wild = (bitcast<vec4<u32>>(x) & vec4(0x7f800000u)) == vec4(0x7f800000u);
  if (any(wild & inside)) {
    atomicStore(&bad, 1u);
  }
  workgroupBarrier();
  if (local == 0u) {
    finite[row.z + w - row.x] = 1u - atomicLoad(&bad);
  }
#else
  let scaled = select(vec4<f32>(), x * factor[0], condition[0] != 0u);
  let next = select(x, scaled, inside);
  if (!inside.x) {
    return;
  }
  if (BUFFERS > 2u && row.w == 2u) {
    x2[at] = next;
  } else if (BUFFERS > 1u && row.w == 1u) {
    x1[at] = next;
  } else {
    x0[at] = next;
  }
#end
}
