// Values put at places of a plane that indices name; of several at one place the last in row-major order stays.
#include "common/fault"
#include "common/indexing"

struct MaxUnpool2dParams {
  planes: u32,
  // Elements of a plane of the indices, and of the plane that they point into.
  size: u32,
  outSize: u32,
  faultId: u32,
}

struct MaxUnpool2dPlaceParams {
  planes: u32,
  size: u32,
  outSize: u32,
}

@group(0) @binding(0) var<storage, read> indices: array<i32>;
// By place: 1 + the last element of its plane that points there; 0 for none.
@group(0) @binding(1) var<storage, read_write> claims: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: MaxUnpool2dParams;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> owners: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> place: MaxUnpool2dPlaceParams;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read> place_owners: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> back: MaxUnpool2dPlaceParams;

// Claims, which start at 0, rise to the last element: a maximum does not depend on the order of the invocations.
@compute @workgroup_size(64)
fn max_unpool2d_owners(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= params.planes * params.size) {
    return;
  }
  let index = indices[i];
  if (index < 0 || index >= i32(params.outSize)) {
    report_fault(params.faultId, i, bitcast<u32>(index));
    return;
  }
  atomicMax(&claims[i / params.size * params.outSize + u32(index)], i % params.size + 1u);
}

// y = the owner's x, 0 where there is none.
@compute @workgroup_size(64)
fn max_unpool2d_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= place.planes * place.outSize) {
    return;
  }
  let owner = owners[i];
  var value = 0.0;
  if (owner > 0u) {
    value = x[i / place.outSize * place.size + owner - 1u];
  }
  y[i] = value;
}

// dx = dy at the place that an element owns, else 0.
@compute @workgroup_size(64)
fn max_unpool2d_backward_f32(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = linear_index(group, local, groups);
  if (i >= back.planes * back.size) {
    return;
  }
  let index = places[i];
  var value = 0.0;
  if (index >= 0 && index < i32(back.outSize)) {
    let at = i / back.size * back.outSize + u32(index);
    if (place_owners[at] == i % back.size + 1u) {
      value = dy[at];
    }
  }
  dx[i] = value;
}
