// Matrix products by tiles, as in common/tile, with operands and batch as in common/matmul: transposed ones are
// read where they lie. For `linear` a bias [n] is added to the rows and an activation applied to the sums.
// Workgroups over columns, rows, batch times parts.
//! kernel matmul_f32__32x32 | ROWS=32 | COLUMNS=32 | TM=4 | TN=4 | DEPTH=16
//! kernel matmul_f32__64x64 | ROWS=64 | COLUMNS=64 | TM=8 | TN=4 | DEPTH=16
//! kernel matmul_f32__128x128 | ROWS=128 | COLUMNS=128 | TM=8 | TN=8 | DEPTH=16
#include "common/matmul"
#include "common/tile"

@group(0) @binding(0) var<storage, read> left_operand: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> right_operand: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: MatmulParams;

// Where the batch's matrices begin, and the sums of this part.
var<private> left_origin: u32;
var<private> right_origin: u32;
var<private> output_origin: u32;

fn four_from(first: u32, size: u32) -> vec4<u32> {
  return min(vec4<u32>(first, first + 1u, first + 2u, first + 3u), vec4<u32>(size - 1u));
}

#for S in left right
fn $(S)_inner_first() -> bool {
  return params.$(S)Inner == 1u;
}

fn gather_$(S)(at: vec4<u32>) -> vec4<f32> {
  return vec4<f32>(
    $(S)_operand[at.x >> 2u][at.x & 3u],
    $(S)_operand[at.y >> 2u][at.y & 3u],
    $(S)_operand[at.z >> 2u][at.z & 3u],
    $(S)_operand[at.w >> 2u][at.w & 3u],
  );
}

fn load_$(S)(start: vec4<u32>, k: u32) -> mat4x4<f32> {
  if (params.$(S)By == 1u) {
    if (k >= params.k) {
      return mat4x4<f32>();
    }
    let at = (start + k) >> vec4<u32>(2u);
    return transpose(mat4x4<f32>(
      $(S)_operand[at.x],
      $(S)_operand[at.y],
      $(S)_operand[at.z],
      $(S)_operand[at.w],
    ));
  }
  var loaded = mat4x4<f32>();
#for i in 0..4
  if (k + $(i)u < params.k) {
    let at = start + (k + $(i)u) * params.$(S)Inner;
    if (params.$(S)By == 2u) {
      loaded[$i] = $(S)_operand[at.x >> 2u];
    } else {
      loaded[$i] = gather_$(S)(at);
    }
  }
#end
  return loaded;
}
#end

// Of four rows (columns) the elements at inner index 0; those past the end are the last.
alias LeftRows = vec4<u32>;
alias RightColumns = vec4<u32>;

fn left_rows(first: u32) -> LeftRows {
  return left_origin + four_from(first, params.m) * params.leftAcross;
}

fn right_columns(first: u32) -> RightColumns {
  return right_origin + four_from(first, params.n) * params.rightAcross;
}

// What is added to four columns.
struct StoreColumns {
  first: u32,
  offset: vec4<f32>,
}

fn store_columns(first: u32) -> StoreColumns {
  if (params.hasBias == 0u) {
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
  if (params.activation != 0u) {
#for i in 0..4
    values.$i = activated(values.$i, params.activation);
#end
  }
  let at = output_origin + row * params.n + columns.first;
#for i in 0..4
  if (columns.first + $(i)u < params.n) {
    output[at + $(i)u] = values.$i;
  }
#end
}

@compute @workgroup_size($(ROWS / TM * (COLUMNS / TN)))
fn KERNEL(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let part = group.z % params.parts;
  let batch = group.z / params.parts;
  let position = batch_position(params.batchShape, batch);
  left_origin = dot(position, params.leftBatch);
  right_origin = dot(position, params.rightBatch);
  output_origin = (part * params.batch + batch) * params.m * params.n;
  let begin = part * params.part;
  let end = min(begin + params.part, params.k);
  multiply_tile(local, group.y * $(ROWS)u, group.x * $(COLUMNS)u, begin, end);
}
