// Matrix products of operands in half precision, for devices opened with mixed precision: 16-bit operands, exact
// f32 products of them, f32 sums. Both operands are copied before, by matmul_half_pack, as [batch, inner, quads]
// of vec4: four rows (columns) at an inner index, with zeros past the inner axis' end up to a multiple of DEPTH.
// So loads are vec4s beside each other whatever the operand's strides, and nothing lies past an end. Tiles as in
// common/tile; workgroups over columns, rows, batch.
//! kernel matmul_f16__32x32 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=16
//! kernel matmul_f16__64x64 | ROWS=64 | COLUMNS=64 | TM=8 | TN=4 | DEPTH=16
//! kernel matmul_f16__128x128 | ROWS=128 | COLUMNS=128 | TM=8 | TN=8 | DEPTH=16
enable f16;
#include "common/activation"
#include "common/tile"

struct HalfProductParams {
  m: u32,
  n: u32,
  // Of the copies.
  inner: u32,
  hasBias: u32,
  // 0 none, 1 relu, 2 tanh, 3 sigmoid.
  activation: u32,
}

@group(0) @binding(0) var<storage, read> left_operand: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> right_operand: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: HalfProductParams;

var<private> batch: u32;

// Place of a quad of rows (columns) at inner index 0; past the end the last.
alias LeftRows = u32;
alias RightColumns = u32;

fn left_quads() -> u32 {
  return (params.m + 3u) / 4u;
}

fn right_quads() -> u32 {
  return (params.n + 3u) / 4u;
}

#for S in left right
fn $(S)_inner_first() -> bool {
  return false;
}

fn load_$(S)(quad: u32, k: u32) -> mat4x4<f32> {
  let quads = $(S)_quads();
  let at = (batch * params.inner + k) * quads + quad;
  return mat4x4<f32>(
    vec4<f32>($(S)_operand[at]),
    vec4<f32>($(S)_operand[at + quads]),
    vec4<f32>($(S)_operand[at + 2u * quads]),
    vec4<f32>($(S)_operand[at + 3u * quads]),
  );
}
#end

fn left_rows(first: u32) -> LeftRows {
  return min(first / 4u, left_quads() - 1u);
}

fn right_columns(first: u32) -> RightColumns {
  return min(first / 4u, right_quads() - 1u);
}

struct StoreColumns {
  first: u32,
  offset: vec4<f32>,
}

fn store_columns(first: u32) -> StoreColumns {
  var offset = vec4<f32>();
  if (params.hasBias != 0u) {
    let last = params.n - 1u;
#for i in 0..4
    offset.$i = bias[min(first + $(i)u, last)];
#end
  }
  return StoreColumns(first, offset);
}

fn activated(value: f32) -> f32 {
  switch params.activation {
    case 1u: {
      // NaN fails every comparison and passes through.
      return select(value, 0.0, value <= 0.0);
    }
    case 2u: {
      return hyperbolic_tangent(value);
    }
    case 3u: {
      return logistic(value);
    }
    default: {
      return value;
    }
  }
}

fn store_row(row: u32, columns: StoreColumns, sums: vec4<f32>) {
  if (row >= params.m) {
    return;
  }
  let values = sums + columns.offset;
  let at = (batch * params.m + row) * params.n + columns.first;
#for i in 0..4
  if (columns.first + $(i)u < params.n) {
    output[at + $(i)u] = activated(values.$i);
  }
#end
}

@compute @workgroup_size($(ROWS / TM * (COLUMNS / TN)))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  batch = group.z;
  multiply_tile(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, 0u, params.inner);
}
