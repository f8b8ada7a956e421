import { afterAll, describe, expect, it } from 'vitest';
import { SCRATCH, STRIDE, WORDS } from '../src/backend/wasm/crew.js';
import { openWasm } from '../src/backend/wasm/index.js';
import type { Kernel, WasmModule } from '../src/backend/wasm/module.js';
import { Threads } from '../src/backend/wasm/threads.js';
import {
  apply,
  type Backend,
  createGraph,
  createInput,
  type DeviceBuffer,
  FaultMessages,
  Program,
  registry,
} from '../src/index.js';
import { sizeOf } from '../src/shape.js';
import { type KernelCase, sampleInputs, variantsTaking } from '../src/verify/index.js';
import { expectSameBits } from './support/bits.js';
import { convolutionTails, depthwiseTails, matmulTails, winogradTails } from './support/tails.js';

/** The parts of a wasm backend that are exchanged here. */
interface Inside {
  readonly module: WasmModule;
  readonly kernels: readonly Kernel[];
  threads: Threads;
  splitsFrom: number;
}

/**
 * A device that computes the units of every launch one by one, last first, each on another thread's scratch memory full
 * of NaN: what no number of threads does worse.
 */
async function openBackward(binary: 'simd' | 'relaxed-simd'): Promise<Backend> {
  const backend = await openWasm({ binary, tile: '6x8', threads: 2 });
  const inside = backend as unknown as Inside;
  const { memory, modules } = inside.module;
  const { address } = backend.allocate(4 * WORDS, 'words') as DeviceBuffer & { address: number };
  const threads = 3;
  const run = inside.kernels.map(
    (kernel): Kernel =>
      (operands, params, _scratch, begin, end) => {
        const words = new Int32Array(memory.buffer, address, WORDS);
        for (let unit = end - 1; unit >= begin; unit--) {
          const scratch = words[SCRATCH]! + (unit % threads) * words[STRIDE]!;
          new Uint8Array(memory.buffer, scratch, words[STRIDE]!).fill(0xff);
          kernel(operands, params, scratch, unit, unit + 1);
        }
      },
  );
  const start = () => ({ stop() {} });
  inside.threads = new Threads({ memory, modules, address, kernels: [], threads, run, start });
  inside.splitsFrom = 0;
  return backend;
}

/** The bits of all that one kernel variant makes of a call. */
async function bitsBy(
  variant: string | null,
  { op, inputs, options }: KernelCase,
  backend: Backend,
): Promise<Uint32Array[]> {
  const values = inputs.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const given = values.filter((value) => value !== null);
  const outputs = apply(op, values, options);
  const graph = createGraph({ inputs: given, outputs });
  const choice = { variant: () => variant ?? undefined };
  const program = await Program.compile(graph, backend, new FaultMessages(), choice);
  const buffers = [...given, ...outputs].map(({ shape }) =>
    backend.allocate(4 * Math.max(1, sizeOf(shape)), 'x'),
  );
  inputs
    .filter((tensor) => tensor !== null)
    .forEach(({ data, dtype }, i) => {
      if (data.length > 0) backend.write(buffers[i]!, data, dtype);
    });
  program.run(buffers);
  const results = [];
  for (const [i, { shape, dtype }] of outputs.entries()) {
    const data = await backend.read(buffers[given.length + i]!, dtype, sizeOf(shape));
    results.push(new Uint32Array(dtype === 'bool' ? Uint32Array.from(data).buffer : data.buffer));
  }
  program.dispose();
  for (const buffer of buffers) buffer.free();
  return results;
}

describe.each(['simd', 'relaxed-simd'] as const)('units of the %s binary', async (binary) => {
  const forward = await openWasm({ binary, tile: '6x8', threads: 1 });
  const backward = await openBackward(binary);
  afterAll(() => {
    for (const backend of [forward, backward]) backend.dispose();
  });

  async function expectEqual(call: KernelCase, where: string): Promise<void> {
    for (const variant of variantsTaking(call, forward)) {
      const expected = await bitsBy(variant, call, forward);
      const actual = await bitsBy(variant, call, backward);
      expect(actual).toHaveLength(expected.length);
      actual.forEach((bits, i) => {
        expectSameBits(bits, expected[i]!, `${where} by ${variant}, output ${i}`);
      });
    }
  }

  it.each([...registry.values()].filter(({ view }) => !view))('$name: any order, any scratch', async (op) => {
    for (const [index, { options }] of op.samples.entries())
      await expectEqual({ op, inputs: sampleInputs(op, index), options }, `sample ${index}`);
  });

  it.each([...matmulTails, ...convolutionTails, ...winogradTails, ...depthwiseTails])(
    '$name: any order, any scratch',
    ({ name, call }) => expectEqual(call, name),
  );
});
