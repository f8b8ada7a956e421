import * as ort from 'onnxruntime-web/webgpu';
import { fail } from '../../src/errors.js';
import type { BenchCase } from '../case.js';
import { type CaseInputs, operand } from '../inputs.js';
import { modelOf, type Runtime, startUnseen } from './ort-session.js';
import type { Peer, PeerName, Prepared } from './peer.js';

const OPTIONS: ort.InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  preferredOutputLocation: 'gpu-buffer',
};

/** ONNX Runtime Web on its WebGPU provider, arguments and results in GPU buffers. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'ort-webgpu') fail('openPeer', `onnxruntime-web's provider is 'ort-webgpu', not '${name}'`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  // A page finds the binary beside itself.
  if (typeof location !== 'undefined') ort.env.wasm.wasmPaths = new URL('./', location.href).href;
  // Not released: the runtime drops its device with its last session.
  await startUnseen(ort as Runtime, OPTIONS);
  // Node comes back to timers when V8 has compiled the binary's largest functions, and nothing is to be timed before.
  await new Promise((wake) => setTimeout(wake, 50));
  const device = (await ort.env.webgpu.device) as GPUDevice;
  return { name, prepare: (c, inputs) => prepareSession(device, c, inputs) };
}

async function prepareSession(device: GPUDevice, c: BenchCase, inputs: CaseInputs): Promise<Prepared> {
  const { model, feeds: names, result } = modelOf(c, inputs);
  const session = await ort.InferenceSession.create(model, OPTIONS);
  const buffers: GPUBuffer[] = [];
  const feeds: Record<string, ort.Tensor> = {};
  for (const name of names) {
    const { data, shape } = operand(inputs, name);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size: Math.ceil(data.byteLength / 16) * 16, usage });
    device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    buffers.push(buffer);
    feeds[name] = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [...shape] });
  }
  return {
    async run() {
      (await session.run(feeds))[result]!.dispose();
    },
    finish: () => device.queue.onSubmittedWorkDone() as Promise<unknown> as Promise<void>,
    async output() {
      const tensor = (await session.run(feeds))[result]!;
      return (await tensor.getData(true)) as Float32Array;
    },
    dispose() {
      void session.release();
      for (const buffer of buffers) buffer.destroy();
    },
  };
}
