export * from './unary';
export * from './activation';
export * from './activation_backward';
export * from './rectifier';
export * from './unary_integer';
export {
  add_f32, sub_f32, mul_f32, div_f32, maximum_f32, minimum_f32, add_i32, sub_i32, mul_i32, maximum_i32, minimum_i32,
} from './binary';
export * from './division';
export * from './pow';
export * from './compare';
export * from './logical';
export * from './cast';
export * from './fill';
export { where_u32, lerp_f32, addcmul_f32, addcdiv_f32 } from './ternary';
export * from './layout';
export * from './reduce';
export * from './matmul';
export * from './conv2d';
export * from './pool2d';
export { softmax_f32, log_softmax_f32, softmax_backward_f32, log_softmax_backward_f32 } from './softmax';
export * from './cross_entropy';
export * from './dropout';
export * from './update';
export * from './peak';
