import * as tf from '@tensorflow/tfjs-core';
import type { StepCase } from '../cases.js';
import { ADAM, type CaseInputs, operand, PARAMETERS, STEP_LOSSES } from '../inputs.js';
import { type Prepared, permute } from './peer.js';

/**
 * A parameter in tfjs's layout: filters HWIO, dense kernels [in, out], the first dense kernel's rows in HWC
 * order.
 */
function parameter(c: StepCase, inputs: CaseInputs, name: string): tf.Tensor {
  const { data, shape } = operand(inputs, name);
  if (shape.length === 1) return tf.tensor(data, [...shape]);
  const transposed = (axes: number[], from = shape) =>
    tf.tensor(
      permute(data, from, axes),
      axes.map((i) => from[i]!),
    );
  if (shape.length === 4) return transposed([2, 3, 1, 0]);
  if (c.net === 'cnn' && name === 'fc1.weight') {
    return tf.tidy(() => tf.reshape(transposed([2, 3, 1, 0], [128, 32, 4, 4]), [512, 128]));
  }
  return transposed([1, 0]);
}

/** A training step by tf.train.adam on variables, with the fused layers that tfjs's own models use. */
export function prepareStep(c: StepCase, inputs: CaseInputs, enter: () => void): Prepared {
  const initial = new Map(Object.keys(PARAMETERS[c.net]).map((name) => [name, parameter(c, inputs, name)]));
  const variables = new Map([...initial].map(([name, value]) => [name, tf.variable(value)]));
  const image = operand(inputs, 'input');
  const x = tf.tensor(image.data, c.net === 'mlp' ? [c.batch, 784] : [c.batch, 28, 28, 1]);
  const labels = Int32Array.from(operand(inputs, 'labels').data);
  const target = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), 10), 'float32'));
  const at = (name: string): tf.Variable => variables.get(name)!;
  const dense = (a: tf.Tensor, layer: string, activation: 'relu' | 'linear') =>
    tf.fused.matMul({
      ...{ a, b: at(`${layer}.weight`), transposeA: false, transposeB: false },
      ...{ bias: at(`${layer}.bias`), activation },
    });
  const conv = (a: tf.Tensor4D, layer: string) =>
    tf.fused.conv2d({
      ...{ x: a, filter: at(`${layer}.weight`) as tf.Tensor as tf.Tensor4D, strides: 1, pad: 'valid' },
      ...{ bias: at(`${layer}.bias`), activation: 'relu' },
    });
  const features = (): tf.Tensor => {
    if (c.net === 'mlp') return x;
    const first = tf.maxPool(conv(x as tf.Tensor4D, 'conv1'), 2, 2, 'valid');
    return tf.reshape(tf.maxPool(conv(first, 'conv2'), 2, 2, 'valid'), [c.batch, 512]);
  };
  const loss = (): tf.Scalar => {
    const logits = dense(dense(features(), 'fc1', 'relu'), 'fc2', 'linear');
    return tf.losses.softmaxCrossEntropy(target, logits);
  };
  const adam = () => tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
  let optimizer = adam();
  const step = (): tf.Scalar => optimizer.minimize(loss, true, [...variables.values()])!;
  const restart = () => {
    optimizer.dispose();
    optimizer = adam();
    for (const [name, value] of initial) at(name).assign(value);
  };
  const dispose = () => {
    optimizer.dispose();
    tf.dispose([x, target, ...initial.values(), ...variables.values()]);
  };
  try {
    step().dispose(); // a gradient kernel that tfjs lacks shows here
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    enter,
    run: () => step().dispose(),
    async output() {
      enter();
      restart();
      const losses: number[] = [];
      for (let i = 0; i < STEP_LOSSES; i++) {
        const value = step();
        losses.push((await value.data())[0]!);
        value.dispose();
      }
      return Float32Array.from(losses);
    },
    dispose,
  };
}
