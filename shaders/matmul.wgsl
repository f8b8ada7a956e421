// Matrix products, of operands and batch as in common/matmul; transposed ones are read where they lie. For
// `linear` a bias [n] is added to the rows, for convolutions one of rows, and an activation applied to the sums. Workgroups over columns, rows,
// batch times parts, each a tile as in common/tile or, where DEPTH is 0, straight from storage as in
// common/tile_direct.
//! kernel matmul_f32__32x32 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=16 | QUAD=0
//! kernel matmul_f32__64x64 | ROWS=64 | COLUMNS=64 | TM=8 | TN=4 | DEPTH=16 | QUAD=0
//! kernel matmul_f32__128x128 | ROWS=128 | COLUMNS=128 | TM=8 | TN=8 | DEPTH=16 | QUAD=0
//! kernel matmul_f32__direct_4x4 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=0 | QUAD=0
//! kernel matmul_f32__quad_16x8 | ROWS=64 | COLUMNS=64 | TM=16 | TN=8 | DEPTH=0 | QUAD=1
//! kernel matmul_f32__quad_16x4 | ROWS=32 | COLUMNS=32 | TM=16 | TN=4 | DEPTH=0 | QUAD=1
#if QUAD
enable subgroups;
#end
#include "common/matmul_operands"
#include "common/matmul_epilogue"
#if DEPTH
#include "common/tile"
#else
#include "common/tile_direct"
#end

@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<output_stored>;

// What is added to four columns.
struct StoreColumns {
  first: u32,
  offset: vec4<f32>,
}

fn store_columns(first: u32) -> StoreColumns {
  if (HAS_BIAS != 1u) {
    return StoreColumns(first, vec4<f32>());
  }
  let at = four_from(first, params.n);
  return StoreColumns(first, vec4<f32>(bias[at.x], bias[at.y], bias[at.z], bias[at.w]));
}

fn store_row(row: u32, columns: StoreColumns, sums: vec4<f32>) {
  if (row >= params.m) {
    return;
  }
  var values = sums + columns.offset;
  if (HAS_BIAS == 2u) {
    let offset_row = output_origin / (params.m * params.n) % params.batchShape.w;
    values += bias[offset_row * params.m + row];
  }
  let at = output_origin + row * params.n + columns.first;
#for i in 0..4
  if (columns.first + $(i)u < params.n) {
    output[at + $(i)u] = output_stored(activated(values.$i));
  }
#end
}

@compute @workgroup_size($(ROWS / TM * (COLUMNS / TN)))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  open_batch(group.z);
  let inner = inner_range(group.z);
#if DEPTH
  multiply_tile(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, inner.x, inner.y);
#else
  multiply_direct(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, inner.x, inner.y);
#end
}
