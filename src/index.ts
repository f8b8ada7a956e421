export { apply, applyWith } from './apply.js';
export type { Backend, BackendCore, BackendInfo, DeviceBuffer, LaunchTimes } from './backend/backend.js';
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
export { type DescribedLaunch, ProgramDescription } from './description.js';
export { Device } from './device.js';
export type { DType, HostTensor, TypedArray } from './dtype.js';
export { DeviceLostError, fail, type Recovered, WeftError } from './errors.js';
export { FaultMessages, Program } from './executor.js';
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
export type { Kind, Kinds } from './kinds.js';
export * as kinds from './kinds.js';
export * as nn from './nn/index.js';
export type {
  Attrs,
  BackendKind,
  BackwardContext,
  Cost,
  ErrorCase,
  Features,
  KernelCall,
  Launch,
  Node,
  Op,
  OpFunction,
  OpSpec,
  RefTensor,
  Sample,
  SampleInput,
  Side,
  TensorType,
  TileRate,
  Tolerance,
  Value,
  Variant,
} from './op.js';
export { expectDType } from './op.js';
export { type DeviceOptions, open } from './open.js';
export { elementwise, expectSameShape, type Pair } from './ops/common.js';
export type { Conv2dActivation, Conv2dAlgorithm, Padding2d } from './ops/conv2d_geometry.js';
export { gradientOps } from './ops/gradient_ops.js';
export * as ops from './ops/index.js';
export { registry } from './ops/index.js';
export type { Reduction } from './ops/loss_spec.js';
export type * from './ops/options.js';
export type { PadMode } from './ops/pad_options.js';
export * as optim from './optim/index.js';
export {
  type LaunchRecord,
  Profile,
  type ProfileOptions,
  type ProfileRow,
  type TraceEvent,
} from './profile.js';
export { Generator } from './random.js';
export type { GivenRates, Rates, SideRates, TransferRates } from './rates.js';
export type { ScheduleEntry } from './schedule.js';
export { type Shape, sameShape, showShape, sizeOf } from './shape.js';
export { type GradientHook, lift, Tensor } from './tensor.js';
export type { TensorFunction, TensorLike } from './tensor-types.js';
export type { CompiledGraph } from './trace.js';
export * as train from './train/index.js';
export type { Tuning } from './tune.js';
export type { WeaveOptions } from './weaving.js';
