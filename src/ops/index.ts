/** Every op. The names here are the public names; a tool that wants all ops loops over `registry`. */
import type { Op } from '../op.js';
import * as activation from './activation.js';
import * as attention from './attention.js';
import * as avgPool1d from './avg_pool1d.js';
import * as avgPool2d from './avg_pool2d.js';
import * as batchNorm from './batch_norm.js';
import * as binary from './binary.js';
import * as cast from './cast.js';
import * as channelWindow from './channel_window.js';
import * as checkpoint from './checkpoint.js';
import * as compare from './compare.js';
import * as concat from './concat.js';
import * as convTranspose from './conv_transpose.js';
import * as conv1d from './conv1d.js';
import * as conv2d from './conv2d.js';
import * as crossEntropy from './cross_entropy.js';
import * as diagonal from './diagonal.js';
import * as division from './division.js';
import * as dropout from './dropout.js';
import * as einsum from './einsum.js';
import * as embedding from './embedding.js';
import * as fill from './fill.js';
import * as globalPool2d from './global_pool2d.js';
import * as groupNorm from './group_norm.js';
import * as indexSelect from './index_select.js';
import * as indexing from './indexing.js';
import * as layerNorm from './layer_norm.js';
import * as layout from './layout.js';
import * as linearScan from './linear_scan.js';
import * as localResponseNorm from './local_response_norm.js';
import * as locallyConnected from './locally_connected.js';
import * as logical from './logical.js';
import * as loss from './loss.js';
import * as lossEmbedding from './loss_embedding.js';
import * as lossLog from './loss_log.js';
import * as lossRate from './loss_rate.js';
import * as lpPool1d from './lp_pool1d.js';
import * as lpPool2d from './lp_pool2d.js';
import * as maskedSoftmax from './masked_softmax.js';
import * as matmul from './matmul.js';
import * as maxPool1d from './max_pool1d.js';
import * as maxPool2d from './max_pool2d.js';
import * as maxUnpool1d from './max_unpool1d.js';
import * as maxUnpool2d from './max_unpool2d.js';
import * as multinomial from './multinomial.js';
import * as nllLoss from './nll_loss.js';
import * as norm from './norm.js';
import * as oneHot from './one_hot.js';
import * as pad from './pad.js';
import * as pixelShuffle from './pixel_shuffle.js';
import * as pow from './pow.js';
import * as prod from './prod.js';
import * as products from './products.js';
import * as random from './random.js';
import * as range from './range.js';
import * as rectifier from './rectifier.js';
import * as recurrent from './recurrent.js';
import * as recurrentCells from './recurrent_cells.js';
import * as recurrentGatesGru from './recurrent_gates_gru.js';
import * as recurrentGatesLstm from './recurrent_gates_lstm.js';
import * as recurrentGru from './recurrent_gru.js';
import * as recurrentLstm from './recurrent_lstm.js';
import * as recurrentRnn from './recurrent_rnn.js';
import * as reduce from './reduce.js';
import * as reduceMoments from './reduce_moments.js';
import * as reducePlace from './reduce_place.js';
import * as repeat from './repeat.js';
import * as resize from './resize.js';
import * as roll from './roll.js';
import * as scaleAll from './scale_all.js';
import * as scan from './scan.js';
import * as select from './select.js';
import * as selection from './selection.js';
import * as similarity from './similarity.js';
import * as slice from './slice.js';
import * as softmax from './softmax.js';
import * as sort from './sort.js';
import * as sortSelect from './sort_select.js';
import * as split from './split.js';
import * as standardize from './standardize.js';
import * as standardizeBackward from './standardize_backward.js';
import * as ternary from './ternary.js';
import * as transpose from './transpose.js';
import * as triangle from './triangle.js';
import * as unary from './unary.js';
import * as unfold from './unfold.js';
import * as update from './update.js';
import * as views from './views.js';
import * as weightNorm from './weight_norm.js';
import * as where from './where.js';

/** The modules that declare ops, by what their ops are for: the headings of `docs/ops.md`. */
const families = {
  Elementwise: [unary, binary, division, pow, compare, logical, where, ternary, cast],
  Activations: [activation, rectifier, softmax],
  Reductions: [reduce, prod, reduceMoments, reducePlace, norm, scan, linearScan],
  Sorting: [sort, sortSelect],
  Shape: [layout, views, transpose, slice, select, pad, concat, split, roll, repeat, triangle, diagonal],
  Indexing: [indexing, indexSelect, embedding, oneHot, selection],
  Creation: [fill, range],
  Checkpoints: [checkpoint],
  Products: [matmul, products, einsum, similarity],
  Convolution: [conv2d, conv1d, convTranspose, unfold, locallyConnected],
  Pooling: [
    maxPool2d,
    avgPool2d,
    maxUnpool2d,
    lpPool2d,
    globalPool2d,
    maxPool1d,
    avgPool1d,
    maxUnpool1d,
    lpPool1d,
  ],
  Resizing: [resize, pixelShuffle],
  Normalisation: [
    standardize,
    standardizeBackward,
    batchNorm,
    groupNorm,
    layerNorm,
    channelWindow,
    localResponseNorm,
    weightNorm,
  ],
  Losses: [crossEntropy, nllLoss, loss, lossLog, lossRate, lossEmbedding],
  Recurrent: [
    recurrent,
    recurrentCells,
    recurrentRnn,
    recurrentLstm,
    recurrentGru,
    recurrentGatesLstm,
    recurrentGatesGru,
  ],
  Attention: [attention, maskedSoftmax],
  Random: [random, multinomial, dropout],
  Updates: [update, scaleAll],
};

const opsOf = (modules: readonly { readonly [name: string]: unknown }[]): Op[] =>
  modules
    .flatMap((module) => Object.values(module))
    .filter((entry): entry is { op: Op } => typeof entry === 'function' && 'op' in entry)
    .map(({ op }) => op);

/** All op declarations by what they are for. */
export const groups: ReadonlyMap<string, readonly Op[]> = new Map(
  Object.entries(families).map(([group, modules]) => [group, opsOf(modules)]),
);

/** All op declarations by name. */
export const registry: ReadonlyMap<string, Op> = new Map(
  [...groups.values()].flat().map((op) => [op.name, op]),
);

export * from './activation.js';
export { scaledDotProductAttention } from './attention.js';
export * from './avg_pool1d.js';
export { adaptiveAvgPool2d, adaptiveAvgPool2dBackward, avgPool2d, avgPool2dBackward } from './avg_pool2d.js';
export { batchNorm, batchNormInference, batchNormUpdate } from './batch_norm.js';
export { add, div, maximum, minimum, mul, sub } from './binary.js';
export { cast } from './cast.js';
export { channelWindowSum } from './channel_window.js';
export { after, checkpointBegin, checkpointEnd } from './checkpoint.js';
export * from './compare.js';
export { concat, stack } from './concat.js';
export { convTranspose1d, convTranspose2d } from './conv_transpose.js';
export { conv1d } from './conv1d.js';
export { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv2d.js';
export { crossEntropy, crossEntropyWithGradient } from './cross_entropy.js';
export { diagonal, diagonalBackward, trace } from './diagonal.js';
export * from './division.js';
export { alphaDropout, alphaDropoutBackward, dropout, featureDropout } from './dropout.js';
export { einsum } from './einsum.js';
export { embedding, embeddingBackward } from './embedding.js';
export { full } from './fill.js';
export * from './global_pool2d.js';
export { groupNorm, instanceNorm } from './group_norm.js';
export { indexAdd, indexSelect } from './index_select.js';
export { gather, scatterAdd } from './indexing.js';
export { layerNorm, rmsNorm } from './layer_norm.js';
export { broadcastTo, detach, permute, reshape } from './layout.js';
export { linearScan } from './linear_scan.js';
export { localResponseNorm, localResponseNormBackward } from './local_response_norm.js';
export { locallyConnected2d } from './locally_connected.js';
export * from './logical.js';
export { hingeEmbeddingLoss, huberLoss, l1Loss, marginRankingLoss, mseLoss, smoothL1Loss } from './loss.js';
export { cosineEmbeddingLoss, tripletMarginLoss } from './loss_embedding.js';
export { bceWithLogits, binaryCrossEntropy, klDiv, softMarginLoss } from './loss_log.js';
export { gaussianNllLoss, poissonNllLoss } from './loss_rate.js';
export { lpPool1d } from './lp_pool1d.js';
export { lpPool2d } from './lp_pool2d.js';
export { maskedSoftmax } from './masked_softmax.js';
export { linear, matmul } from './matmul.js';
export * from './max_pool1d.js';
export * from './max_pool2d.js';
export { maxUnpool1d } from './max_unpool1d.js';
export { maxUnpool2d, maxUnpool2dBackward } from './max_unpool2d.js';
export { categorical, multinomial } from './multinomial.js';
export { nllLoss, nllLossBackward } from './nll_loss.js';
export { norm } from './norm.js';
export { oneHot } from './one_hot.js';
export { pad, padBackward } from './pad.js';
export { pixelShuffle, pixelUnshuffle } from './pixel_shuffle.js';
export { pow } from './pow.js';
export { prod } from './prod.js';
export { bmm, dot, gramMatrix, mm, outer } from './products.js';
export { bernoulli, exponential, integers, normal, uniform } from './random.js';
export { arange, eye, linspace } from './range.js';
export * from './rectifier.js';
export { gru, lstm, rnn } from './recurrent.js';
export { gruCell, lstmCell, rnnCell } from './recurrent_cells.js';
export { gruGates, gruGatesBackward } from './recurrent_gates_gru.js';
export { lstmGates, lstmGatesBackward } from './recurrent_gates_lstm.js';
export { gruSequence, gruSequenceBackward } from './recurrent_gru.js';
export { lstmSequence, lstmSequenceBackward } from './recurrent_lstm.js';
export { rnnSequence, rnnSequenceBackward } from './recurrent_rnn.js';
export { all, amax, amin, any, countNonzero, max, mean, min, sum } from './reduce.js';
export { logSumExp, std, variance } from './reduce_moments.js';
export { argmax, argmin, maxWithIndices, minWithIndices } from './reduce_place.js';
export { repeat, repeatInterleave } from './repeat.js';
export { interpolate, interpolateBackward } from './resize.js';
export { roll } from './roll.js';
export { allFinite, scaleAll } from './scale_all.js';
export { cumprod, cumsum, logCumSumExp } from './scan.js';
export { flip, narrow, select } from './select.js';
export { maskedFill, takeAlongAxis } from './selection.js';
export { cosineSimilarity, normalize } from './similarity.js';
export { slice, sliceBackward } from './slice.js';
export { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './softmax.js';
export { argsort, sort, topK } from './sort.js';
export { sortBackward, sortSelect } from './sort_select.js';
export { chunk, split, unbind } from './split.js';
export { standardize } from './standardize.js';
export { standardizeBackward } from './standardize_backward.js';
export * from './ternary.js';
export { moveAxis, transpose } from './transpose.js';
export { tril, triu } from './triangle.js';
export * from './unary.js';
export { fold, unfold } from './unfold.js';
export { adagradUpdate, adamaxUpdate, adamUpdate, nadamUpdate, rmspropUpdate, sgdUpdate } from './update.js';
export { expand, flatten, squeeze, unflatten, unsqueeze } from './views.js';
export { weightNorm } from './weight_norm.js';
export { where } from './where.js';
