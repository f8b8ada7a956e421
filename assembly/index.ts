export * from './unary';
export { add_f32, add_i32, div_f32, maximum_f32, maximum_i32, minimum_f32, minimum_i32, mul_f32, mul_i32, sub_f32, sub_i32 } from './binary';
export * from './pow';
export * from './compare';
export * from './cast';
export * from './fill';
export * from './layout';
export * from './pad';
export * from './triangle';
export * from './range';
export * from './reduce';
export * from './matmul';
export * from './conv2d';
export { log_softmax_backward_f32, log_softmax_f32, softmax_backward_f32, softmax_f32 } from './softmax';
export {
  cross_entropy_rows_f32,
  cross_entropy_f32,
  cross_entropy_backward_f32,
  cross_entropy_shares_f32,
  cross_entropy_shares_backward_f32,
} from './cross_entropy';
export * from './nll_loss';
export {
  loss_total_f32,
  mse_loss_f32,
  mse_loss_backward_f32,
  l1_loss_f32,
  l1_loss_backward_f32,
  smooth_l1_loss_f32,
  smooth_l1_loss_backward_f32,
  huber_loss_f32,
  huber_loss_backward_f32,
  hinge_embedding_loss_f32,
  hinge_embedding_loss_backward_f32,
  margin_ranking_loss_f32,
  margin_ranking_loss_backward_f32,
  margin_ranking_loss_backward_f32__target,
} from './loss';
export * from './loss_log';
export * from './dropout';
export * from './random';
export * from './update';
export * from './peak';
export { gather__strided } from './indexing';
export * from './one_hot';
export * from './scatter';
export * from './unfold';
export * from './resize';
export * from './max_pool2d';
export * from './avg_pool2d';
export * from './max_unpool2d';
export * from './standardize';
export * from './batch_norm';
export * from './local_response_norm';
export * from './scan';
export * from './sort';
export * from './activation';
export * from './activation_backward';
export * from './rectifier';
export * from './unary_integer';
export * from './division';
export * from './logical';
export { addcdiv_f32, addcmul_f32, lerp_f32, where_u32 } from './ternary';
export * from './recurrent_gates';
export * from './recurrent';
export * from './masked_softmax';
