// y[batch] = a[batch] b[batch]: a [m, k], b [k, n], y [m, n] row-major. Operands are read by row and column
// strides, so a transposed one costs nothing but its load pattern. Up to four batch axes, walked by strides
// (0 where an operand repeats). matmul_f32__64x64: tiles as in common/tile64. matmul_f32__16x16: for small m
// or n, one output per invocation, 16 x 16. For `linear` a bias [n] is added to the rows and an activation
// applied to the sums.
#include "common/activation"
#include "common/tile64"

struct MatmulParams {
  m: u32,
  n: u32,
  k: u32,
  batch: u32,
  aRow: u32,
  aColumn: u32,
  bRow: u32,
  bColumn: u32,
  hasBias: u32,
  // 0 none, 1 relu, 2 tanh, 3 sigmoid.
  activation: u32,
  batchShape: vec4<u32>,
  aBatch: vec4<u32>,
  bBatch: vec4<u32>,
}

@group(0) @binding(0) var<storage, read> left_operand: array<f32>;
@group(0) @binding(1) var<storage, read> right_operand: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: MatmulParams;

// Place of matrix `batch` along the four batch axes.
fn batch_position(batch: u32) -> vec4<u32> {
  let shape = params.batchShape;
  let outer = batch / shape.w;
  return vec4<u32>(outer / shape.z / shape.y, outer / shape.z % shape.y, outer % shape.z, batch % shape.w);
}

fn offset_of(position: vec4<u32>, strides: vec4<u32>) -> u32 {
  return dot(position, strides);
}

// Of this invocation's four rows of a and columns of b: the elements at k = 0, and which exist.
var<private> left_start: vec4<u32>;
var<private> left_inside: vec4<bool>;
var<private> right_start: vec4<u32>;
var<private> right_inside: vec4<bool>;

fn load_left(k: u32) -> vec4<f32> {
  return gather_left(left_start + k * params.aColumn, left_inside & vec4<bool>(k < params.k));
}

fn load_right(k: u32) -> vec4<f32> {
  return gather_right(right_start + k * params.bRow, right_inside & vec4<bool>(k < params.k));
}

// What becomes of a sum in this column.
fn finish(value: f32, column: u32) -> f32 {
  var total = value;
  if (params.hasBias != 0u) {
    total += bias[min(column, params.n - 1u)];
  }
  switch params.activation {
    case 1u: {
      // NaN fails every comparison and passes through.
      return select(total, 0.0, total <= 0.0);
    }
    case 2u: {
      return hyperbolic_tangent(total);
    }
    case 3u: {
      return logistic(total);
    }
    default: {
      return total;
    }
  }
}

fn finish_row(values: vec4<f32>, columns: vec4<u32>) -> vec4<f32> {
  if (params.hasBias + params.activation == 0u) {
    return values;
  }
  return vec4<f32>(
    finish(values.x, columns.x),
    finish(values.y, columns.y),
    finish(values.z, columns.z),
    finish(values.w, columns.w),
  );
}

fn store_row(batch: u32, row: u32, columns: vec4<u32>, values: vec4<f32>) {
  let inside = (columns < vec4<u32>(params.n)) & vec4<bool>(row < params.m);
  scatter((batch * params.m + row) * params.n + columns, inside, finish_row(values, columns));
}

@compute @workgroup_size(16, 16)
fn matmul_f32__64x64(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let position = batch_position(group.z);
  let left = loader(local, params.aColumn == 1u);
  let right = loader(local, params.bColumn != 1u);
  let left_rows = quad_of(group.y, left.quad);
  let right_columns = quad_of(group.x, right.quad);
  left_start = offset_of(position, params.aBatch) + left_rows * params.aRow;
  left_inside = left_rows < vec4<u32>(params.m);
  right_start = offset_of(position, params.bBatch) + right_columns * params.bColumn;
  right_inside = right_columns < vec4<u32>(params.n);
  let tile = multiply_tile(params.k, local, left, right);
  let row = quad_of(group.y, local / 16u).x;
  let columns = quad_of(group.x, local % 16u);
  store_row(group.z, row, columns, tile.row0);
  store_row(group.z, row + 1u, columns, tile.row1);
  store_row(group.z, row + 2u, columns, tile.row2);
  store_row(group.z, row + 3u, columns, tile.row3);
}

var<workgroup> a_block: array<f32, 256>;
var<workgroup> b_block: array<f32, 256>;

@compute @workgroup_size(16, 16)
fn matmul_f32__16x16(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let position = batch_position(group.z);
  let row = group.y * 16u + local.y;
  let column = group.x * 16u + local.x;
  let a_start = offset_of(position, params.aBatch) + row * params.aRow;
  let b_start = offset_of(position, params.bBatch) + column * params.bColumn;
  let slot = local.y * 16u + local.x;
  var total = 0.0;
  for (var start = 0u; start < params.k; start += 16u) {
    let a_k = start + local.x;
    let b_k = start + local.y;
    a_block[slot] = 0.0;
    b_block[slot] = 0.0;
    if (row < params.m && a_k < params.k) {
      a_block[slot] = left_operand[a_start + a_k * params.aColumn];
    }
    if (column < params.n && b_k < params.k) {
      b_block[slot] = right_operand[b_start + b_k * params.bRow];
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      total += a_block[local.y * 16u + k] * b_block[k * 16u + local.x];
    }
    workgroupBarrier();
  }
  if (row < params.m && column < params.n) {
    output[(group.z * params.m + row) * params.n + column] = finish(total, column);
  }
}
