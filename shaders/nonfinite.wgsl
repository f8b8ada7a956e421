// Looks for what is no number: used by no op, but between ops where numerics are checked.
#include "common/fault"

struct NonfiniteParams {
  size: u32,
  // Whether infinities are let through.
  nan_only: u32,
  faultId: u32,
}

alias x_stored = f32;

@group(0) @binding(0) var<storage, read> x: array<x_stored>;
@group(0) @binding(1) var<storage, read_write> fault: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: NonfiniteParams;

var<workgroup> found: atomic<u32>;

fn bits_of(i: u32) -> u32 {
  return bitcast<u32>(f32(x[i]));
}

// Leaves [faultId, element, its bits] in free fault words for the first element that is NaN or infinite. One workgroup, so
// that it is the first. By its bits: a compiler may take it that floats are finite.
@compute @workgroup_size(256)
fn find_nonfinite_f32(@builtin(local_invocation_index) local: u32) {
  if (local == 0u) {
    atomicStore(&found, params.size);
  }
  workgroupBarrier();
  let infinity = 0x7f800000u;
  for (var i = local; i < params.size; i += 256u) {
    let magnitude = bits_of(i) & 0x7fffffffu;
    if (magnitude > infinity || (magnitude == infinity && params.nan_only == 0u)) {
      atomicMin(&found, i);
      break;
    }
  }
  workgroupBarrier();
  let first = atomicLoad(&found);
  if (local == 0u && first < params.size) {
    report_fault(params.faultId, first, bits_of(first));
  }
}
