import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import {
  createGraph,
  createInput,
  FaultMessages,
  gradient,
  gradientOps,
  ops,
  Program,
  type Value,
} from '../src/index.js';
import { sizeOf } from '../src/shape.js';
import { checkDirections, generatorOf, sampleInputs } from '../src/verify/index.js';

const reference = openReference();
const scalar = (value: number) => ops.full({ shape: [], value });

/** What a graph without updates gives for these inputs, in f64. */
async function run(
  inputs: readonly Value[],
  outputs: readonly Value[],
  data: readonly (readonly number[])[],
) {
  const program = await Program.compile(createGraph({ inputs, outputs }), reference, new FaultMessages());
  const buffers = [...inputs, ...outputs].map(({ shape }) => reference.allocate(4 * sizeOf(shape), 'x'));
  data.forEach((values, i) => {
    reference.write(buffers[i]!, Float64Array.from(values), 'f32');
  });
  program.run(buffers);
  const results = outputs.map(({ shape }, i) =>
    reference.read(buffers[inputs.length + i]!, 'f32', sizeOf(shape)),
  );
  return (await Promise.all(results)).map((values) => [...values]);
}

/** Smooth steps from a matrix [2, 3] to another one; `other` is any earlier value of that shape. */
const steps: readonly ((value: Value, other: Value) => Value)[] = [
  (value) => ops.sin(value),
  (value) => ops.tanh(value),
  (value) => ops.sigmoid(value),
  (value) => ops.gelu(value),
  (value) => ops.softmax(value),
  (value) => ops.logSoftmax(value, { axis: 0 }),
  (value) => ops.exp(ops.mul(value, scalar(0.3))),
  (value) => ops.sqrt(ops.add(ops.square(value), scalar(1))),
  (value, other) => ops.add(value, other),
  (value, other) => ops.mul(value, other),
  (value, other) => ops.div(value, ops.add(ops.square(other), scalar(1))),
  (value) => ops.sub(value, ops.mean(value, { axes: 1, keepDims: true })),
  (value, other) => ops.matmul(ops.matmul(value, other, { transposeB: true }), value),
  (value) => ops.reshape(ops.permute(value, { axes: [1, 0] }), { shape: [2, 3] }),
  (value, other) => ops.slice(ops.concat([value, other], { axis: 1 }), { start: [0, 2], end: [2, 5] }),
  (value) => ops.broadcastTo(ops.sum(value, { axes: 0 }), { shape: [2, 3] }),
  (value) => ops.slice(ops.pad(value, { before: [1, 0], after: [0, 1] }), { start: [0, 1], end: [2, 4] }),
];

const matrix = (values: readonly number[]) => ({
  data: Float32Array.from(values),
  shape: [2, 3],
  dtype: 'f32' as const,
});

describe('gradient', () => {
  it('agrees with central differences for random compositions', async () => {
    const entry = fc.integer({ min: -16, max: 16 }).map((n) => n / 16);
    const choices = fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(20)), { minLength: 1, maxLength: 6 });
    const entries = fc.array(entry, { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(choices, entries, entries, async (chosen, x, y) => {
        const compose = (a: Value, b: Value) => {
          const values = [a, b];
          for (const [step, other] of chosen)
            values.push(steps[step]!(values.at(-1)!, values[other % values.length]!));
          return values.at(-1)!;
        };
        const generator = generatorOf('random compositions');
        const f = ([a, b]: readonly (Value | null)[]) => compose(a!, b!);
        for (const finding of await checkDirections(
          reference,
          f,
          [matrix(x), matrix(y)],
          [0, 1],
          generator,
        )) {
          expect(finding.problem).toBeNull();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('adds up what comes by several ways', async () => {
    const x = createInput([3]);
    const loss = ops.sum(ops.add(ops.mul(x, x), ops.add(x, x)));
    const [dx] = gradient(loss, [x], gradientOps);
    expect(await run([x], [dx!], [[1, 2, -3]])).toEqual([[4, 6, -4]]);
  });

  it('takes a seed for a loss of any shape', async () => {
    const x = createInput([2]);
    const seed = createInput([2]);
    const [dx] = gradient(ops.square(x), [x], gradientOps, seed);
    expect(
      await run(
        [x, seed],
        [dx!],
        [
          [3, 5],
          [1, 10],
        ],
      ),
    ).toEqual([[6, 100]]);
  });

  it('sums over what was broadcast', async () => {
    const row = createInput([3]);
    const column = createInput([2, 1]);
    const one = createInput([]);
    const loss = ops.sum(ops.add(ops.mul(row, column), one));
    const grads = gradient(loss, [row, column, one], gradientOps) as Value[];
    expect(grads.map(({ shape }) => shape)).toEqual([[3], [2, 1], []]);
    expect(await run([row, column, one], grads, [[1, 2, 3], [4, 5], [0]])).toEqual([[9, 9, 9], [6, 6], [6]]);
  });

  it('differentiates with respect to computed values, and the loss itself', async () => {
    const x = createInput([2]);
    const hidden = ops.square(x);
    const loss = ops.sum(ops.square(hidden));
    const grads = gradient(loss, [hidden, x, loss], gradientOps) as Value[];
    // A value that is asked for is taken as given: nothing passes through `hidden` to x.
    expect(grads[1]).toBeNull();
    const [dHidden, dLoss] = await run([x], [grads[0]!, grads[2]!], [[3, 2]]);
    expect([dHidden, dLoss]).toEqual([[18, 8], [1]]);
  });

  it('gives null for what the loss does not depend on, or only through detach or whole numbers', () => {
    const [x, y] = [createInput([3]), createInput([3])];
    const labels = createInput([3], 'i32');
    const loss = ops.sum(ops.mul(x, ops.detach(y)));
    expect(gradient(loss, [y, labels], gradientOps)).toEqual([null, null]);
    const counted = ops.sum(ops.cast(ops.greater(x, y), { dtype: 'f32' }));
    expect(gradient(counted, [x, y], gradientOps)).toEqual([null, null]);
  });

  it('passes operands without a gradient that are made by detach or of whole numbers', async () => {
    const x = createInput([2]);
    const signs = ops.sub(
      ops.mul(ops.cast(ops.greater(x, scalar(0)), { dtype: 'f32' }), scalar(2)),
      scalar(1),
    );
    const grads = [signs, ops.detach(ops.sign(x))].map((target) => {
      const loss = ops.softMarginLoss(x, target, { reduction: 'sum' });
      return gradient(loss, [x], gradientOps)[0]!;
    });
    // -t / (1 + e^(t x)) with t the sign of x.
    const wanted = [-1 / (1 + Math.exp(2)), 1 / (1 + Math.exp(3))];
    for (const found of await run([x], grads, [[2, -3]]))
      found.forEach((value, i) => void expect(value).toBeCloseTo(wanted[i]!, 12));
  });

  it('gives gradients of gradients', async () => {
    const x = createInput([]);
    const [first] = gradient(ops.mul(ops.square(x), x), [x], gradientOps);
    const [second] = gradient(first!, [x], gradientOps);
    const [third] = gradient(second!, [x], gradientOps);
    expect(await run([x], [first!, second!, third!], [[2]])).toEqual([[12], [12], [6]]);
  });

  it('splits the gradient of ties as PyTorch does', async () => {
    const x = createInput([4]);
    const [dMax] = gradient(ops.max(x), [x], gradientOps);
    const [dBoth] = gradient(ops.sum(ops.maximum(x, scalar(2))), [x], gradientOps);
    const results = await run([x], [dMax!, dBoth!], [[2, 5, 5, 1]]);
    expect(results).toEqual([
      [0, 0.5, 0.5, 0],
      [0.5, 1, 1, 0],
    ]);
  });
});

describe('errors of gradient', () => {
  it('wants a scalar loss, or a seed of its shape', () => {
    const x = createInput([2, 3]);
    expect(() => gradient(ops.square(x), [x], gradientOps)).toThrow(
      'gradient: the loss must be a scalar, it is [2,3]',
    );
    expect(() => gradient(ops.square(x), [x], gradientOps, createInput([3]))).toThrow(
      'gradient: the seed must be [2,3], it is [3]',
    );
  });

  it('names the op that has no gradient', () => {
    const [param, grad, hyper] = [createInput([3]), createInput([3]), createInput([5])];
    const loss = ops.sum(ops.sgdUpdate([hyper, null, param, grad])[0]!);
    expect(() => gradient(loss, [grad], gradientOps)).toThrow(
      "sgdUpdate: has no gradient with respect to 'inputs'; detach() what needs none",
    );
    expect(gradient(ops.sum(ops.add(param, param)), [grad], gradientOps)).toEqual([null]);
  });
});

describe('createGraph refuses', () => {
  it('two updates of one input, and an update that does not fit', () => {
    const [x, y] = [createInput([3], 'f32', 'weights'), createInput([2])];
    const twice = [
      { target: x, value: ops.neg(x) },
      { target: x, value: ops.exp(x) },
    ];
    expect(() => createGraph({ inputs: [x], updates: twice })).toThrow(
      'createGraph: two updates have the target weights f32[3]',
    );
    expect(() => createGraph({ inputs: [x, y], updates: [{ target: x, value: y }] })).toThrow(
      'createGraph: an update puts a value f32[2] into weights f32[3]',
    );
  });
});

describe('samples', () => {
  it('keep a whole number whole and a bool a bool', () => {
    const { op } = ops.where;
    const [condition] = sampleInputs(op, 0);
    expect(condition!.dtype).toBe('bool');
    expect(condition!.data).toBeInstanceOf(Uint8Array);
  });
});
