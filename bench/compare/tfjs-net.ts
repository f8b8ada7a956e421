import * as tf from '@tensorflow/tfjs-core';
import type { Net, Operand } from '../case.js';
import type { CaseTensor } from '../inputs.js';
import { permute } from './peer.js';

const NHWC_TO_NCHW = [0, 3, 1, 2];

/** tfjs's order of the axes of an operand, and the way back: images NHWC, filters HWIO, dense weights [in, out]. */
const LAYOUTS: Readonly<Record<string, { readonly there: number[]; readonly back: number[] }>> = {
  image: { there: [0, 2, 3, 1], back: NHWC_TO_NCHW },
  filter: { there: [2, 3, 1, 0], back: [3, 2, 0, 1] },
  dense: { there: [1, 0], back: [1, 0] },
};

/** An operand in tfjs's layout. */
export function upload({ shape, kind, data }: CaseTensor): tf.Tensor {
  if (kind === 'labels') return tf.tensor(Int32Array.from(data), [...shape], 'int32');
  const axes = LAYOUTS[kind ?? '']?.there;
  if (!axes) return tf.tensor(data, [...shape]);
  return tf.tensor(
    permute(data, shape, axes),
    axes.map((axis) => shape[axis]!),
  );
}

/** A result in Weft's layout. */
export async function download(x: tf.Tensor, kind: Operand['kind']): Promise<Float32Array> {
  const data = (await x.data()) as Float32Array;
  const axes = LAYOUTS[kind ?? '']?.back;
  return axes ? permute(data, x.shape, axes) : data.slice();
}

/** (x - mean) / √(variance + eps), as tf.layers.layerNormalization composes it. */
function normalized(x: tf.Tensor, axes: number[]): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
}

/** A dense layer by tfjs's fused product, of a weight that lies [in, out]. */
function dense(x: tf.Tensor, b: tf.Tensor, bias: tf.Tensor, activation: 'linear' | 'relu'): tf.Tensor {
  const a = x.rank === 2 ? x : tf.reshape(x, [-1, x.shape.at(-1)!]);
  const y = tf.fused.matMul({ a, b, transposeA: false, transposeB: false, bias, activation });
  return x.rank === 2 ? y : tf.reshape(y, [...x.shape.slice(0, -1), b.shape[1]!]);
}

/** One layer of an LSTM: the inputs' products for all steps at once, then step by step. Gates are i, f, g, o. */
function lstmLayer(x: tf.Tensor, [wih, whh, bih, bhh]: readonly tf.Tensor[], hidden: number): tf.Tensor {
  const [steps, batch, inputs] = x.shape as [number, number, number];
  const flat = tf.reshape(x, [steps * batch, inputs]);
  const given = tf.add(tf.matMul(flat as tf.Tensor2D, wih as tf.Tensor2D, false, true), tf.add(bih!, bhh!));
  const perStep = tf.split(given, steps, 0);
  let h = tf.zeros([batch, hidden]);
  let c = tf.zeros([batch, hidden]);
  const out = perStep.map((part) => {
    const [i, f, g, o] = tf.split(
      tf.add(part, tf.matMul(h as tf.Tensor2D, whh as tf.Tensor2D, false, true)),
      4,
      1,
    );
    c = tf.add(tf.mul(tf.sigmoid(f!), c), tf.mul(tf.sigmoid(i!), tf.tanh(g!)));
    h = tf.mul(tf.sigmoid(o!), tf.tanh(c));
    return h;
  });
  return tf.stack(out);
}

/** Cases in tfjs's functions, with the fused layers that its own models use. Images are NHWC. */
export const tfjsNet: Net<tf.Tensor> = {
  add: (a, b) => tf.add(a, b),
  mul: (a, b) => tf.mul(a, b),
  relu: (x) => tf.relu(x),
  exp: (x) => tf.exp(x),
  tanh: (x) => tf.tanh(x),
  sigmoid: (x) => tf.sigmoid(x),
  gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  matmul: (a, b, { transposeA = false, transposeB = false } = {}) => tf.matMul(a, b, transposeA, transposeB),
  linear: (x, weight, bias) => dense(x, weight, bias, 'linear'),
  linearRelu: (x, weight, bias) => dense(x, weight, bias, 'relu'),
  convRelu: (x, filter, bias, { stride, padding }) =>
    tf.fused.conv2d({
      ...{ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: stride, pad: padding },
      ...{ bias, activation: 'relu' },
    }),
  conv2d(x, filter, bias, { stride, padding, groups }) {
    const image = x as tf.Tensor4D;
    if (groups > 1) {
      const [h, w, , o] = filter.shape as [number, number, number, number];
      const depthwise = tf.reshape(filter, [h, w, o, 1]) as tf.Tensor4D;
      return tf.depthwiseConv2d(image, depthwise, stride, padding, 'NHWC', [1, 1], 'floor');
    }
    const y = tf.conv2d(image, filter as tf.Tensor4D, stride, padding, 'NHWC', [1, 1], 'floor');
    return bias ? tf.add(y, bias) : y;
  },
  pool2d: (x, { kind, kernel, stride }) =>
    (kind === 'max' ? tf.maxPool : tf.avgPool)(x as tf.Tensor4D, kernel, stride, 'valid'),
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  crossEntropy(logits, labels) {
    const classes = logits.shape.at(-1)!;
    const target = tf.cast(tf.oneHot(labels as tf.Tensor1D, classes), 'float32');
    return tf.losses.softmaxCrossEntropy(target, logits);
  },
  layerNorm: (x, weight, bias) => tf.add(tf.mul(normalized(x, [x.rank - 1]), weight), bias),
  batchNorm(x, weight, bias) {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      bias as tf.Tensor1D,
      weight as tf.Tensor1D,
      1e-5,
    );
  },
  groupNorm(x, weight, bias, groups) {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const grouped = normalized(tf.reshape(x, [n, h * w, groups, c / groups]), [1, 3]);
    return tf.add(tf.mul(tf.reshape(grouped, [n, h, w, c]), weight), bias);
  },
  sum: (x, axes) => tf.sum(x, [...axes]),
  mean: (x, axes) => tf.mean(x, [...axes]),
  max: (x, axes) => tf.max(x, [...axes]),
  transpose: (x, axes) => tf.transpose(x, [...axes]),
  reshape: (x, shape) => tf.reshape(x, [...shape]),
  flatten: (x) => tf.reshape(tf.transpose(x, NHWC_TO_NCHW), [x.shape[0]!, -1]),
  attention(q, k, v) {
    const scale = 1 / Math.sqrt(q.shape.at(-1)!);
    return tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), scale)), v);
  },
  lstm(x, weights, hidden) {
    let y = x;
    for (let i = 0; i < weights.length; i += 4) y = lstmLayer(y, weights.slice(i, i + 4), hidden);
    return y;
  },
};
