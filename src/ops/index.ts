/** Every op. The names here are the public names; a tool that wants all ops loops over `registry`. */
import type { Op } from '../op.js';
import * as attention from './attention.js';
import * as binary from './binary.js';
import * as cast from './cast.js';
import * as compare from './compare.js';
import * as conv2d from './conv2d.js';
import * as crossEntropy from './cross_entropy.js';
import * as dropout from './dropout.js';
import * as fill from './fill.js';
import * as layout from './layout.js';
import * as maskedSoftmax from './masked_softmax.js';
import * as matmul from './matmul.js';
import * as pool2d from './pool2d.js';
import * as pow from './pow.js';
import * as recurrent from './recurrent.js';
import * as recurrentCells from './recurrent_cells.js';
import * as recurrentGatesGru from './recurrent_gates_gru.js';
import * as recurrentGatesLstm from './recurrent_gates_lstm.js';
import * as recurrentGru from './recurrent_gru.js';
import * as recurrentLstm from './recurrent_lstm.js';
import * as recurrentRnn from './recurrent_rnn.js';
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
  pool2d,
  softmax,
  crossEntropy,
  dropout,
  recurrentGatesLstm,
  recurrentGatesGru,
  recurrentCells,
  recurrentRnn,
  recurrentLstm,
  recurrentGru,
  recurrent,
  maskedSoftmax,
  attention,
  update,
];

/** All op declarations by name. */
export const registry: ReadonlyMap<string, Op> = new Map(
  families
    .flatMap((family) => Object.values<unknown>(family))
    .filter((entry): entry is { op: Op } => typeof entry === 'function' && 'op' in entry)
    .map(({ op }) => [op.name, op]),
);

export { scaledDotProductAttention } from './attention.js';
export { add, div, maximum, minimum, mul, sub } from './binary.js';
export { cast } from './cast.js';
export * from './compare.js';
export { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv2d.js';
export { crossEntropy, crossEntropyBackward } from './cross_entropy.js';
export { dropout } from './dropout.js';
export { full } from './fill.js';
export { broadcastTo, concat, detach, pad, permute, reshape, slice } from './layout.js';
export { maskedSoftmax } from './masked_softmax.js';
export { matmul } from './matmul.js';
export { avgPool2d, avgPool2dBackward, maxPool2d, maxPool2dBackward, maxPool2dSelect } from './pool2d.js';
export { pow } from './pow.js';
export { gru, lstm, rnn } from './recurrent.js';
export { gruCell, lstmCell, rnnCell } from './recurrent_cells.js';
export { gruGates, gruGatesBackward } from './recurrent_gates_gru.js';
export { lstmGates, lstmGatesBackward } from './recurrent_gates_lstm.js';
export { gruSequence, gruSequenceBackward } from './recurrent_gru.js';
export { lstmSequence, lstmSequenceBackward } from './recurrent_lstm.js';
export { rnnSequence, rnnSequenceBackward } from './recurrent_rnn.js';
export { argmax, max, mean, min, sum } from './reduce.js';
export { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './softmax.js';
export * from './unary.js';
export { adamUpdate, sgdMomentumUpdate, sgdUpdate } from './update.js';
export { where } from './where.js';
