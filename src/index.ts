export type { Backend, BackendInfo, DeviceBuffer } from './backend/backend.js';
export type { KernelInfo, KernelParams, KernelSet, WasmSource } from './backend/kernels.js';
export type { WasmOptions } from './backend/wasm/index.js';
export type { WebGPUOptions } from './backend/webgpu/index.js';
export type { CompiledArguments, CompiledFunction, Traced } from './compile.js';
export {
  defineComposition,
  defineCompositionWithOutputs,
  defineVariadicComposition,
  defineVariadicCompositionWithOutputs,
} from './composition.js';
export * as data from './data/index.js';
export { defineOp, defineOpWithOutputs } from './define.js';
export { Device, type DeviceOptions, open } from './device.js';
export type { DType, HostTensor, TypedArray } from './dtype.js';
export { fail, WeftError } from './errors.js';
export { FaultMessages, Program, type ScheduleEntry } from './executor.js';
export { type Functional, functional } from './functional.js';
export { type GradientOps, gradient } from './gradient.js';
export {
  attrsText,
  createGraph,
  createInput,
  type Graph,
  leavesOf,
  nodesOf,
  structureOf,
  type Update,
} from './graph.js';
export * as io from './io/index.js';
export * as nn from './nn/index.js';
export type {
  Attrs,
  BackendKind,
  BackwardContext,
  Cost,
  ErrorCase,
  KernelCall,
  Launch,
  Node,
  Op,
  OpFunction,
  OpSpec,
  RefTensor,
  Sample,
  SampleInput,
  TensorType,
  Tolerance,
  Value,
  Variant,
} from './op.js';
export { apply, applyWith, expectDType } from './op.js';
export type { AvgPool1dOptions, AvgPool2dOptions } from './ops/avg_pool2d.js';
export type { BatchNormUpdateOptions } from './ops/batch_norm.js';
export type { ChannelWindowOptions } from './ops/channel_window.js';
export type { CrossEntropyOptions, LabelOptions } from './ops/class_rows.js';
export { elementwise, expectSameShape, type Pair } from './ops/common.js';
export type { ConvTranspose1dOptions, ConvTranspose2dOptions } from './ops/conv_transpose.js';
export type { Conv1dOptions } from './ops/conv1d.js';
export type { Conv2dOptions, Padding2d } from './ops/conv2d.js';
export { gradientOps } from './ops/gradient_ops.js';
export type { GroupNormOptions } from './ops/group_norm.js';
export * as ops from './ops/index.js';
export { registry } from './ops/index.js';
export type { LayerNormOptions, RmsNormOptions } from './ops/layer_norm.js';
export type { LocalResponseNormOptions } from './ops/local_response_norm.js';
export type {
  HuberLossOptions,
  MarginOptions,
  SmoothL1LossOptions,
} from './ops/loss.js';
export type { CosineEmbeddingLossOptions, TripletMarginLossOptions } from './ops/loss_embedding.js';
export type { KlDivOptions } from './ops/loss_log.js';
export type { GaussianNllLossOptions, PoissonNllLossOptions } from './ops/loss_rate.js';
export type { Reduction, ReductionOptions } from './ops/loss_spec.js';
export type { LpPool1dOptions, LpPool2dOptions } from './ops/lp_pool2d.js';
export type { MaxUnpool1dOptions, MaxUnpool2dOptions } from './ops/max_unpool2d.js';
export type { NormOptions } from './ops/normalization.js';
export type { PadMode, PadOptions } from './ops/pad.js';
export type { PixelShuffleOptions } from './ops/pixel_shuffle.js';
export type { AdaptivePool1dOptions, AdaptivePool2dOptions } from './ops/pool_adaptive.js';
export type { Pool1dOptions, Pool2dOptions } from './ops/pool_windows.js';
export type { ArangeOptions, EyeOptions, LinspaceOptions } from './ops/range.js';
export type { RecurrentOptions, RnnOptions } from './ops/recurrent.js';
export type { InterpolateOptions } from './ops/resize.js';
export type { CosineSimilarityOptions, NormalizeOptions } from './ops/similarity.js';
export type { SliceOptions } from './ops/slice.js';
export type { FoldOptions, UnfoldOptions } from './ops/unfold.js';
export type { WeightNormOptions } from './ops/weight_norm.js';
export * as optim from './optim/index.js';
export { Generator } from './random.js';
export { type Shape, sameShape, showShape, sizeOf } from './shape.js';
export { lift, Tensor, type TensorFunction, type TensorLike } from './tensor.js';
export type { CompiledGraph } from './trace.js';
