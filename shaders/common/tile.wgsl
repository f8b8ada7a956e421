// A tile of ROWS x COLUMNS outputs of a matrix product, explicit or implicit, by a workgroup of (ROWS / TM)
// (COLUMNS / TN) invocations with TM x TN outputs each. These and DEPTH are words of the including file's
// kernel lines, powers of two: TM and TN from 4, ROWS and COLUMNS from 32, DEPTH 8 or 16; (ROWS + COLUMNS)
// DEPTH / 16 is once or twice the number of invocations.
//
// Blocks of DEPTH inner indices of both operands pass through workgroup memory, where a vec4 holds four rows
// (columns) at one inner index. An invocation loads blocks of 4 x 4 from memory into registers while the
// blocks before are multiplied. Sums stay in registers with names, for arrays that a loop indexes would not;
// what is done for four inner indices is unrolled (after Volkov and Demmel, 2008, and Boehm, 2022). Quads of rows lie
// at places that differ with the inner index, so that invocations beside each other store to different banks.
//
// The including module says what the operands are, `first` being the first of four rows (columns):
//   fn left_inner_first() -> bool          whether invocations beside each other load along the inner axis, or
//                                          else along rows: where memory is contiguous; uniform
//   struct LeftRows, fn left_rows(first: u32) -> LeftRows
//                                          what is wanted of four rows at every load
//   fn load_left(rows: LeftRows, k: u32) -> mat4x4<f32>
//                                          column i is the four rows at inner index k + i, 0 past the inner
//                                          axis' end; k - begin is a multiple of 4. Rows past the end may
//                                          hold anything, for what becomes of them is not stored
//   right_inner_first, RightColumns, right_columns, load_right
//                                          the same with columns for rows
//   struct StoreColumns, fn store_columns(first: u32) -> StoreColumns
//   fn store_row(row: u32, columns: StoreColumns, sums: vec4<f32>)
//                                          four sums of a row; also of rows and columns past the end
// All invocations call multiply_tile together, with the tile's first row and column and a range of the inner
// axis: `end - begin` is a multiple of DEPTH, or `end` is the axis' end or past it.
var<workgroup> left_tile: array<vec4<f32>, $(DEPTH * ROWS / 4)>;
var<workgroup> right_tile: array<vec4<f32>, $(DEPTH * COLUMNS / 4)>;

// Which of an operand's blocks of 4 x 4 an invocation loads: the quad of its rows, and of its inner indices.
fn place_of(at: u32, quads: u32, inner_first: bool) -> vec2<u32> {
  if (inner_first) {
    return vec2<u32>(at / $(DEPTH / 4)u, at % $(DEPTH / 4)u);
  }
  return vec2<u32>(at % quads, at / quads);
}

fn keep_left(place: vec2<u32>, loaded: mat4x4<f32>) {
  let slot = (place.y % $(DEPTH / 4)u) * $(ROWS)u + ((place.x ^ (2u * place.y)) % $(ROWS / 4)u);
#for i in 0..4
  left_tile[slot + $(i * ROWS / 4)u] = loaded[$i];
#end
}

fn keep_right(place: vec2<u32>, loaded: mat4x4<f32>) {
  let slot = (place.y % $(DEPTH / 4)u) * $(COLUMNS)u + ((place.x ^ (2u * place.y)) % $(COLUMNS / 4)u);
#for i in 0..4
  right_tile[slot + $(i * COLUMNS / 4)u] = loaded[$i];
#end
}

fn multiply_tile(local: u32, first_row: u32, first_column: u32, begin: u32, end: u32) {
#if (ROWS + COLUMNS) * DEPTH / 16 == 2 * (ROWS / TM) * (COLUMNS / TN)
  // Everyone loads of both operands.
  let left = place_of(local, $(ROWS / 4)u, left_inner_first());
  let right = place_of(local, $(COLUMNS / 4)u, right_inner_first());
  let rows = left_rows(first_row + 4u * left.x);
  let columns = right_columns(first_column + 4u * right.x);
  var next_left = load_left(rows, begin + 4u * left.y);
  var next_right = load_right(columns, begin + 4u * right.y);
#else
  // The first invocations load the left operand, the others the right one.
  let is_left = local < $(ROWS * DEPTH / 16)u;
  var place: vec2<u32>;
  var next: mat4x4<f32>;
  var rows: LeftRows;
  var columns: RightColumns;
  if (is_left) {
    place = place_of(local, $(ROWS / 4)u, left_inner_first());
    rows = left_rows(first_row + 4u * place.x);
    next = load_left(rows, begin + 4u * place.y);
  } else {
    place = place_of(local - $(ROWS * DEPTH / 16)u, $(COLUMNS / 4)u, right_inner_first());
    columns = right_columns(first_column + 4u * place.x);
    next = load_right(columns, begin + 4u * place.y);
  }
#end
  let down = local / $(COLUMNS / TN)u;
  let across = local % $(COLUMNS / TN)u;
#for q in 0..TM/4
#for j in 0..TN/4
#for x in 0..4
  var sum$(4 * q + x)_$j = vec4<f32>();
#end
#end
#end
  for (var start = begin; start < end; start += $(DEPTH)u) {
    workgroupBarrier();
#if (ROWS + COLUMNS) * DEPTH / 16 == 2 * (ROWS / TM) * (COLUMNS / TN)
    keep_left(left, next_left);
    keep_right(right, next_right);
#else
    if (is_left) {
      keep_left(place, next);
    } else {
      keep_right(place, next);
    }
#end
    workgroupBarrier();
    let following = start + $(DEPTH)u;
    if (following < end) {
#if (ROWS + COLUMNS) * DEPTH / 16 == 2 * (ROWS / TM) * (COLUMNS / TN)
      next_left = load_left(rows, following + 4u * left.y);
      next_right = load_right(columns, following + 4u * right.y);
#else
      if (is_left) {
        next = load_left(rows, following + 4u * place.y);
      } else {
        next = load_right(columns, following + 4u * place.y);
      }
#end
    }
    for (var by = 0u; by < $(DEPTH / 4)u; by++) {
#for q in 0..TM/4
      let row$q = by * $(ROWS)u + (((down + $(q * ROWS / TM)u) ^ (2u * by)) % $(ROWS / 4)u);
#end
#for j in 0..TN/4
      let column$j = by * $(COLUMNS)u + (((across + $(j * COLUMNS / TN)u) ^ (2u * by)) % $(COLUMNS / 4)u);
#end
#for i in 0..4
      {
#for j in 0..TN/4
        let r$j = right_tile[column$j + $(i * COLUMNS / 4)u];
#end
#for q in 0..TM/4
        let l$q = left_tile[row$q + $(i * ROWS / 4)u];
#for x in 0..4
#for j in 0..TN/4
        sum$(4 * q + x)_$j += l$q.$x * r$j;
#end
#end
#end
      }
#end
    }
  }
#for j in 0..TN/4
  let columns$j = store_columns(first_column + 4u * (across + $(j * COLUMNS / TN)u));
#for q in 0..TM/4
#for x in 0..4
  store_row(first_row + 4u * (down + $(q * ROWS / TM)u) + $(x)u, columns$j, sum$(4 * q + x)_$j);
#end
#end
#end
}
