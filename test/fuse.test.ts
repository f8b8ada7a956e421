import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { openWasm } from '../src/backend/wasm/index.js';
import type { Threads } from '../src/backend/wasm/threads.js';
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

const wasm = await openWasm({ threads: 1 });
const reference = openReference();
afterAll(() => wasm.dispose());
const plain = unfused(wasm);

async function schedule(graph: Graph) {
  const program = await Program.compile(graph, wasm, new FaultMessages());
  program.dispose();
  const { schedule, memory } = program;
  return { kernels: schedule.map(({ op }) => op), schedule, memory };
}

describe('chains of elementwise ops', () => {
  it('give the bits that they give one by one', async () => {
    const { buffers } = wasm.memory();
    await fc.assert(
      fc.asyncProperty(graphs, async ({ graph }) => {
        expect(await results(wasm, graph, DATA)).toEqual(await results(plain, graph, DATA));
      }),
      { numRuns: 200 },
    );
    expect(wasm.memory().buffers).toBe(buffers);
  });

  it('give what the reference gives', async () => {
    const [x, a, b, y] = [
      createInput([3, 4099]),
      createInput([]),
      createInput([4099]),
      createInput([3, 4099]),
    ];
    const gate = ops.sigmoid(ops.reshape(y, { shape: [1, 3, 4099] }));
    const z = ops.mul(ops.add(ops.mul(x, a), b), ops.reshape(gate, { shape: [3, 4099] }));
    const graph = createGraph({
      inputs: [x, a, b, y],
      outputs: [z],
      updates: [{ target: y, value: ops.neg(z) }],
    });
    const data = [x, a, b, y].map(({ shape }, i) => drawn(sizeOf(shape), i));
    const expected = await results(reference, graph, data);
    const found = await results(wasm, graph, data);
    found.forEach((values, i) => {
      values.forEach((value, k) => {
        expect(Math.abs(value - expected[i]![k]!)).toBeLessThan(2e-6);
      });
    });
  });

  it('are put in an order where one goes on after another that lies between two', async () => {
    const [x, t, k] = [createInput([600]), createInput([]), createInput([])];
    // The scalars' first chain reads the total of the rows', which reads the second and goes on behind it.
    const rows = ops.abs(x);
    const first = ops.exp(k);
    const total = ops.mul(ops.sum(rows), first);
    const second = ops.neg(t);
    const graph = createGraph({
      inputs: [x, t, k],
      outputs: [total, ops.mul(rows, second), ops.mul(second, first)],
    });
    const data = [x, t, k].map(({ shape }, i) => drawn(sizeOf(shape), 1 + i));
    expect(await results(wasm, graph, data)).toEqual(await results(plain, graph, data));
  });

  it('run as one step, whose bytes count once and need no memory', async () => {
    const [x, a, b] = [createInput([100_000]), createInput([]), createInput([100_000])];
    const y = ops.mul(ops.sigmoid(ops.add(x, b)), a);
    const { schedule: entries, memory } = await schedule(createGraph({ inputs: [x, a, b], outputs: [y] }));
    expect(entries).toEqual([
      {
        op: 'add+sigmoid+mul',
        kernel: 'add_f32+sigmoid_f32+mul_f32',
        flops: 300_000,
        bytes: 4 * 300_001,
        backend: 'wasm',
      },
    ]);
    expect(memory.peakBytes).toBe(0);
  });

  it('stay apart where another kernel lies between', async () => {
    const [x, w] = [createInput([100, 100]), createInput([100, 100])];
    const h = ops.exp(ops.neg(x));
    const y = ops.add(h, ops.abs(ops.sin(ops.matmul(h, w))));
    const { kernels } = await schedule(createGraph({ inputs: [x, w], outputs: [y] }));
    expect(kernels).toEqual(['neg+exp', 'matmul', 'sin+abs+add']);
  });

  it('are computed in the place of what they update, once nobody reads that any more', async () => {
    const [p, m, g] = [createInput([9000]), createInput([9000]), createInput([9000])];
    const momentum = ops.add(ops.mul(m, ops.full({ shape: [], value: 0.9 })), g);
    const moved = ops.sub(p, ops.mul(momentum, ops.full({ shape: [], value: 0.1 })));
    const graph = createGraph({
      inputs: [p, m, g],
      updates: [
        { target: p, value: moved },
        { target: m, value: momentum },
      ],
    });
    const { kernels, memory } = await schedule(graph);
    expect(kernels.at(-1)).toBe('mul+add+mul+sub');
    expect(memory.peakBytes).toBeLessThan(4 * 9000);
    const data = [p, m, g].map(({ shape }, i) => drawn(sizeOf(shape), i));
    expect(await results(wasm, graph, data)).toEqual(await results(plain, graph, data));
  });

  it('are cut where a fifth launch would come to other arrays, and may be of any length', async () => {
    const inputs = Array.from({ length: 40 }, () => createInput([16389]));
    const all = inputs.map((x) => ops.sin(x));
    const wide = all.reduce((a, b) => ops.add(a, b));
    const long = Array.from({ length: 300 }).reduce<Value>((x) => ops.cos(x), wide);
    const graph = createGraph({ inputs, outputs: [long] });
    const data = inputs.map((_, i) => drawn(16389, i));
    expect(await results(wasm, graph, data)).toEqual(await results(plain, graph, data));
    const { kernels } = await schedule(graph);
    expect(kernels.length).toBeLessThan(50);
    expect(kernels.every((names) => names.split('+').filter((name) => name === 'sin').length <= 4)).toBe(
      true,
    );
  });

  it('give the same bits on any number of threads', async () => {
    const several = await openWasm({ threads: 3 });
    const { threads } = several as unknown as { threads: Threads };
    const inputs = [createInput([300_001]), createInput([300_001]), createInput([])];
    const [a, b, c] = inputs as [Value, Value, Value];
    const y = ops.mul(ops.add(ops.mul(a, c), b), ops.sigmoid(b));
    const graph = createGraph({
      inputs,
      outputs: [ops.sum(y), y],
      updates: [{ target: a, value: ops.tanh(y) }],
    });
    const data = inputs.map(({ shape }, i) => drawn(sizeOf(shape), i));
    try {
      const expected = await results(plain, graph, data);
      let ready = 0;
      while (ready < threads.count) {
        ready = threads.ready;
        expect(await results(several, graph, data)).toEqual(expected);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      several.dispose();
    }
  });
});
