export * from './activation.js';
export * from './attention.js';
export { Layer, ModuleDict, ModuleList, Sequential } from './containers.js';
export * from './convolution.js';
export * from './dropout.js';
export * as init from './init.js';
export * from './linear.js';
export * from './loss.js';
export {
  type BackwardHook,
  Buffer,
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  Module,
  type Output,
  Parameter,
} from './module.js';
export * from './normalisation.js';
export * from './pooling.js';
export * from './recurrent.js';
export * from './shape.js';
export { type Summary, type SummaryRow, summary } from './summary.js';
