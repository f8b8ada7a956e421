import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import {
  apply,
  createGraph,
  createInput,
  FaultMessages,
  type Op,
  ops,
  Program,
  registry,
  type Value,
} from '../src/index.js';
import type { RefTensor } from '../src/op.js';
import { openBinaries } from './support/devices.js';

const devices = [...(await openBinaries()), { name: 'webgpu', backend: await openWebGPU() }];
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

/** e^±1000 is infinite or 0 in f64 too: no subnormal number arises, which WGSL may take for 0. */
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1.5, -2, 1000, -1000];

/** Ops that make one element of one element, or of two: those whose output has the shape of their f32 inputs. */
const elementwise = [...registry.values()].filter((op) => {
  const [{ inputs, options }] = op.samples as [(typeof op.samples)[number]];
  const plain =
    inputs.every((input) => input && (input.dtype ?? 'f32') === 'f32') && !op.variadic && !op.view;
  if (!plain || op.overwrites(inputs as never).length > 0 || inputs.length === 0 || inputs.length > 2)
    return false;
  try {
    const [output] = apply(
      op,
      inputs.map(() => createInput([81])),
      options,
    );
    return output!.shape.length === 1 && output!.shape[0] === 81 && !/softmax/i.test(op.name);
  } catch {
    return false;
  }
});

/** All pairs of special values, as one vector per input. */
function specialInputs(count: number): number[][] {
  const first = SPECIAL.flatMap((value) => SPECIAL.map(() => value));
  const second = SPECIAL.flatMap(() => SPECIAL);
  return count === 1 ? [second] : [first, second];
}

/** NaN of arithmetic on x86, and as CUDA writes it. */
const NAN_BITS = [0x7fc00000, 0x7fffffff];

/** Numbers as f32, NaN with these bits. */
function withNaN(values: readonly number[], bits: number): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) words[i] = bits;
  });
  return new Float32Array(words.buffer);
}

async function run(op: Op, backend: Backend, nan = NAN_BITS[0]!) {
  const data = specialInputs(op.inputs.length);
  const inputs = data.map(() => createInput([81]));
  const [output] = apply(op, inputs, op.samples[0]!.options) as [ReturnType<typeof createInput>];
  const program = await Program.compile(
    createGraph({ inputs, outputs: [output] }),
    backend,
    new FaultMessages(),
  );
  const buffers = [...inputs, output].map(() => backend.allocate(4 * 81, 'x'));
  data.forEach((values, i) => {
    backend.write(buffers[i]!, withNaN(values, nan), 'f32');
  });
  program.run(buffers);
  const actual = await backend.read(buffers.at(-1)!, output.dtype, 81);
  program.dispose();
  const given = data.map(
    (values): RefTensor => ({ shape: [81], dtype: 'f32', data: Float64Array.from(values) }),
  );
  const [expected] = op.reference(given, op.attributes(inputs, op.samples[0]!.options), [output]);
  return { data, actual, expected: expected! };
}

/** NaN and infinity must come out as such; finite numbers only roughly, for their accuracy is checked elsewhere. */
function alike(actual: number, expected: number): boolean {
  const rounded = Math.fround(expected);
  if (!Number.isFinite(rounded)) return Object.is(actual, rounded);
  return Math.abs(actual - rounded) <= 1e-5 * Math.abs(rounded) + 1e-6;
}

describe.each(devices)('NaN, infinities and zeros on $name', ({ backend }) => {
  it.each(elementwise)('$name', async (op) => {
    for (const nan of NAN_BITS) {
      const { data, actual, expected } = await run(op, backend, nan);
      const wrong = [...expected].flatMap((value, i) =>
        alike(actual[i]!, value)
          ? []
          : [`f(${data.map((values) => values[i])}) is ${actual[i]}, expected ${value}`],
      );
      expect(wrong).toEqual([]);
    }
  });
});

/** The sign of f(-0) as PyTorch 2 has it on a CPU, for the first options of each op's samples. */
const SIGNS_OF_ZERO: readonly (readonly [string, number])[] = [
  ...['abs', 'neg', 'sign', 'square'].map((name) => [name, 0] as const),
  ...['ceil', 'floor', 'round', 'trunc', 'sqrt', 'clamp'].map((name) => [name, -0] as const),
  ...['expm1', 'log1p', 'erf', 'sin', 'tan'].map((name) => [name, -0] as const),
  ...['relu', 'relu6', 'leakyRelu', 'elu', 'celu', 'selu'].map((name) => [name, -0] as const),
  ...['silu', 'mish', 'softsign', 'hardswish', 'hardtanh'].map((name) => [name, -0] as const),
];

/** WGSL lets a device take either zero for the other. Of tanh and gelu wasm gives 0: its sign would cost them 3 to 8 %. */
describe.each(devices.slice(0, -1))('-0 on $name and as reference', ({ backend }) => {
  it.each(SIGNS_OF_ZERO)('of %s gives %d', async (name, zero) => {
    const { actual, expected } = await run(registry.get(name)!, backend);
    const at = SPECIAL.findIndex((value) => Object.is(value, -0));
    expect([actual[at], expected[at]]).toEqual([zero, zero]);
  });
});

it('covers the elementwise ops', () => {
  const names = elementwise.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['relu', 'exp', 'log', 'add', 'maximum', 'equal', 'tanhBackward']),
  );
});

describe.each(devices)('a row with NaN on $name', ({ backend }) => {
  const rows: Record<string, (x: Value) => Value> = {
    softmax: (x) => ops.softmax(x, { axis: 1 }),
    logSoftmax: (x) => ops.logSoftmax(x, { axis: 1 }),
    maskedSoftmax: (x) => ops.maskedSoftmax(x),
    logSumExp: (x) => ops.logSumExp(x, { axes: 1 }),
    crossEntropy: (x) =>
      ops.crossEntropy(x, ops.full({ shape: [2], value: 3, dtype: 'i32' }), null, { reduction: 'none' }),
  };
  it.each(Object.entries(rows))('%s is NaN, the other one is not', async (_, record) => {
    for (const length of [5, 33, 40, 70]) {
      for (const nan of NAN_BITS) {
        const x = createInput([2, length]);
        const output = record(x);
        const program = await Program.compile(
          createGraph({ inputs: [x], outputs: [output] }),
          backend,
          new FaultMessages(),
        );
        const size = output.shape.reduce((a, b) => a * b, 1);
        const buffers = [backend.allocate(8 * length, 'x'), backend.allocate(4 * size, 'y')];
        const values = Array.from({ length: 2 * length }, (_, i) => (i === 2 ? Number.NaN : i / 10));
        backend.write(buffers[0]!, withNaN(values, nan), 'f32');
        program.run(buffers);
        const y = [...(await backend.read(buffers[1]!, 'f32', size))];
        program.dispose();
        expect(y.map(Number.isNaN)).toEqual(y.map((_, i) => 2 * i < size));
      }
    }
  });
});

describe.each(devices)('maskedSoftmax on $name', ({ backend }) => {
  it.each([
    [[Number.NaN], [true], [Number.NaN]],
    [
      [Number.NaN, Number.NaN, 1, 1, 1],
      [true, true, false, false, false],
      [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
    ],
    [
      [Number.NEGATIVE_INFINITY, 1],
      [true, false],
      [0, 0],
    ],
  ])('of %j, seen %j', async (scores, seen, expected) => {
    const shape = [1, scores.length];
    const inputs = [createInput(shape, 'f32'), createInput(shape, 'bool')] as const;
    const output = ops.maskedSoftmax(...inputs);
    const graph = createGraph({ inputs, outputs: [output] });
    const program = await Program.compile(graph, backend, new FaultMessages());
    const buffers = [...inputs, output].map(() => backend.allocate(4 * scores.length, 'x'));
    backend.write(buffers[0]!, Float32Array.from(scores), 'f32');
    backend.write(buffers[1]!, Uint8Array.from(seen.map(Number)), 'bool');
    program.run(buffers);
    const y = await backend.read(buffers[2]!, 'f32', scores.length);
    program.dispose();
    expect([...y]).toEqual(expected);
  });
});
