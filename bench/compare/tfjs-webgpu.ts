import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers the gradients
import { fail } from '../../src/errors.js';
import type { Peer, PeerName, Prepared } from './peer.js';
import { prepareKernel } from './tfjs-kernel.js';
import { prepareStep, prepareUpdate } from './tfjs-step.js';

/** TensorFlow.js on its WebGPU backend, as it sets itself up: work is submitted every 15 dispatches. */
export async function open(name: PeerName): Promise<Peer> {
  if (!(await tf.setBackend('webgpu'))) fail(name, 'tfjs could not start its webgpu backend');
  const backend = tf.backend() as WebGPUBackend;
  const enter = () => {
    if (tf.getBackend() !== 'webgpu') void tf.setBackend('webgpu');
  };
  const finish = (): Promise<void> => {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    return backend.queue.onSubmittedWorkDone() as Promise<unknown> as Promise<void>;
  };
  return {
    name,
    async prepare(c, inputs) {
      await tf.setBackend('webgpu');
      const prepared = (): Prepared => {
        if (c.pass === 'step') return prepareStep(c, inputs, enter);
        if (c.pass === 'update') return prepareUpdate(c, inputs, enter);
        return prepareKernel(c, inputs, enter);
      };
      return { ...prepared(), finish };
    },
  };
}
