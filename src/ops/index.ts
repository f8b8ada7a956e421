/** Every op. The names here are the public names; a tool that wants all ops loops over `registry`. */
import type { Op } from '../op.js';
import * as avgPool1d from './avg_pool1d.js';
import * as avgPool2d from './avg_pool2d.js';
import * as binary from './binary.js';
import * as cast from './cast.js';
import * as compare from './compare.js';
import * as conv2d from './conv2d.js';
import * as crossEntropy from './cross_entropy.js';
import * as dropout from './dropout.js';
import * as fill from './fill.js';
import * as globalPool2d from './global_pool2d.js';
import * as layout from './layout.js';
import * as lpPool1d from './lp_pool1d.js';
import * as lpPool2d from './lp_pool2d.js';
import * as matmul from './matmul.js';
import * as maxPool1d from './max_pool1d.js';
import * as maxPool2d from './max_pool2d.js';
import * as maxUnpool1d from './max_unpool1d.js';
import * as maxUnpool2d from './max_unpool2d.js';
import * as pow from './pow.js';
import * as reduce from './reduce.js';
import * as softmax from './softmax.js';
import * as unary from './unary.js';
import * as update from './update.js';
import * as where from './where.js';

const families = [
  unary,
  binary,
  pow,
  compare,
  where,
  cast,
  fill,
  reduce,
  layout,
  matmul,
  conv2d,
  maxPool2d,
  avgPool2d,
  maxUnpool2d,
  lpPool2d,
  globalPool2d,
  maxPool1d,
  avgPool1d,
  maxUnpool1d,
  lpPool1d,
  softmax,
  crossEntropy,
  dropout,
  update,
];

/** All op declarations by name. */
export const registry: ReadonlyMap<string, Op> = new Map(
  families
    .flatMap((family) => Object.values<unknown>(family))
    .filter((entry): entry is { op: Op } => typeof entry === 'function' && 'op' in entry)
    .map(({ op }) => [op.name, op]),
);

export * from './avg_pool1d.js';
export { adaptiveAvgPool2d, adaptiveAvgPool2dBackward, avgPool2d, avgPool2dBackward } from './avg_pool2d.js';
export { add, div, maximum, minimum, mul, sub } from './binary.js';
export { cast } from './cast.js';
export * from './compare.js';
export { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv2d.js';
export { crossEntropy, crossEntropyBackward } from './cross_entropy.js';
export { dropout } from './dropout.js';
export { full } from './fill.js';
export * from './global_pool2d.js';
export { broadcastTo, concat, detach, pad, permute, reshape, slice } from './layout.js';
export { lpPool1d } from './lp_pool1d.js';
export { lpPool2d } from './lp_pool2d.js';
export { matmul } from './matmul.js';
export * from './max_pool1d.js';
export * from './max_pool2d.js';
export { maxUnpool1d } from './max_unpool1d.js';
export { maxUnpool2d, maxUnpool2dBackward } from './max_unpool2d.js';
export { pow } from './pow.js';
export { argmax, max, mean, min, sum } from './reduce.js';
export { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './softmax.js';
export * from './unary.js';
export { adamUpdate, sgdMomentumUpdate, sgdUpdate } from './update.js';
export { where } from './where.js';
