import { describe, expect, it } from 'vitest';
import { kernels as shaders } from '../build/kernels.js';
import { embedded } from '../src/backend/wasm/module.js';
import { apply, createInput, registry } from '../src/index.js';
import { type KernelCase, sampleInputs } from '../src/verify/index.js';
import { ALL_FEATURES } from './support/features.js';
import { convolutionTails, matmulTails, shaderConvolutionTails, shaderMatmulTails } from './support/tails.js';
import {
  contains,
  countOf,
  type Expression,
  functionExports,
  innermostLoops,
  parseModule,
} from './support/wasm-text.js';

/**
 * What no op launches: what only the bench calls, for what the machine can do at most, what runs groups of launches, and what
 * looks at a device that opens.
 */
const OF_NO_OP = /^(copy_f32|find_nonfinite_f32|peak_f32|run_group|subgroups_u32__\d+)$/;

const binaries = { simd: await embedded('simd'), 'relaxed-simd': await embedded('relaxed-simd') };

const tails = [...matmulTails, ...convolutionTails, ...shaderMatmulTails, ...shaderConvolutionTails];
const calls: readonly KernelCase[] = [
  ...[...registry.values()].flatMap((op) =>
    op.samples.map(({ options }, sample) => ({ op, inputs: sampleInputs(op, sample), options })),
  ),
  ...tails.map(({ call }) => call),
];

/** The kernels that any variant launches on any sample. */
function launchedOn(backend: 'wasm' | 'webgpu'): string[] {
  const names = new Set<string>();
  for (const { op, inputs, options } of calls) {
    const values = inputs.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
    if (op.compose) continue;
    const { attrs } = apply(op, values, options)[0]!.node!;
    for (const variant of op.variants(backend)) {
      const lowered = op.lower(backend, values, attrs, ALL_FEATURES, variant);
      for (const { kernel } of lowered?.launches ?? []) names.add(kernel);
    }
  }
  return [...names].sort();
}

describe('the list of kernels', () => {
  it.each(Object.entries(binaries))('is the exports of the %s binary', (_, bytes) => {
    const names = functionExports(parseModule(bytes));
    expect(names.filter((name) => !OF_NO_OP.test(name)).sort()).toEqual(launchedOn('wasm'));
  });

  it('is the entry points of the shaders', () => {
    const names = Object.keys(shaders).filter((name) => !OF_NO_OP.test(name));
    expect(names.sort()).toEqual(launchedOn('webgpu'));
  });
});

describe.each(Object.entries(binaries))('the micro-kernels of the %s binary', (binary, bytes) => {
  const module = parseModule(bytes);
  const multiplyAdd = binary === 'simd' ? 'f32x4.mul' : 'f32x4.relaxed_madd';
  const rowsOf = (loop: Expression) => countOf(loop, 'v128.load32_splat');
  // A micro-kernel's step: some vectors of columns, and for each row one number and as many multiply-adds.
  const microOf = (vectors: number) =>
    innermostLoops(module).filter(
      (loop) =>
        rowsOf(loop) > 0 &&
        countOf(loop, multiplyAdd) === vectors * rowsOf(loop) &&
        countOf(loop, 'v128.load') === vectors &&
        !contains(loop, 'v128.store'),
    );
  const micro = [...microOf(2), ...microOf(4)];

  it('are there for one to six rows: convolving and correlating, and from three on for products', () => {
    for (const rows of [1, 2, 3, 4, 5, 6]) {
      const found = microOf(2).filter((loop) => rowsOf(loop) === rows);
      expect(found.length, `${rows} rows`).toBeGreaterThanOrEqual(rows < 3 ? 2 : 3);
    }
  });

  it('are there for two panels side by side: products and convolutions', () => {
    for (const rows of [5, 6]) {
      const found = microOf(4).filter((loop) => rowsOf(loop) === rows);
      expect(found.length, `${rows} rows`).toBeGreaterThanOrEqual(2);
    }
  });

  it('call nothing in their innermost loops', () => {
    for (const loop of micro) {
      expect(contains(loop, 'call')).toBe(false);
      expect(contains(loop, 'call_indirect')).toBe(false);
    }
  });
});
