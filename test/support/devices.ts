import { openReference } from '../../src/backend/reference.js';
import { openWasm } from '../../src/backend/wasm/index.js';
import { takes } from '../../src/backend/wasm/module.js';
import { openWebGPU } from '../../src/backend/webgpu/index.js';
import type { Backend } from '../../src/index.js';

/** Whether this engine takes the binary with relaxed SIMD. */
export const hasRelaxedSimd = takes('relaxed-simd');

export interface NamedBackend {
  readonly name: string;
  readonly backend: Backend;
}

/** Every wasm binary that this engine takes, with the tile under which all variants can be asked for. */
export async function openBinaries(): Promise<NamedBackend[]> {
  const binaries = hasRelaxedSimd ? (['simd', 'relaxed-simd'] as const) : (['simd'] as const);
  return Promise.all(
    binaries.map(async (binary) => ({
      name: `wasm ${binary}`,
      backend: await openWasm({ binary, tile: '6x16' }),
    })),
  );
}

/** Every device that a test of kernels runs on. */
export async function openDevices(): Promise<NamedBackend[]> {
  return [
    { name: 'reference', backend: openReference() },
    ...(await openBinaries()),
    { name: 'webgpu', backend: await openWebGPU() },
  ];
}
