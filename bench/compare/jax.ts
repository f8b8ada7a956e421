import { defaultDevice, init, type Array as JaxArray, jit, lax, nn, numpy as np, vjp } from '@jax-js/jax';
import { fail } from '../../src/errors.js';
import type { BenchCase, Conv2dCase, ElementwiseCase, GemmCase, PoolingCase } from '../cases.js';
import type { CaseInputs } from '../inputs.js';
import { pool, upload } from './jax-common.js';
import { prepareStep } from './jax-step.js';
import { installedVersion, type Peer, type PeerName, type Prepared } from './peer.js';

/** A jitted function of a case's operands, which it consumes, as every function of jax-js does. */
interface Recipe {
  readonly compute: ((...operands: JaxArray[]) => JaxArray) & { dispose(): void };
  readonly operands: readonly JaxArray[];
}

/** jax-js on its wasm backend, one thread in Node, under `jit`. Its layouts are Weft's. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'jax-js') fail('openPeer', `jax-js is 'jax-js', not '${name}'`);
  if (!(await init('wasm')).includes('wasm')) fail(name, 'jax-js could not start its wasm backend');
  defaultDevice('wasm');
  const version = installedVersion('@jax-js/jax');
  return {
    name,
    version,
    prepare: async (c, inputs) => (c.suite === 'step' ? prepareStep(c, inputs) : prepareKernel(c, inputs)),
  };
}

async function prepareKernel(
  c: Exclude<BenchCase, { suite: 'step' }>,
  inputs: CaseInputs,
): Promise<Prepared> {
  const { compute, operands } = recipeOf(c, inputs);
  const dispose = () => {
    compute.dispose();
    for (const array of operands) array.dispose();
  };
  const execute = () => compute(...operands.map((array) => array.ref)).blockUntilReady();
  (await execute()).dispose(); // traces and compiles; what jax-js can't do shows here
  return {
    async run() {
      (await execute()).dispose();
    },
    output: async () => (await (await execute()).data()) as Float32Array,
    dispose,
  };
}

function recipeOf(c: Exclude<BenchCase, { suite: 'step' }>, inputs: CaseInputs): Recipe {
  const operands = Object.keys(inputs).map((name) => upload(inputs, name));
  switch (c.suite) {
    case 'gemm':
      return { compute: gemm(c), operands };
    case 'conv2d':
      return { compute: conv2d(c, operands), operands };
    case 'pooling':
      return { compute: pooling(c), operands };
    case 'elementwise':
      return { compute: ELEMENTWISE[c.op](), operands };
  }
}

function gemm(c: GemmCase): Recipe['compute'] {
  const contraction = {
    lhsContractingDims: [c.transposeA ? 0 : 1],
    rhsContractingDims: [c.transposeB ? 1 : 0],
  };
  return jit((a: JaxArray, b: JaxArray) => lax.dot(a, b, contraction));
}

/**
 * The gradient of `f` at `x` along `gradient`: backward alone where nothing of the forward pass is needed.
 */
function pullBack(f: (x: JaxArray) => JaxArray, x: JaxArray, gradient: JaxArray): JaxArray {
  const [y, backward] = vjp(f, [x]);
  y.dispose();
  const [result] = backward(gradient);
  backward.dispose();
  return result as JaxArray;
}

function conv2d(c: Conv2dCase, operands: JaxArray[]): Recipe['compute'] {
  const convolve = (input: JaxArray, weight: JaxArray) =>
    lax.conv(
      input,
      weight,
      [c.stride, c.stride],
      [
        [c.padding, c.padding],
        [c.padding, c.padding],
      ],
    );
  if (c.pass === 'forward') return jit(convolve);
  // The operand that the gradient is taken for has no value in this case: a convolution is linear in it.
  if (c.pass === 'input-gradient') {
    operands.push(np.zeros([c.batch, c.channels, c.height, c.width]));
    return jit((gradient: JaxArray, weight: JaxArray, input: JaxArray) =>
      pullBack((x) => convolve(x, weight), input, gradient),
    );
  }
  operands.push(np.zeros([c.outChannels, c.channels, c.kernel, c.kernel]));
  return jit((input: JaxArray, gradient: JaxArray, weight: JaxArray) =>
    pullBack((w) => convolve(input, w), weight, gradient),
  );
}

/** Backward includes the forward pass: under `jit` the two are one function, and jax-js keeps no argmax. */
function pooling(c: PoolingCase): Recipe['compute'] {
  const forward = (x: JaxArray) => pool(c.kind, x, c.kernel, c.stride);
  if (c.pass === 'forward') return jit(forward);
  return jit((x: JaxArray, gradient: JaxArray) => pullBack(forward, x, gradient));
}

const ELEMENTWISE: Readonly<Record<ElementwiseCase['op'], () => Recipe['compute']>> = {
  add: () => jit((a: JaxArray, b: JaxArray) => np.add(a, b)),
  relu: () => jit((a: JaxArray) => nn.relu(a)),
  exp: () => jit((a: JaxArray) => np.exp(a)),
  tanh: () => jit((a: JaxArray) => np.tanh(a)),
  gelu: () => jit((a: JaxArray) => nn.gelu(a, { approximate: false })),
  'mul-broadcast-row': () => jit((a: JaxArray, b: JaxArray) => np.multiply(a, b)),
};
