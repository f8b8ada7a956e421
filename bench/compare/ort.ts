import * as ort from 'onnxruntime-web';
import { fail } from '../../src/errors.js';
import { OnnxNet } from './onnx-net.js';
import { prepareSession, type Runtime } from './ort-session.js';
import { installedVersion, type Peer, type PeerName, refuseAbove } from './peer.js';

const OPTIONS = { executionProviders: ['wasm'] };

/** ONNX Runtime Web on wasm, one thread. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'ort-web') fail('openPeer', `onnxruntime-web is 'ort-web', not '${name}'`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  await startUnseen();
  return {
    name,
    version: installedVersion('onnxruntime-web'),
    refuse: (c) => refuseAbove(40, c),
    prepare: (c, inputs) => prepareSession(ort as Runtime, OPTIONS, c, inputs),
  };
}

/**
 * Starts the runtime by its first session. In Node it then defines a global `Worker`, which it needs for
 * threads only and which makes jax-js believe that it runs in a browser, so the global is put back as it was.
 */
async function startUnseen(): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  const net = new OnnxNet({ x: { shape: [1], data: new Float32Array(1) } });
  const model = net.model(net.relu(net.at('x')));
  await (await ort.InferenceSession.create(model, OPTIONS)).release();
  if (before) Object.defineProperty(globalThis, 'Worker', before);
  else Reflect.deleteProperty(globalThis, 'Worker');
}
