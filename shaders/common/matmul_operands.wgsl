#include "common/matmul"

// The operands of a product's kernels, as loaders for common/tile and its like.

// How an operand is read: 0 by elements, 1 by vec4s along the inner axis, 2 by vec4s along rows (columns). For 1
// and 2 that stride is 1 and the axis' length a multiple of 4.
override LEFT_BY = 0u;
override RIGHT_BY = 0u;
// Whether the inner axis and all parts of it are multiples of 16.
override WHOLE = 0u;

alias left_stored = f32;
alias right_stored = f32;

@group(0) @binding(0) var<storage, read> left_operand: array<vec4<left_stored>>;
@group(0) @binding(1) var<storage, read> right_operand: array<vec4<right_stored>>;
@group(0) @binding(4) var<uniform> params: MatmulParams;

// Where the batch's matrices begin, and the sums of this part.
var<private> left_origin: u32;
var<private> right_origin: u32;
var<private> output_origin: u32;

// `z` counts batches, and in each its parts.
fn open_batch(z: u32) {
  let batch = z / params.parts;
  let position = batch_position(params.batchShape, batch);
  left_origin = dot(position, params.leftBatch);
  right_origin = dot(position, params.rightBatch);
  output_origin = (z % params.parts * params.batch + batch) * params.m * params.n;
}

fn inner_range(z: u32) -> vec2<u32> {
  let begin = z % params.parts * params.part;
  return vec2<u32>(begin, min(begin + params.part, params.k));
}

fn four_from(first: u32, size: u32) -> vec4<u32> {
  return min(vec4<u32>(first, first + 1u, first + 2u, first + 3u), vec4<u32>(size - 1u));
}

fn is_inside(k: u32) -> bool {
  return WHOLE != 0u || k < params.k;
}
#for S, BY in left LEFT_BY, right RIGHT_BY

fn $(S)_inner_first() -> bool {
  return params.$(S)Inner == 1u;
}

// Four rows (columns) at one inner index.
fn $(S)_at(start: vec4<u32>, k: u32) -> vec4<f32> {
  if (!is_inside(k)) {
    return vec4<f32>();
  }
  let at = start + k * params.$(S)Inner;
  if ($BY == 2u) {
    return vec4<f32>($(S)_operand[at.x >> 2u]);
  }
  return vec4<f32>(
    f32($(S)_operand[at.x >> 2u][at.x & 3u]),
    f32($(S)_operand[at.y >> 2u][at.y & 3u]),
    f32($(S)_operand[at.z >> 2u][at.z & 3u]),
    f32($(S)_operand[at.w >> 2u][at.w & 3u]),
  );
}

fn load_$(S)(start: vec4<u32>, k: u32) -> mat4x4<f32> {
  if ($BY == 1u) {
    if (!is_inside(k)) {
      return mat4x4<f32>();
    }
    let at = (start + k) >> vec4<u32>(2u);
    return transpose(mat4x4<f32>(
      vec4<f32>($(S)_operand[at.x]),
      vec4<f32>($(S)_operand[at.y]),
      vec4<f32>($(S)_operand[at.z]),
      vec4<f32>($(S)_operand[at.w]),
    ));
  }
  return mat4x4<f32>(
    $(S)_at(start, k),
    $(S)_at(start, k + 1u),
    $(S)_at(start, k + 2u),
    $(S)_at(start, k + 3u),
  );
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

