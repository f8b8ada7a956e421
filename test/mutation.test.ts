import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { registry } from '../src/index.js';
import {
  kernelFamilies,
  kernelUses,
  mutateKernel,
  wasmWorkshop,
  webgpuWorkshop,
} from './support/kernel-mutants.js';
import { mutateRules } from './support/mutants.js';

const BINARY = new URL('../build/weft.simd.wasm', import.meta.url);
const reference = openReference();
const wasm = await wasmWorkshop(new Uint8Array(readFileSync(BINARY)));
const webgpu = await webgpuWorkshop();
afterAll(() => {
  wasm.dispose();
  webgpu.dispose();
});

describe.each([...registry.values()])('$name: its checks notice', (op) => {
  it('a gradient times 1.00001', async () => {
    for (const { target, killedBy } of await mutateRules(op, reference)) {
      expect(killedBy, `the gradient of '${target}'`).not.toBeNull();
    }
  });

  it.each(kernelUses(op, wasm))('an element next to the right one, in $kernel of $variant', async (use) => {
    const mutants = await mutateKernel(use, wasm);
    expect(mutants.filter(({ killedBy }) => killedBy !== null)).not.toEqual([]);
  });
});

/** Of each shader the kernel that is met first. */
const families = kernelFamilies();
const uses = [...registry.values()].flatMap((op) => kernelUses(op, webgpu));
const firsts = [...new Map(uses.toReversed().map((use) => [families.get(use.kernel), use])).values()];

it.each(firsts)('$op.name notices an element next to the right one in the shader $kernel', async (use) => {
  const mutants = await mutateKernel(use, webgpu);
  expect(mutants.filter(({ killedBy }) => killedBy !== null)).not.toEqual([]);
});
