import { readFileSync } from 'node:fs';
import { fail } from '../../src/errors.js';
import { PEER_NAMES, PEERS, type Peer, type PeerModule, type PeerName } from './peer.js';

/** Loads and starts a peer in Node. {@link import('./install.ts').installPeers} must have run. */
export async function openPeer(name: PeerName): Promise<Peer> {
  const facts = PEERS[name];
  if (!facts) fail('openPeer', `there is no peer '${name}', choose from ${PEER_NAMES.join(', ')}`);
  if (facts.backend === 'webgpu') await provideGPU();
  const module = (await import(new URL(`./${facts.module}.ts`, import.meta.url).href)) as PeerModule;
  return module.open(name);
}

/** The version of an installed package of this folder. */
export function installedVersion(packageName: string): string {
  const file = new URL(`./node_modules/${packageName}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The versions of these peers, by name. */
export const versionsOf = (names: readonly PeerName[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, installedVersion(PEERS[name].package)]));

/** What a browser has and the peers ask for: `navigator.gpu`, here Dawn's, and the constants and classes of WebGPU. */
export async function provideGPU(): Promise<void> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return;
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  // Node 20 has no navigator at all.
  if (typeof navigator === 'undefined')
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node' }, configurable: true });
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  takeShared(GPUQueue.prototype);
}

/** Dawn's binding refuses to write from shared memory, in which onnxruntime-web lives; browsers take it. */
function takeShared(queue: GPUQueue): void {
  const write = queue.writeBuffer;
  queue.writeBuffer = function (buffer, at, data, from = 0, count?: number) {
    if (!(data instanceof Uint8Array && data.buffer instanceof SharedArrayBuffer))
      return write.call(this, buffer, at, data as BufferSource, from, count);
    const end = count === undefined ? data.length : from + count;
    return write.call(this, buffer, at, data.slice(from, end));
  };
}
