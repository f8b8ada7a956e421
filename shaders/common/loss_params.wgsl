// Losses of corresponding elements x and t; c and w are `count` elements that are each repeated `inner` times
// and all over and over, count 0 where they are left out. a, b and e are the loss's own.
struct LossParams {
  size: u32,
  sums: u32,
  moves: u32,
  cInner: u32,
  cCount: u32,
  wInner: u32,
  wCount: u32,
  scale: f32,
  a: f32,
  b: f32,
  e: f32,
}

@group(0) @binding(0) var<storage, read> x_values: array<f32>;
@group(0) @binding(1) var<storage, read> t_values: array<f32>;
@group(0) @binding(2) var<storage, read> c_values: array<f32>;
@group(0) @binding(3) var<storage, read> w_values: array<f32>;
