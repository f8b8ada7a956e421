// One launch over many tensors, four neighbouring elements an invocation: workgroup `rows.x` is the first that works on a tensor,
// the next begins with the first of the next.
#include "common/indexing"

struct TensorWalk {
  count: u32,
  groups: u32,
  // What the kernel asks for.
  stride: u32,
  // First workgroup; elements; what the kernel asks for; buffer of the first role + 4 · that of the second.
  rows: array<vec4<u32>, 256>,
  // First vector of each role in its buffer.
  places: array<vec4<u32>, 256>,
}

// The tensor of workgroup w.
fn tensor_of(w: u32) -> u32 {
  var item = 0u;
  var end = params.count;
  while (end - item > 1u) {
    let middle = (item + end) / 2u;
    if (params.rows[middle].x <= w) {
      item = middle;
    } else {
      end = middle;
    }
  }
  return item;
}

// Which elements of vector q a tensor of so many has.
fn inside_of(q: u32, elements: u32) -> vec4<bool> {
  return vec4<u32>(4u * q) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(elements);
}
