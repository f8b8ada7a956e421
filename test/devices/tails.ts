import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { apply, createGraph, createInput, FaultMessages, Program } from '../../src/index.js';
import { sizeOf } from '../../src/shape.js';
import { checkKernel, type KernelCase, variantsTaking } from '../../src/verify/index.js';
import { expectSameBits } from '../support/bits.js';
import {
  convolutionTails,
  depthwiseTails,
  matmulTails,
  shaderConvolutionTails,
  shaderMatmulTails,
  winogradTails,
} from '../support/tails.js';
import { wasm, webgpu } from './shared.js';

const devices = [
  ...wasm.map((device) => ({
    ...device,
    cases: [...matmulTails, ...convolutionTails, ...winogradTails, ...depthwiseTails],
    products: matmulTails,
  })),
  ...webgpu.map((device) => ({
    ...device,
    cases: [...shaderMatmulTails, ...shaderConvolutionTails],
    products: shaderMatmulTails,
  })),
];

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

/** The bits of what one kernel variant makes of a call. */
async function bitsBy(variant: string, { op, inputs, options }: KernelCase, backend: Backend) {
  const tensors = inputs.filter((tensor) => tensor !== null);
  const values = tensors.map(({ shape, dtype }) => createInput(shape, dtype));
  const [output] = apply(op, values, options) as [ReturnType<typeof createInput>];
  const graph = createGraph({ inputs: values, outputs: [output] });
  const program = await Program.compile(graph, backend, new FaultMessages(), { variant: () => variant });
  const buffers = [...values, output].map(({ shape }) =>
    backend.allocate(4 * Math.max(1, sizeOf(shape)), 'x'),
  );
  tensors.forEach(({ data, dtype }, i) => {
    if (data.length > 0) backend.write(buffers[i]!, data, dtype);
  });
  program.run(buffers);
  const result = (await backend.read(buffers.at(-1)!, 'f32', sizeOf(output.shape))) as Float32Array;
  program.dispose();
  for (const buffer of buffers) buffer.free();
  return new Uint32Array(result.buffer, result.byteOffset, result.length);
}

describe.each(devices)('products on $name', ({ backend, products }) => {
  it('have the same bits by any tile', async () => {
    let compared = 0;
    for (const { name, call } of products) {
      const variants = variantsTaking(call, backend).filter((variant) => variant !== null);
      const [first, ...others] = await Promise.all(variants.map((variant) => bitsBy(variant, call, backend)));
      for (const other of others) expectSameBits(other, first!, name);
      compared += others.length;
    }
    expect(compared).toBeGreaterThan(0);
  });
});

describe.each(wasm)('direct convolutions on $name', ({ backend }) => {
  it('have the same bits by any tile', async () => {
    let compared = 0;
    for (const { name, call } of convolutionTails) {
      const variants = variantsTaking(call, backend).filter((variant) =>
        /_f32__\d+x\d+$/.test(variant ?? ''),
      );
      const [first, ...others] = await Promise.all(
        variants.map((variant) => bitsBy(variant!, call, backend)),
      );
      for (const other of others) expectSameBits(other, first!, name);
      compared += others.length;
    }
    expect(compared).toBeGreaterThan(convolutionTails.length);
  });
});

describe.each(wasm)("Winograd's convolution on $name", ({ backend }) => {
  it('has the same bits by any tile', async () => {
    for (const { name, call } of winogradTails) {
      const variants = variantsTaking(call, backend).filter((variant) => variant?.includes('winograd'));
      if (variants.length === 0) continue;
      expect(variants.length, name).toBeGreaterThan(1);
      const [first, ...others] = await Promise.all(
        variants.map((variant) => bitsBy(variant!, call, backend)),
      );
      for (const other of others) expectSameBits(other, first!, name);
    }
  });
});
