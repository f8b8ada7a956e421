import * as ort from 'onnxruntime-web';
import { fail } from '../../src/errors.js';
import { prepareSession, type Runtime, startUnseen } from './ort-session.js';
import { type Peer, type PeerName, refuseAbove } from './peer.js';

const OPTIONS = { executionProviders: ['wasm'] };

/** ONNX Runtime Web on wasm, one thread. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'ort-web') fail('openPeer', `onnxruntime-web is 'ort-web', not '${name}'`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  await (await startUnseen(ort as Runtime, OPTIONS)).release();
  return {
    name,
    refuse: (c) => refuseAbove(40, c),
    prepare: (c, inputs) => prepareSession(ort as Runtime, OPTIONS, c, inputs),
  };
}
