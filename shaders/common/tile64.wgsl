// A 64 x 64 tile of a matrix product, by a workgroup of 16 x 16 invocations with 4 x 4 outputs each, in
// blocks of 16 along the inner axis (8 KiB of workgroup memory). The including module declares the storage
// arrays left_operand, right_operand and output, and says what the operands are:
//   fn load_left(k: u32) -> vec4<f32>    4 rows of the left operand at inner index k, 0 past any end
//   fn load_right(k: u32) -> vec4<f32>   4 columns of the right operand at inner index k, 0 past any end
// Which four is fixed beforehand, by the quad of the operand's Loader, and kept in private variables.
var<workgroup> left_tile: array<vec4<f32>, 256>;
var<workgroup> right_tile: array<vec4<f32>, 256>;

// What an invocation loads of every block: rows (columns) 4 quad .. 4 quad + 3 at inner index `depth`.
struct Loader {
  quad: u32,
  depth: u32,
}

// Neighbouring invocations load neighbours along the inner axis, or else along rows (columns): whichever lies
// closer in memory.
fn loader(local: u32, inner_is_contiguous: bool) -> Loader {
  if (inner_is_contiguous) {
    return Loader(local / 16u, local % 16u);
  }
  return Loader(local % 16u, local / 16u);
}

// Rows of the 4 x 4 outputs of one invocation.
struct Outputs {
  row0: vec4<f32>,
  row1: vec4<f32>,
  row2: vec4<f32>,
  row3: vec4<f32>,
}

// Rows 4 (local / 16) .. + 3 and columns 4 (local % 16) .. + 3 of the tile. All invocations must call it
// together. The next block is on its way from memory while one is multiplied.
fn multiply_tile(inner: u32, local: u32, left: Loader, right: Loader) -> Outputs {
  let row_quad = local / 16u;
  let column_quad = local % 16u;
  let left_slot = left.depth * 16u + left.quad;
  let right_slot = right.depth * 16u + right.quad;
  var row0 = vec4<f32>();
  var row1 = vec4<f32>();
  var row2 = vec4<f32>();
  var row3 = vec4<f32>();
  var next_left = load_left(left.depth);
  var next_right = load_right(right.depth);
  for (var start = 0u; start < inner; start += 16u) {
    left_tile[left_slot] = next_left;
    right_tile[right_slot] = next_right;
    workgroupBarrier();
    if (start + 16u < inner) {
      next_left = load_left(start + 16u + left.depth);
      next_right = load_right(start + 16u + right.depth);
    }
    for (var k = 0u; k < 16u; k++) {
      let a = left_tile[k * 16u + row_quad];
      let b = right_tile[k * 16u + column_quad];
      row0 += a.x * b;
      row1 += a.y * b;
      row2 += a.z * b;
      row3 += a.w * b;
    }
    workgroupBarrier();
  }
  return Outputs(row0, row1, row2, row3);
}

// Elements of an operand, 0 where `inside` is false.
fn gather_left(at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  var values = vec4<f32>();
  if (inside.x) {
    values.x = left_operand[at.x];
  }
  if (inside.y) {
    values.y = left_operand[at.y];
  }
  if (inside.z) {
    values.z = left_operand[at.z];
  }
  if (inside.w) {
    values.w = left_operand[at.w];
  }
  return values;
}

fn gather_right(at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  var values = vec4<f32>();
  if (inside.x) {
    values.x = right_operand[at.x];
  }
  if (inside.y) {
    values.y = right_operand[at.y];
  }
  if (inside.z) {
    values.z = right_operand[at.z];
  }
  if (inside.w) {
    values.w = right_operand[at.w];
  }
  return values;
}

fn scatter(at: vec4<u32>, inside: vec4<bool>, values: vec4<f32>) {
  if (inside.x) {
    output[at.x] = values.x;
  }
  if (inside.y) {
    output[at.y] = values.y;
  }
  if (inside.z) {
    output[at.z] = values.z;
  }
  if (inside.w) {
    output[at.w] = values.w;
  }
}

// The four rows or columns of quad `quad` of tile `tile`.
fn quad_of(tile: u32, quad: u32) -> vec4<u32> {
  return tile * 64u + quad * 4u + vec4<u32>(0u, 1u, 2u, 3u);
}
