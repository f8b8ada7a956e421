import fc from 'fast-check';
import type { Backend } from '../../src/backend/backend.js';
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
} from '../../src/index.js';
import { broadcastShapes, sameShape, sizeOf } from '../../src/shape.js';

/** The same device, which is given every launch by itself. */
export const unfused = (backend: Backend): Backend =>
  new Proxy(backend, {
    get(target, key) {
      if (key === 'fuses') return false;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** What a graph's inputs and outputs hold after two runs. */
export async function results(
  backend: Backend,
  graph: Graph,
  data: readonly TypedArray[],
): Promise<number[][]> {
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

export const graphs = fc
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

export const drawn = (length: number, from: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(from + 1.7 * i));
export const DATA = [...SHAPES.map((shape, i) => drawn(sizeOf(shape), i)), new Int32Array([7, 3])];
