// Element by element, or where `sums` is 1 scale times the sum of each block of 1024, by a workgroup each.
#include "common/indexing"
#include "common/loss_params"
#include "common/row"

@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform> params: LossParams;

@compute @workgroup_size(64)
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let chunk = linear_group(group, groups);
  let start = chunk * 1024u;
  if (start >= params.size) {
    return;
  }
  var part = 0.0;
  for (var k = local; k < 1024u; k += 64u) {
    let i = start + k;
    if (i < params.size) {
      let x = x_values[i];
      let t = t_values[i];
      var c = c_values[0];
      if (params.cCount > 0u) {
        c = c_values[i / params.cInner % params.cCount];
      }
      var loss = EXPRESSION;
      if (params.wCount > 0u) {
        loss *= w_values[i / params.wInner % params.wCount];
      }
      if (params.sums == 1u) {
        part += loss;
      } else {
        output[i] = loss;
      }
    }
  }
  if (params.sums == 1u) {
    let total = row_sum(part, local, 64u);
    if (local == 0u) {
      output[chunk] = total * params.scale;
    }
  }
}
