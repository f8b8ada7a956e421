#include "common/indexing"

struct ScanParams {
  outer: u32,
  length: u32,
  inner: u32,
  reverse: u32,
  mode: u32,
  serial: u32,
}

// Place in a row of element number k of the scan.
fn place(k: u32) -> u32 {
  return select(k, params.length - 1u - k, params.reverse != 0u);
}

fn row_base(row: u32) -> u32 {
  let outer = row / params.inner;
  return outer * params.length * params.inner + row - outer * params.inner;
}
