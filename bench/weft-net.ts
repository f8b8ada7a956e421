import { ops, type Value } from '../src/index.js';
import type { Net } from './case.js';

/** Cases recorded as graphs. */
export const weftNet: Net<Value> = {
  add: (a, b) => ops.add(a, b),
  mul: (a, b) => ops.mul(a, b),
  relu: (x) => ops.relu(x),
  exp: (x) => ops.exp(x),
  tanh: (x) => ops.tanh(x),
  sigmoid: (x) => ops.sigmoid(x),
  gelu: (x) => ops.gelu(x),
  matmul: (a, b, options) => ops.matmul(a, b, options),
  linear: (x, weight, bias) => ops.linear(x, weight, bias),
  // Graphs are fused by Weft itself.
  linearRelu: (x, weight, bias) => ops.relu(ops.linear(x, weight, bias)),
  convRelu: (x, weight, bias, options) => ops.relu(ops.conv2d(x, weight, bias, options)),
  conv2d: (x, weight, bias, options) => ops.conv2d(x, weight, bias, options),
  pool2d: (x, { kind, kernel, stride }) =>
    (kind === 'max' ? ops.maxPool2d : ops.avgPool2d)(x, { kernel, stride }),
  softmax: (x) => ops.softmax(x),
  logSoftmax: (x) => ops.logSoftmax(x),
  crossEntropy: (logits, labels) => ops.crossEntropy(logits, labels),
  layerNorm: (x, weight, bias) => ops.layerNorm(x, weight, bias),
  batchNorm: (x, weight, bias) => ops.batchNorm(x, weight, bias)[0]!,
  groupNorm: (x, weight, bias, groups) => ops.groupNorm(x, weight, bias, { groups }),
  sum: (x, axes) => ops.sum(x, { axes }),
  mean: (x, axes) => ops.mean(x, { axes }),
  max: (x, axes) => ops.max(x, { axes }),
  transpose: (x, axes) => ops.permute(x, { axes }),
  reshape: (x, shape) => ops.reshape(x, { shape }),
  flatten: (x) => ops.flatten(x, { startAxis: 1 }),
  attention: (q, k, v) => ops.scaledDotProductAttention(q, k, v),
  lstm(x, weights, hidden) {
    const layers = weights.length / 4;
    const state = ops.full({ shape: [layers, x.shape[1]!, hidden], value: 0 });
    return ops.lstm([x, state, state, ...weights], { layers })[0]!;
  },
};
