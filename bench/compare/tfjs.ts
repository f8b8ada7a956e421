import '@tensorflow/tfjs-backend-cpu';
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers the gradients, which tfjs-core alone doesn't in Node
import { fail } from '../../src/errors.js';
import type { BenchCase } from '../case.js';
import { type Peer, type PeerName, refuseAbove } from './peer.js';
import { prepareKernel } from './tfjs-kernel.js';
import { prepareStep, prepareUpdate } from './tfjs-step.js';

type Backend = 'wasm' | 'cpu';

/**
 * TensorFlow.js on its wasm backend (SIMD, one thread) or its plain JavaScript backend. NHWC and HWIO, its
 * own layouts.
 */
export async function open(name: PeerName): Promise<Peer> {
  const backend: Backend = name === 'tfjs-wasm' ? 'wasm' : 'cpu';
  if (backend === 'wasm') {
    setThreadsCount(1);
    if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
      fail('tfjs-wasm', 'this engine has no wasm SIMD');
  }
  if (!(await tf.setBackend(backend))) fail(name, `tfjs could not start its ${backend} backend`);
  return {
    name,
    joins: (c) => backend === 'wasm' || isLackingOnWasm(c),
    refuse: (c) => refuseAbove(rateOf(backend, c), c),
    async prepare(c, inputs) {
      await tf.setBackend(backend);
      const enter = () => {
        // Synchronous for a backend that has been started; the promise only reports success.
        if (tf.getBackend() !== backend) void tf.setBackend(backend);
      };
      if (c.pass === 'step') return prepareStep(c, inputs, enter);
      if (c.pass === 'update') return prepareUpdate(c, inputs, enter);
      return prepareKernel(c, inputs, enter);
    },
  };
}

/** About how many GFLOP/s it reaches: step by step through a sequence it makes small tensors by the thousand. */
function rateOf(backend: Backend, c: BenchCase): number {
  if (backend === 'cpu') return c.pass === 'step' ? 0.1 : 0.02;
  return c.name.includes('lstm') || c.suite === 'lstm' ? 2 : 40;
}

/** tfjs-cpu is a hundred times as slow as tfjs-wasm: it takes part only where that one lacks a kernel. */
const isLackingOnWasm = (c: BenchCase): boolean =>
  c.pass === 'weight-gradient' ||
  (c.pass === 'input-gradient' && c.suite === 'depthwise') ||
  (c.pass === 'step' && Object.values(c.operands).some(({ kind }) => kind === 'filter'));
