import { describe, expect, it } from 'vitest';
import { registry } from '../../src/index.js';
import { checkKernel, generatorOf, variantsTaking } from '../../src/verify/index.js';
import { devices } from './shared.js';

describe('recurrent steps: sizes round the tiles', () => {
  const generator = generatorOf('recurrent tails');
  const random = (shape: readonly number[]) => ({
    shape,
    dtype: 'f32' as const,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => generator.uniform(-0.3, 0.3)),
  });
  // On wasm, of 4 sequences and 8 columns; sixteen panels of columns in a unit.
  const wasmSizes = [3, 4, 5, 8, 9].flatMap((batch) =>
    [1, 2, 3, 7, 8, 9, 17].map((hidden) => ({ batch, hidden })),
  );
  wasmSizes.push({ batch: 3, hidden: 130 });
  // On webgpu, of 4 to 16 sequences; several tiles across and down, and several sets of units.
  const webgpuSizes = [
    [1, 3],
    [4, 1],
    [3, 130],
    [5, 9],
    [8, 17],
    [9, 18],
    [17, 70],
  ].map(([batch, hidden]) => ({ batch: batch!, hidden: hidden! }));
  it.each(devices)('$name', async ({ backend }) => {
    for (const { batch, hidden } of backend.kind === 'webgpu' ? webgpuSizes : wasmSizes) {
      for (const [name, gates, states] of [
        ['rnn', 1, 1],
        ['lstm', 4, 2],
        ['gru', 3, 1],
      ] as const) {
        const initial = Array.from({ length: states }, () => random([batch, hidden]));
        const weight = random([gates * hidden, hidden]);
        const bias = name === 'gru' ? [random([gates * hidden])] : [];
        const forward = [random([2, batch, gates * hidden]), weight, ...bias, ...initial, null];
        const all = random([2, batch, hidden]);
        const kept = {
          rnn: [],
          lstm: [random([2, batch, 4 * hidden]), all],
          gru: [random([2, batch, 4 * hidden])],
        };
        const backward = [all, ...initial, weight, initial[0]!, all, ...kept[name], null];
        for (const [suffix, inputs] of [
          ['Sequence', forward],
          ['SequenceBackward', backward],
        ] as const) {
          const call = {
            op: registry.get(`${name}${suffix}`)!,
            inputs,
            options: { reverse: hidden % 2 === 0 },
          };
          for (const variant of variantsTaking(call, backend)) {
            const { problem } = await checkKernel(call, backend, variant);
            expect(problem, `${name}${suffix} of batch ${batch}, hidden ${hidden}`).toBeNull();
          }
        }
      }
    }
  });
});
