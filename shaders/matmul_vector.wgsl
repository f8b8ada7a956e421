// A product of at most FEW <= 4 rows: y = left right as in common/matmul, where left has few rows, or the transpose
// of such a product. Memory is the limit, so invocations beside each other read what lies beside each other in
// the right operand: LANES of the 64 of a workgroup along the inner axis, the others along columns, four each.
// Their sums are added by halves in workgroup memory. Workgroups over quads of columns, batch times parts.
#include "common/matmul_operands"
#include "common/matmul_epilogue"

override FEW = 1u;
// A power of two up to 64.
override LANES = 64u;
// Whether y is [n, m], and the bias one of rows of left: else [m, n], of columns of right.
override TURNED = 0u;

@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<output_stored>;

#for f in 0..4
var<workgroup> sums$f: array<vec4<f32>, 64>;
#end

fn store(row: u32, first: u32, sums: vec4<f32>) {
#for i in 0..4
  let column$i = first + $(i)u;
  if (column$i < params.n) {
    var value = sums.$i;
    if (HAS_BIAS != 0u) {
      value += bias[select(column$i, row, TURNED != 0u)];
    }
    let at = select(row * params.n + column$i, column$i * params.m + row, TURNED != 0u);
    output[output_origin + at] = output_stored(activated(value));
  }
#end
}

@compute @workgroup_size(64)
fn matmul_f32__vector(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  open_batch(group.z);
  var lane = local % LANES;
  var quad = local / LANES;
  if (!right_inner_first()) {
    lane = local / (64u / LANES);
    quad = local % (64u / LANES);
  }
  let first = 4u * (group.x * (64u / LANES) + quad);
  let rows = left_rows(0u);
  let columns = right_columns(first);
#for f in 0..4
  var sum$f = vec4<f32>();
#end
  let inner = inner_range(group.z);
  for (var k = inner.x + 4u * lane; k < inner.y; k += 4u * LANES) {
    let right = load_right(columns, k);
    let left = load_left(rows, k);
#for f in 0..4
    if (FEW > $(f)u) {
#for i in 0..4
      sum$f += left[$i].$f * right[$i];
#end
    }
#end
  }
#for f in 0..4
  if (FEW > $(f)u) {
    sums$(f)[local] = sum$f;
  }
#end
  let step = select(64u / LANES, 1u, right_inner_first());
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
#for f in 0..4
      if (FEW > $(f)u) {
        sums$(f)[local] += sums$(f)[local + half * step];
      }
#end
    }
  }
  if (lane == 0u) {
#for f in 0..4
    if (FEW > $(f)u) {
      store($(f)u, first, sums$(f)[local]);
    }
#end
  }
}
