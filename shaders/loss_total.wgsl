// y = scale * sum of sums, by one workgroup.
#include "common/tree"

struct LossTotalParams {
  count: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: LossTotalParams;

@compute @workgroup_size(64)
fn loss_total_f32(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  for (var i = local; i < params.count; i += 64u) {
    part += sums[i];
  }
  let total = tree_sum(part, local);
  if (local == 0u) {
    output[0] = total * params.scale;
  }
}
