/** The peers that a page can run: built into the benchmark's page where it compares. */
import type { Peer, PeerModule, PeerName } from './peer.js';

const MODULES: Readonly<Partial<Record<PeerName, () => Promise<PeerModule>>>> = {
  'tfjs-webgpu': () => import('./tfjs-webgpu.js'),
  'ort-webgpu': () => import('./ort-webgpu.js'),
  'jax-webgpu': () => import('./jax.js'),
};

export async function openPeer(name: PeerName): Promise<Peer> {
  const load = MODULES[name];
  if (!load) throw new RangeError(`${name}: runs in Node alone`);
  return (await load()).open(name);
}
