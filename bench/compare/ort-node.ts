import * as ort from 'onnxruntime-node';
import { fail } from '../../src/errors.js';
import { prepareSession, type Runtime } from './ort-session.js';
import { type Peer, type PeerName, refuseAbove } from './peer.js';

/** ONNX Runtime as machine code (MLAS with the CPU's widest vectors), one thread: what WebAssembly gives away. */
export async function open(name: PeerName): Promise<Peer> {
  if (name !== 'ort-node') fail('openPeer', `onnxruntime-node is 'ort-node', not '${name}'`);
  const options = {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  } as const;
  return {
    name,
    refuse: (c) => refuseAbove(40, c),
    prepare: (c, inputs) => prepareSession(ort as Runtime, options, c, inputs),
  };
}
