// Division of i32 towards -infinity, element by element, broadcasting as in common/binary.wgsl. An element of
// b that is 0 gives 0 and a fault with its index.
//
//! kernel floor_divide_i32 = floor_quotient(a, b)
//! kernel remainder_i32 = floor_remainder(a, b)
#include "common/fault"
#include "common/indexing"

struct DivisionParams {
  size: u32,
  rank: u32,
  shape: array<vec4<u32>, 2>,
  aStrides: array<vec4<u32>, 2>,
  bStrides: array<vec4<u32>, 2>,
  faultId: u32,
}

@group(0) @binding(0) var<storage, read> a_values: array<i32>;
@group(0) @binding(1) var<storage, read> b_values: array<i32>;
@group(0) @binding(2) var<storage, read_write> output: array<i32>;
@group(0) @binding(3) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: DivisionParams;

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
  var a_index = 0u;
  var b_index = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let row = (axis - 1u) / 4u;
    let lane = (axis - 1u) % 4u;
    let size = params.shape[row][lane];
    let position = rest % size;
    rest /= size;
    a_index += position * params.aStrides[row][lane];
    b_index += position * params.bStrides[row][lane];
  }
  let a = a_values[a_index];
  let b = b_values[b_index];
  if (b == 0) {
    report_fault(params.faultId, b_index, 0u);
    output[i] = 0;
    return;
  }
  output[i] = EXPRESSION;
}

// WGSL says that -2^31 / -1 is -2^31 and its remainder 0, as wrapping gives.
fn floor_quotient(a: i32, b: i32) -> i32 {
  return a / b - select(0, 1, a % b != 0 && (a ^ b) < 0);
}

fn floor_remainder(a: i32, b: i32) -> i32 {
  let rest = a % b;
  return select(rest, rest + b, rest != 0 && (rest ^ b) < 0);
}
