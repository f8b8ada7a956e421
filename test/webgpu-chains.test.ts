import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import {
  createGraph,
  createInput,
  FaultMessages,
  type Graph,
  ops,
  Program,
  type Value,
} from '../src/index.js';
import { sizeOf } from '../src/shape.js';
import { DATA, drawn, graphs, results, unfused } from './support/chains.js';

const webgpu = await openWebGPU();
const reference = openReference();
const plain = unfused(webgpu);
afterAll(() => webgpu.dispose());

/** Drivers may contract what was two kernels: a sum of bounded values is then off by a few units of 2⁻²⁴. */
function expectClose(found: readonly number[][], expected: readonly number[][], bound: number): void {
  found.forEach((values, i) => {
    let worst = 0;
    values.forEach((value, k) => {
      if (!Object.is(value, expected[i]![k]!)) worst = Math.max(worst, Math.abs(value - expected[i]![k]!));
    });
    expect(worst).toBeLessThanOrEqual(bound);
  });
}

async function schedule(graph: Graph) {
  const program = await Program.compile(graph, webgpu, new FaultMessages());
  program.dispose();
  const { schedule, memory } = program;
  return { kernels: schedule.map(({ op }) => op), memory };
}

describe('chains of elementwise ops on webgpu', () => {
  it('give what they give one by one', async () => {
    const { buffers } = webgpu.memory();
    await fc.assert(
      fc.asyncProperty(graphs, async ({ graph }) => {
        expectClose(await results(webgpu, graph, DATA), await results(plain, graph, DATA), 1e-5);
      }),
      { numRuns: 30 },
    );
    expect(webgpu.memory().buffers).toBe(buffers);
  });

  it('give what the reference gives, of scalars, rows, columns and a size that no vector divides', async () => {
    const shapes = [[3, 1367], [], [1367], [3, 1], [3, 1367], [2, 1, 1]];
    const inputs = shapes.map((shape) => createInput(shape));
    const [x, a, row, column, y, twice] = inputs as [Value, Value, Value, Value, Value, Value];
    const z = ops.mul(ops.add(ops.mul(ops.add(x, column), a), row), ops.sigmoid(y));
    const both = ops.mul(ops.add(twice, z), ops.add(twice, column));
    const updates = [{ target: y, value: ops.sub(y, z) }];
    const graph = createGraph({
      inputs,
      outputs: [z, both, ops.cast(ops.greater(z, row), { dtype: 'f32' })],
      updates,
    });
    const data = inputs.map(({ shape }, i) => drawn(sizeOf(shape), i));
    expectClose(await results(webgpu, graph, data), await results(reference, graph, data), 4e-6);
  });

  it('are one dispatch, which needs no memory', async () => {
    const [x, a, b] = [createInput([100_000]), createInput([]), createInput([100_000])];
    const y = ops.mul(ops.sigmoid(ops.add(x, b)), a);
    const { kernels, memory } = await schedule(createGraph({ inputs: [x, a, b], outputs: [y] }));
    expect(kernels).toEqual(['add+sigmoid+mul']);
    expect(memory.peakBytes).toBe(0);
  });

  it('may end in what is waited for and never read', async () => {
    const [x, a] = [createInput([40]), createInput([7])];
    const later = ops.after(x, ops.neg(ops.sin(a)));
    const graph = createGraph({ inputs: [x, a], outputs: [ops.tanh(later)] });
    const data = [drawn(40, 1), drawn(7, 2)];
    expectClose(await results(webgpu, graph, data), await results(reference, graph, data), 1e-5);
  });

  it('are cut where a ninth buffer would be bound', async () => {
    const inputs = Array.from({ length: 20 }, () => createInput([1027]));
    const all = inputs.map((x) => ops.sin(x));
    const graph = createGraph({ inputs, outputs: [all.reduce((a, b) => ops.add(a, b))] });
    const data = inputs.map((_, i) => drawn(1027, i));
    expectClose(await results(webgpu, graph, data), await results(plain, graph, data), 1e-5);
    const { kernels } = await schedule(graph);
    expect(kernels.length).toBeLessThan(6);
  });
});
