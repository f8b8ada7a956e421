import { afterAll } from 'vitest';
import { openDevices } from '../support/devices.js';

/** The devices of every file in this folder. */
export const devices = await openDevices();
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

/** The wasm binaries. */
export const wasm = devices.filter(({ backend }) => backend.kind === 'wasm');
/** The GPU. */
export const webgpu = devices.filter(({ backend }) => backend.kind === 'webgpu');
