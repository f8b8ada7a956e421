import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
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
  structureOf,
  type TypedArray,
  type Value,
} from '../src/index.js';
import { broadcastShapes, sameShape, sizeOf } from '../src/shape.js';

const wasm = await openWasm({ threads: 1 });
const reference = openReference();
afterAll(() => wasm.dispose());
/** The same device, which is given every launch by itself. */
const plain: Backend = new Proxy(wasm, {
  get(target, key) {
    if (key === 'fuses') return false;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? value.bind(target) : value;
  },
});

/** What a graph's inputs and outputs hold after two runs. */
async function results(backend: Backend, graph: Graph, data: readonly TypedArray[]): Promise<number[][]> {
  const program = await Program.compile(graph, backend, new FaultMessages());
  const all = [...graph.inputs, ...graph.outputs];
  const buffers = all.map(({ shape }) => backend.allocate(4 * sizeOf(shape), 'x'));
  try {
    data.forEach((values, i) => {
      backend.write(buffers[i]!, values, all[i]!.dtype);
    });
    program.run(buffers);
    program.run(buffers);
    return await Promise.all(
      buffers.map(async (buffer, i) => [
        ...(await backend.read(buffer, all[i]!.dtype, sizeOf(all[i]!.shape))),
      ]),
    );
  } finally {
    program.dispose();
    for (const buffer of buffers) buffer.free();
  }
}

/** Nine blocks of 4 units of 512 elements, of the last one five elements; what broadcasts to it; the same elements flat. */
const SHAPES = [[3, 5463], [3, 5463], [5463], [3, 1], [], [16389]] as const;

type Step = readonly [op: number, first: number, second: number];

/** Bounded functions, so that long chains stay finite, of operands of any shape that fits, with views and other kernels. */
function grow(values: Value[], seed: Value, [op, first, second]: Step): void {
  const a = values[first % values.length]!;
  const fitting = values.filter(({ shape }) => broadcastShapes(shape, a.shape) !== null);
  const b = fitting[second % fitting.length]!;
  const kinds: readonly (() => Value)[] = [
    () => ops.sigmoid(ops.add(a, b)),
    () => ops.mul(ops.tanh(a), b),
    () => ops.relu(ops.sub(a, b)),
    () => ops.neg(ops.abs(a)),
    () => ops.where(ops.greater(a, b), b, ops.sin(a)),
    () => ops.reshape(a, { shape: sizeOf(a.shape) === 16389 ? [16389] : [-1] }),
    () => (sizeOf(a.shape) === 16389 ? ops.reshape(a, { shape: [3, 5463] }) : ops.gelu(a)),
    () => ops.tanh(ops.sum(a)),
    () => ops.dropout(a, seed, { p: 0.25 }),
    () => ops.minimum(a, ops.full({ shape: [], value: 0.5 })),
    () => ops.addcmul(a, b, ops.cos(b), { value: 0.5 }),
  ];
  const made = kinds[op % kinds.length]!();
  if (sizeOf(made.shape) <= 16389) values.push(made);
}

const graphs = fc
  .record({
    steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 30 }),
    outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
    updates: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }),
  })
  .map(({ steps, outputs, updates }) => {
    const inputs = SHAPES.map((shape) => createInput(shape));
    const seed = createInput([2], 'i32');
    const values: Value[] = [...inputs];
    for (const step of steps) grow(values, seed, step);
    const targets = new Map(
      updates.map(([target, value]) => {
        const input = inputs[target % inputs.length]!;
        const fitting = values.filter(({ shape }) => sameShape(shape, input.shape)).reverse();
        return [input, fitting[value % fitting.length]!];
      }),
    );
    const graph = createGraph({
      inputs: [...inputs, seed],
      outputs: outputs.map((index) => values[values.length - 1 - (index % values.length)]!),
      updates: [...targets].map(([target, value]) => ({ target, value })),
    });
    return { graph, [fc.toStringMethod]: () => structureOf(graph) };
  });

const drawn = (length: number, from: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(from + 1.7 * i));
const DATA = [...SHAPES.map((shape, i) => drawn(sizeOf(shape), i)), new Int32Array([7, 3])];

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
