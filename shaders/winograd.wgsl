// Winograd convolution is wasm's alone: assembly/winograd.ts. Sizes as in common/correlate; a work unit covers `tiles`
// tiles of `size` (2 or 4) by `size` outputs by `rows` filters. `transposed` takes the weights of the convolution whose input-gradient this
// is: channels and filters exchanged, rotated by 180 degrees.

//! params winograd_filters_f32 winograd_f32__4x8 winograd_f32__6x8 : WinogradParams

struct WinogradParams {
  batch: u32,
  groups: u32,
  channels: u32,
  height: u32,
  width: u32,
  filters: u32,
  outHeight: u32,
  outWidth: u32,
  top: i32,
  left: i32,
  tiles: u32,
  rows: u32,
  transposed: u32,
  relu: u32,
  size: u32,
  pairs: u32,
}
