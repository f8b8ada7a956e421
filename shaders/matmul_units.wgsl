// Structs of the matrix product's kernels that only wasm has.
//! params matmul_f32__tiles : MatmulTilesParams
//! params matmul_f32__dots : MatmulDotsParams
//! params matmul_f32__stream : MatmulStreamParams
//! params matmul_sum_f32 : MatmulSumParams
//! params matmul_pack_a_f32 matmul_pack_b_f32 : MatmulPackParams

// Strides are in elements. A unit is one of `bands` of the rows by one of `stripes` of the columns of a batch.
struct MatmulTilesParams {
  m: u32,
  n: u32,
  k: u32,
  // Terms of one block of a sum.
  depth: u32,
  aRow: u32,
  bRow: u32,
  // From one panel of 8 columns of b to the next.
  bPanel: u32,
  // Most rows of a tile.
  tile: u32,
  // Whether tiles take two panels side by side.
  pairs: u32,
  bands: u32,
  stripes: u32,
  // 0 none, 1 relu, 2 tanh, 3 sigmoid.
  activation: u32,
  batchShape: vec4<u32>,
  aBatch: vec4<u32>,
  bBatch: vec4<u32>,
}

// Few rows against many: strides in elements of the result along either. A unit is `chunk` of the
// many, read `together`, 1 or 4, side by side.
struct MatmulDotsParams {
  few: u32,
  many: u32,
  k: u32,
  chunk: u32,
  together: u32,
  yFew: u32,
  yMany: u32,
  batchShape: vec4<u32>,
  fewBatch: vec4<u32>,
  manyBatch: vec4<u32>,
}

// Matrices, one after the other: [rows, columns], or stored as [columns, rows].
struct MatmulPackParams {
  rows: u32,
  columns: u32,
  transposed: u32,
}

// `together` rows of b are read side by side, 1 or 4.
struct MatmulStreamParams {
  few: u32,
  n: u32,
  k: u32,
  parts: u32,
  stripes: u32,
  together: u32,
  batchShape: vec4<u32>,
  xBatch: vec4<u32>,
  bBatch: vec4<u32>,
}

// Blocks of `block` numbers, rows of n, each the sum of `parts`.
struct MatmulSumParams {
  n: u32,
  block: u32,
  parts: u32,
  activation: u32,
}
