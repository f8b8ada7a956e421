// A tensor with a border: along each axis `before` elements, x, `after` elements, those of the border copied from x:
// border 0 mirrors x at its first and last element, 1 repeats these, 2 goes on at x's other end, 3 has the bits
// of `value`. Amounts may be negative where that takes away.
struct PadParams {
  size: u32,
  rank: u32,
  border: u32,
  value: u32,
  shape: array<vec4<i32>, 2>,
  before: array<vec4<i32>, 2>,
  after: array<vec4<i32>, 2>,
}
