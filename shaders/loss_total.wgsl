// y = scale * sum of sums. A GPU adds up such rows by reduce_rows.wgsl.
//! params loss_total_f32 : LossTotalParams
struct LossTotalParams {
  count: u32,
  scale: f32,
}
