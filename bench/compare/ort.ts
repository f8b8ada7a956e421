import * as ort from 'onnxruntime-web';
import { fail } from '../../src/errors.js';
import {
  type BenchCase,
  type Conv2dCase,
  conv2dOutputShape,
  type ElementwiseCase,
  type PoolingCase,
  poolingOutputShape,
} from '../cases.js';
import { type CaseInputs, operand } from '../inputs.js';
import { type OneNodeModel, oneNodeModel } from './onnx-model.js';
import { installedVersion, type Peer, type PeerName, type Prepared } from './peer.js';

/**
 * ONNX Runtime Web on wasm, one thread. `session.run` copies arguments into and results out of wasm memory;
 * there is no other way to run it, so the copies are timed. A convolution's weights are constants of the
 * model, packed beforehand.
 */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'ort-web') fail('openPeer', `onnxruntime-web is 'ort-web', not '${name}'`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  await startUnseen();
  return { name, version: installedVersion('onnxruntime-web'), prepare };
}

/**
 * Starts the runtime by its first session. In Node it then defines a global `Worker`, which it needs for
 * threads only and which makes jax-js believe that it runs in a browser, so the global is put back as it was.
 */
async function startUnseen(): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  const inputs = { x: { shape: [1], data: new Float32Array(1) } };
  const model = oneNodeModel({ op: 'Relu', inputs, outputShape: [1] });
  await (await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })).release();
  if (before) Object.defineProperty(globalThis, 'Worker', before);
  else Reflect.deleteProperty(globalThis, 'Worker');
}

async function prepare(c: BenchCase, inputs: CaseInputs): Promise<Prepared> {
  const model = modelOf(c, inputs);
  const session = await ort.InferenceSession.create(oneNodeModel(model), { executionProviders: ['wasm'] });
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, { data, shape }] of Object.entries(model.inputs)) {
    if (!model.constants?.includes(name)) feeds[name] = new ort.Tensor('float32', data, [...shape]);
  }
  return {
    async run() {
      await session.run(feeds);
    },
    async output() {
      return (await session.run(feeds)).y!.data as Float32Array;
    },
    dispose() {
      void session.release();
    },
  };
}

/**
 * The case as one ONNX node. A gradient is asked for by the name that ONNX Runtime's training builds gave it.
 */
function modelOf(c: BenchCase, inputs: CaseInputs): OneNodeModel {
  switch (c.suite) {
    case 'gemm': {
      const outputShape = [c.m, c.n];
      if (!c.transposeA && !c.transposeB) return { op: 'MatMul', inputs, outputShape };
      const attributes = { transA: Number(c.transposeA), transB: Number(c.transposeB) };
      return { op: 'Gemm', inputs, attributes, outputShape };
    }
    case 'conv2d':
      return conv2d(c, inputs);
    case 'pooling':
      return pooling(c, inputs);
    case 'elementwise':
      return { op: ELEMENTWISE[c.op], inputs, outputShape: [c.rows, c.columns] };
    case 'step': {
      const { input, labels } = { input: operand(inputs, 'input'), labels: operand(inputs, 'labels') };
      const step = { inputs: { input, labels }, outputShape: input.shape };
      return { op: 'SoftmaxCrossEntropyGrad', domain: 'com.microsoft', ...step };
    }
  }
}

const ELEMENTWISE: Readonly<Record<ElementwiseCase['op'], string>> = {
  add: 'Add',
  relu: 'Relu',
  exp: 'Exp',
  tanh: 'Tanh',
  gelu: 'Gelu',
  'mul-broadcast-row': 'Mul',
};

function conv2d(c: Conv2dCase, inputs: CaseInputs): OneNodeModel {
  const strides = [c.stride, c.stride];
  const pads = [c.padding, c.padding, c.padding, c.padding];
  const inputShape = [c.batch, c.channels, c.height, c.width];
  switch (c.pass) {
    case 'forward': {
      const attributes = { strides, pads };
      return { op: 'Conv', inputs, constants: ['weight'], attributes, outputShape: conv2dOutputShape(c) };
    }
    case 'input-gradient': {
      // The rows and columns that the forward pass left over when it rounded down.
      const rest = (size: number) => (size + 2 * c.padding - c.kernel) % c.stride;
      const attributes = { strides, pads, output_padding: [rest(c.height), rest(c.width)] };
      return { op: 'ConvTranspose', inputs, constants: ['weight'], attributes, outputShape: inputShape };
    }
    case 'weight-gradient': {
      const outputShape = [c.outChannels, c.channels, c.kernel, c.kernel];
      return { op: 'ConvGrad', domain: 'com.microsoft', inputs, attributes: { strides, pads }, outputShape };
    }
  }
}

function pooling(c: PoolingCase, inputs: CaseInputs): OneNodeModel {
  const op = c.kind === 'max' ? 'MaxPool' : 'AveragePool';
  const attributes = { kernel_shape: [c.kernel, c.kernel], strides: [c.stride, c.stride] };
  if (c.pass === 'forward') return { op, inputs, attributes, outputShape: poolingOutputShape(c) };
  const outputShape = [c.batch, c.channels, c.height, c.width];
  return { op: `${op}Grad`, domain: 'com.microsoft', inputs, attributes, outputShape };
}
