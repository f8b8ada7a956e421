// y = x with a border as in common/border: 32-bit words of any dtype, one invocation per element of y.
#include "common/indexing"
#include "common/border"

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<uniform> params: PadParams;

// Index of x, of size n along the axis, for a position counted from x's first element; negative where there is none.
fn source_index(border: u32, position: i32, n: i32) -> i32 {
  if (border == 3u) {
    return select(-1, position, position < n);
  }
  if (border == 1u) {
    return clamp(position, 0, n - 1);
  }
  if (border == 2u) {
    return select(select(position, position - n, position >= n), position + n, position < 0);
  }
  let mirrored = abs(position);
  return select(mirrored, 2 * (n - 1) - mirrored, mirrored >= n);
}

@compute @workgroup_size(64)
fn pad__border(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.size) {
    return;
  }
  var rest = i32(i);
  var stride = 1;
  var index = 0;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let n = params.shape[row][lane];
    let before = params.before[row][lane];
    let outer = before + n + params.after[row][lane];
    let position = rest % outer;
    rest /= outer;
    let source = source_index(params.border, position - before, n);
    if (source < 0) {
      output[i] = params.value;
      return;
    }
    index += stride * source;
    stride *= n;
  }
  output[i] = x[index];
}
