import { fail } from '../errors.js';
import { type BackendKind, type Device, type KernelSet, open } from '../index.js';

const KINDS: readonly BackendKind[] = ['reference', 'wasm', 'webgpu'];

/** The backends that `list` names, separated by commas. */
export function backendKinds(list: string): BackendKind[] {
  return list.split(',').map((name) => {
    const kind = KINDS.find((known) => known === name.trim());
    return kind ?? fail('--backend', `there is no backend '${name}'; there are ${KINDS.join(', ')}`);
  });
}

/**
 * The devices that together run every kernel of a backend: on wasm one for each binary that this engine takes, with the
 * tile whose variants are not chosen otherwise. `kernels` are those beyond Weft's own.
 */
export async function openAll(
  kind: BackendKind,
  kernels: readonly KernelSet[] = [],
  threads?: number,
): Promise<Device[]> {
  if (kind !== 'wasm') return [await open(kind, { kernels })];
  const best = await open('wasm', { kernels, threads, wasm: { tile: '6x16' } });
  if (!best.backend.features.has('relaxed-simd')) return [best];
  return [await open('wasm', { kernels, threads, wasm: { binary: 'simd', tile: '6x16' } }), best];
}
