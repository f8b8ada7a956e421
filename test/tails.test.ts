import { afterAll, describe, expect, it } from 'vitest';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import { checkKernel, variantsTaking } from '../src/verify/index.js';
import { openBinaries } from './support/devices.js';
import {
  convolutionTails,
  depthwiseTails,
  matmulTails,
  shaderConvolutionTails,
  shaderMatmulTails,
  winogradTails,
} from './support/tails.js';

const wasm = await openBinaries();
const devices = [
  ...wasm.map((device) => ({
    ...device,
    cases: [...matmulTails, ...convolutionTails, ...winogradTails, ...depthwiseTails],
  })),
  { name: 'webgpu', backend: await openWebGPU(), cases: [...shaderMatmulTails, ...shaderConvolutionTails] },
];
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

describe.each(devices)('$name: sizes round the tiles', ({ backend, cases }) => {
  it.each(cases)('$name', async ({ call }) => {
    const variants = variantsTaking(call, backend);
    expect(variants.length).toBeGreaterThan(0);
    for (const variant of variants) {
      const { problem } = await checkKernel(call, backend, variant);
      expect(problem, `by ${variant}`).toBeNull();
    }
  });
});
