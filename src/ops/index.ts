/** Every op. The names here are the public names; a tool that wants all ops loops over `registry`. */
import type { Op } from '../op.js';
import * as binary from './binary.js';
import * as cast from './cast.js';
import * as compare from './compare.js';
import * as concat from './concat.js';
import * as conv2d from './conv2d.js';
import * as crossEntropy from './cross_entropy.js';
import * as diagonal from './diagonal.js';
import * as dropout from './dropout.js';
import * as einsum from './einsum.js';
import * as embedding from './embedding.js';
import * as fill from './fill.js';
import * as indexSelect from './index_select.js';
import * as indexing from './indexing.js';
import * as layout from './layout.js';
import * as linear from './linear.js';
import * as loss from './loss.js';
import * as lossLog from './loss_log.js';
import * as matmul from './matmul.js';
import * as pad from './pad.js';
import * as pool2d from './pool2d.js';
import * as pow from './pow.js';
import * as random from './random.js';
import * as range from './range.js';
import * as reduce from './reduce.js';
import * as repeat from './repeat.js';
import * as roll from './roll.js';
import * as select from './select.js';
import * as slice from './slice.js';
import * as oneHot from './one_hot.js';
import * as pool2d from './pool2d.js';
import * as pow from './pow.js';
import * as products from './products.js';
import * as reduce from './reduce.js';
import * as selection from './selection.js';
import * as softmax from './softmax.js';
import * as split from './split.js';
import * as transpose from './transpose.js';
import * as triangle from './triangle.js';
import * as unary from './unary.js';
import * as update from './update.js';
import * as views from './views.js';
import * as where from './where.js';

const families = [
  unary,
  binary,
  pow,
  compare,
  where,
  cast,
  fill,
  range,
  reduce,
  layout,
  views,
  transpose,
  slice,
  select,
  pad,
  concat,
  split,
  roll,
  repeat,
  triangle,
  diagonal,
  indexing,
  indexSelect,
  embedding,
  oneHot,
  selection,
  matmul,
  linear,
  products,
  einsum,
  conv2d,
  pool2d,
  softmax,
  crossEntropy,
  loss,
  lossLog,
  dropout,
  random,
  update,
];

/** All op declarations by name. */
export const registry: ReadonlyMap<string, Op> = new Map(
  families
    .flatMap((family) => Object.values<unknown>(family))
    .filter((entry): entry is { op: Op } => typeof entry === 'function' && 'op' in entry)
    .map(({ op }) => [op.name, op]),
);

export { add, div, maximum, minimum, mul, sub } from './binary.js';
export { cast } from './cast.js';
export * from './compare.js';
export { concat, stack } from './concat.js';
export { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv2d.js';
export { crossEntropy, crossEntropyBackward } from './cross_entropy.js';
export { diagonal, diagonalBackward, trace } from './diagonal.js';
export { alphaDropout, alphaDropoutBackward, dropout, featureDropout } from './dropout.js';
export { full } from './fill.js';
export { broadcastTo, detach, permute, reshape } from './layout.js';
export {
  hingeEmbeddingLoss,
  huberLoss,
  l1Loss,
  marginRankingLoss,
  mseLoss,
  smoothL1Loss,
} from './loss.js';
export {
  bceWithLogits,
  binaryCrossEntropy,
  gaussianNllLoss,
  klDiv,
  poissonNllLoss,
  softMarginLoss,
} from './loss_log.js';
export { matmul } from './matmul.js';
export { pad, padBackward } from './pad.js';
export { avgPool2d, avgPool2dBackward, maxPool2d, maxPool2dBackward, maxPool2dSelect } from './pool2d.js';
export { pow } from './pow.js';
export { bernoulli, exponential, integers, multinomial, normal, uniform } from './random.js';
export { arange, eye, linspace } from './range.js';
export { argmax, max, mean, min, sum } from './reduce.js';
export { repeat, repeatInterleave } from './repeat.js';
export { roll } from './roll.js';
export { flip, narrow, select } from './select.js';
export { slice, sliceBackward } from './slice.js';
export { dropout } from './dropout.js';
export { einsum } from './einsum.js';
export { embedding, embeddingBackward } from './embedding.js';
export { full } from './fill.js';
export { indexAdd, indexSelect } from './index_select.js';
export { gather, scatterAdd } from './indexing.js';
export { broadcastTo, concat, detach, pad, permute, reshape, slice } from './layout.js';
export { linear } from './linear.js';
export { matmul } from './matmul.js';
export { oneHot } from './one_hot.js';
export { avgPool2d, avgPool2dBackward, maxPool2d, maxPool2dBackward, maxPool2dSelect } from './pool2d.js';
export { pow } from './pow.js';
export { bmm, dot, gramMatrix, mm, outer } from './products.js';
export { argmax, max, mean, min, sum } from './reduce.js';
export { maskedFill, takeAlongAxis } from './selection.js';
export { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './softmax.js';
export { chunk, split, unbind } from './split.js';
export { moveAxis, transpose } from './transpose.js';
export { tril, triu } from './triangle.js';
export * from './unary.js';
export {
  adagradUpdate,
  adamaxUpdate,
  adamUpdate,
  nadamUpdate,
  rmspropUpdate,
  sgdUpdate,
} from './update.js';
export { expand, flatten, squeeze, unflatten, unsqueeze } from './views.js';
export { where } from './where.js';
