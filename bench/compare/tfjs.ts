import '@tensorflow/tfjs-backend-cpu';
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers the gradients, which tfjs-core alone doesn't in Node
import { fail } from '../../src/errors.js';
import type { BenchCase, Conv2dCase, ElementwiseCase, GemmCase, PoolingCase } from '../cases.js';
import { type CaseInputs, operand } from '../inputs.js';
import { installedVersion, type Peer, type PeerName, type Prepared, permute } from './peer.js';
import { prepareStep } from './tfjs-step.js';

type Backend = 'wasm' | 'cpu';

/** A kernel case: makes the result anew at each call. */
interface Recipe {
  readonly operands: readonly tf.Tensor[];
  compute(): tf.Tensor;
  /** Axes that bring the result into Weft's layout; none where it is in it already. */
  readonly axes?: readonly number[];
}

/**
 * TensorFlow.js on its wasm backend (SIMD, one thread) or its plain JavaScript backend. NHWC and HWIO, its
 * own layouts.
 */
export async function open(name: PeerName): Promise<Peer> {
  const backend: Backend = name === 'tfjs-wasm' ? 'wasm' : 'cpu';
  const version = installedVersion(`@tensorflow/tfjs-backend-${backend}`);
  if (backend === 'wasm') {
    setThreadsCount(1);
    if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
      fail('tfjs-wasm', 'this engine has no wasm SIMD');
  }
  if (!(await tf.setBackend(backend))) fail(name, `tfjs could not start its ${backend} backend`);
  return {
    name,
    version,
    async prepare(c, inputs) {
      await tf.setBackend(backend);
      const enter = () => {
        // Synchronous for a backend that has been started; the promise only reports success.
        if (tf.getBackend() !== backend) void tf.setBackend(backend);
      };
      return c.suite === 'step' ? prepareStep(c, inputs, enter) : prepareKernel(recipeOf(c, inputs), enter);
    },
  };
}

function prepareKernel(recipe: Recipe, enter: () => void): Prepared {
  const dispose = () => tf.dispose([...recipe.operands]);
  try {
    recipe.compute().dispose(); // a kernel that tfjs lacks shows here
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    enter,
    run: () => recipe.compute().dispose(),
    async output() {
      enter();
      const result = recipe.compute();
      const data = (await result.data()) as Float32Array;
      const { shape } = result;
      result.dispose();
      return recipe.axes ? permute(data, shape, recipe.axes) : data.slice();
    },
    dispose,
  };
}

function recipeOf(c: Exclude<BenchCase, { suite: 'step' }>, inputs: CaseInputs): Recipe {
  switch (c.suite) {
    case 'gemm':
      return gemm(c, inputs);
    case 'conv2d':
      return conv2d(c, inputs);
    case 'pooling':
      return pooling(c, inputs);
    case 'elementwise':
      return elementwise(c, inputs);
  }
}

function plain(inputs: CaseInputs, name: string): tf.Tensor {
  const { data, shape } = operand(inputs, name);
  return tf.tensor(data, [...shape]);
}

/** Uploads an operand with its axes reordered. */
function permuted(inputs: CaseInputs, name: string, axes: readonly number[]): tf.Tensor4D {
  const { data, shape } = operand(inputs, name);
  const reordered = axes.map((axis) => shape[axis]!) as [number, number, number, number];
  return tf.tensor4d(permute(data, shape, axes), reordered);
}

const NHWC = [0, 2, 3, 1];
const HWIO = [2, 3, 1, 0];
const NHWC_TO_NCHW = [0, 3, 1, 2];
const HWIO_TO_OIHW = [3, 2, 0, 1];

/** Runs a kernel that has no public function: the direct gradients. */
function kernel(name: string, inputs: Record<string, tf.Tensor>, attrs: tf.NamedAttrMap): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attrs) as tf.Tensor;
}

function gemm(c: GemmCase, inputs: CaseInputs): Recipe {
  const [a, b] = [plain(inputs, 'a'), plain(inputs, 'b')];
  return { operands: [a, b], compute: () => tf.matMul(a, b, c.transposeA, c.transposeB) };
}

function conv2d(c: Conv2dCase, inputs: CaseInputs): Recipe {
  const strides: [number, number] = [c.stride, c.stride];
  const attrs = { strides, pad: c.padding, dataFormat: 'NHWC', dimRoundingMode: 'floor' };
  switch (c.pass) {
    case 'forward': {
      const [x, filter] = [permuted(inputs, 'input', NHWC), permuted(inputs, 'weight', HWIO)];
      const compute = () => tf.conv2d(x, filter, strides, c.padding, 'NHWC', [1, 1], 'floor');
      return { operands: [x, filter], compute, axes: NHWC_TO_NCHW };
    }
    case 'input-gradient': {
      const [dy, filter] = [permuted(inputs, 'outputGradient', NHWC), permuted(inputs, 'weight', HWIO)];
      const inputShape = [c.batch, c.height, c.width, c.channels];
      const compute = () => kernel('Conv2DBackpropInput', { dy, filter }, { ...attrs, inputShape });
      return { operands: [dy, filter], compute, axes: NHWC_TO_NCHW };
    }
    case 'weight-gradient': {
      const [x, dy] = [permuted(inputs, 'input', NHWC), permuted(inputs, 'outputGradient', NHWC)];
      const filterShape = [c.kernel, c.kernel, c.channels, c.outChannels];
      const compute = () => kernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape });
      return { operands: [x, dy], compute, axes: HWIO_TO_OIHW };
    }
  }
}

function pooling(c: PoolingCase, inputs: CaseInputs): Recipe {
  const x = permuted(inputs, 'input', NHWC);
  const forward = (): tf.Tensor4D => {
    const pool = c.kind === 'max' ? tf.maxPool : tf.avgPool;
    return pool(x, c.kernel, c.stride, 'valid');
  };
  if (c.pass === 'forward') return { operands: [x], compute: forward, axes: NHWC_TO_NCHW };
  const dy = permuted(inputs, 'outputGradient', NHWC);
  const attrs = { filterSize: [c.kernel, c.kernel], strides: [c.stride, c.stride], pad: 'valid' };
  if (c.kind === 'average') {
    const compute = () => kernel('AvgPoolGrad', { dy, input: x }, attrs);
    return { operands: [x, dy], compute, axes: NHWC_TO_NCHW };
  }
  const output = forward();
  const compute = () => kernel('MaxPoolGrad', { dy, input: x, output }, attrs);
  return { operands: [x, dy, output], compute, axes: NHWC_TO_NCHW };
}

function elementwise(c: ElementwiseCase, inputs: CaseInputs): Recipe {
  const a = plain(inputs, 'a');
  switch (c.op) {
    case 'relu':
      return { operands: [a], compute: () => tf.relu(a) };
    case 'exp':
      return { operands: [a], compute: () => tf.exp(a) };
    case 'tanh':
      return { operands: [a], compute: () => tf.tanh(a) };
    case 'gelu': {
      const compute = () => tf.tidy(() => tf.mul(tf.mul(a, 0.5), tf.add(tf.erf(tf.mul(a, Math.SQRT1_2)), 1)));
      return { operands: [a], compute };
    }
    case 'add': {
      const b = plain(inputs, 'b');
      return { operands: [a, b], compute: () => tf.add(a, b) };
    }
    case 'mul-broadcast-row': {
      const b = plain(inputs, 'b');
      return { operands: [a, b], compute: () => tf.mul(a, b) };
    }
  }
}
