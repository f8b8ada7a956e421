import { describe, expect, it } from 'vitest';
import { openReference } from '../../src/backend/reference.js';
import type { Value } from '../../src/index.js';
import { checkKernels, evaluateAll } from '../../src/verify/index.js';
import { type GoldenCase, goldenFiles, goldenGraph } from '../support/golden.js';
import { devices } from './shared.js';

/**
 * Both sides compute in f64 and add in different orders: at most a few hundred terms here, 2^-53 of the largest number
 * on the way each. Numbers on the way are within a few hundred of the largest result.
 */
const TOLERANCE = 1e-11;

const reference = openReference();

function expectEqual(golden: GoldenCase, outputs: readonly Value[], known: ReadonlyMap<Value, Float64Array>) {
  golden.expected.forEach(({ name, shape, data }, k) => {
    const value = outputs[k]!;
    const where = `${golden.name}: ${name}`;
    expect(value.shape, where).toEqual(shape);
    const largest = data.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
    known.get(value)!.forEach((x, i) => {
      const wanted = data[i]!;
      const same =
        Object.is(x, wanted) || x === wanted || Math.abs(x - wanted) <= TOLERANCE * Math.max(largest, 1e-3);
      if (!same) expect.fail(`${where}[${i}] is ${x}, PyTorch has ${wanted}`);
    });
  });
}

describe.each(goldenFiles())('PyTorch $torch, $family', ({ cases }) => {
  it.each(cases.map((golden, i) => ({ title: `${i}: ${golden.name}`, golden })))(
    '$title',
    async ({ golden }) => {
      const graph = goldenGraph(golden);
      const computed = await evaluateAll(graph.inputs, graph.data, graph.outputs, reference);
      expectEqual(golden, graph.outputs, computed.known);
      for (const { name, backend } of devices) {
        // Compiling every variant's pipelines would take minutes; ops.ts has them all.
        const choice = backend.kind === 'webgpu' ? 'chosen' : 'all';
        for (const { op, variant, problem } of await checkKernels(computed, backend, choice)) {
          if (problem) expect.fail(`${op} on ${name}, ${variant}: ${problem}`);
        }
      }
    },
  );
});
