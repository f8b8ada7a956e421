import { afterAll, describe, expect, it } from 'vitest';
import { absorb } from '../src/absorb.js';
import {
  createGraph,
  createInput,
  type Device,
  functional as F,
  nn,
  nodesOf,
  open,
  ops,
  type Tensor,
  type Value,
} from '../src/index.js';

const namesOf = (outputs: readonly Value[]): string[] => nodesOf(outputs).map(({ op }) => op.name);
const absorbed = (inputs: readonly Value[], outputs: readonly Value[]) =>
  absorb(createGraph({ inputs, outputs })).outputs;

describe('a product', () => {
  const [x, w, b] = [createInput([7, 5]), createInput([5, 11]), createInput([11])];

  it('takes in the bias and the activation behind it', () => {
    for (const activation of ['relu', 'tanh', 'sigmoid'] as const) {
      const [y] = absorbed([x, w, b], [ops[activation](ops.add(ops.matmul(x, w), b))]);
      expect(namesOf([y!])).toEqual(['linear']);
      expect(y!.node!.inputs).toEqual([x, w, b]);
      expect(y!.node!.attrs).toEqual({ activation, transposeWeight: false });
    }
  });

  it('takes in a bias on either side, of one row, and of a transposed factor', () => {
    const row = createInput([1, 11]);
    const turned = createInput([11, 5]);
    expect(namesOf(absorbed([x, w, b], [ops.add(b, ops.matmul(x, w))]))).toEqual(['linear']);
    expect(namesOf(absorbed([x, w, row], [ops.add(ops.matmul(x, w), row)]))).toEqual(['reshape', 'linear']);
    const product = ops.matmul(x, turned, { transposeB: true });
    expect(absorbed([x, turned, b], [ops.add(product, b)])[0]!.node!.attrs).toMatchObject({
      transposeWeight: true,
    });
  });

  it('stays alone where its result is read twice or handed out, or what is added is no bias', () => {
    const y = ops.matmul(x, w);
    const column = createInput([7, 1]);
    const whole = createInput([7, 11]);
    expect(namesOf(absorbed([x, w, b], [ops.add(y, b), y]))).toEqual(['matmul', 'add']);
    expect(namesOf(absorbed([x, w], [ops.add(y, y)]))).toEqual(['matmul', 'add']);
    expect(namesOf(absorbed([x, w, column], [ops.add(y, column)]))).toEqual(['matmul', 'add']);
    expect(namesOf(absorbed([x, w, whole], [ops.add(y, whole)]))).toEqual(['matmul', 'add']);
    expect(namesOf(absorbed([x, w], [ops.relu(y)]))).toEqual(['matmul', 'relu']);
    const [thin, wide] = [createInput([5, 1]), createInput([4])];
    expect(namesOf(absorbed([x, thin, wide], [ops.add(ops.matmul(x, thin), wide)]))).toEqual([
      'matmul',
      'add',
    ]);
  });

  it('of patches takes in a bias of its channels', () => {
    const [image, filters, bias] = [
      createInput([2, 3, 5, 7]),
      createInput([4, 3, 3, 3]),
      createInput([4, 1, 1]),
    ];
    const [y] = absorbed([image, filters, bias], [ops.add(ops.conv2d(image, filters), bias)]);
    expect(namesOf([y!])).toEqual(['reshape', 'conv2d']);
    const row = createInput([5]);
    expect(namesOf(absorbed([image, filters, row], [ops.add(ops.conv2d(image, filters), row)]))).toEqual([
      'conv2d',
      'add',
    ]);
  });

  it('keeps its graph where there is nothing to take in', () => {
    const graph = createGraph({ inputs: [x, w], outputs: [ops.matmul(ops.relu(x), w)] });
    expect(absorb(graph)).toBe(graph);
  });
});

const devices = await Promise.all([open('reference'), open('wasm', { threads: 1 }), open('webgpu')]);
afterAll(() => {
  for (const device of devices) device.dispose();
});

const CASES: Readonly<Record<string, (x: Tensor, w: Tensor, b: Tensor) => Tensor>> = {
  'matmul, add, tanh': (x, w, b) => x.matmul(w).add(b).tanh(),
  'linear, relu': (x, w, b) => F.linear(x, w.permute([1, 0]), b).relu(),
  'conv2d, add, tanh': (x, w, b) =>
    F.conv2d(x.reshape([2, 9, 3, 11]), w.reshape([-1]).narrow(0, 0, 459).reshape([17, 9, 1, 3]))
      .add(b.reshape([17, 1, 1]))
      .tanh(),
  'conv2d, add, relu': (x, w, b) =>
    F.conv2d(x.reshape([2, 9, 3, 11]), w.reshape([-1]).narrow(0, 0, 459).reshape([17, 9, 1, 3]))
      .add(b.reshape([17, 1, 1]))
      .relu(),
  'linear, add, sigmoid': (x, w, b) =>
    F.linear(x, w.permute([1, 0]))
      .add(b)
      .sigmoid(),
};
const SHAPES = [[2, 9, 33], [33, 17], [17]];

/** The result of a layer and the gradients of all that it reads. */
async function layer(device: Device, forward: (x: Tensor, w: Tensor, b: Tensor) => Tensor) {
  const given = SHAPES.map((shape, i) => {
    const length = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length }, (_, k) => Math.sin(3 * k + i) / 4);
    const tensor = device.tensor(data, shape);
    tensor.requiresGrad = true;
    return tensor;
  });
  const y = forward(...(given as [Tensor, Tensor, Tensor]));
  F.sum(F.mul(y, y)).backward();
  return Promise.all([y, ...given.map(({ grad }) => grad!)].map(async (t) => [...(await t.data())]));
}

describe.each(Object.keys(CASES))('%s', (name) => {
  it('gives value and gradients of the reference', async () => {
    const [reference, ...others] = devices;
    const expected = await layer(reference!, CASES[name]!);
    for (const device of others) {
      const found = await layer(device, CASES[name]!);
      found.forEach((values, i) => {
        values.forEach((value, k) => {
          expect(Math.abs(value - expected[i]![k]!)).toBeLessThan(3e-5);
        });
      });
    }
  });
});

it('makes a part of what is the same everywhere by itself, where nobody reads the whole', () => {
  const zeros = ops.full({ shape: [2, 3, 5], value: 0 });
  const part = (k: number) => ops.slice(zeros, { start: [k, 0, 0], end: [k + 1, 3, 5] });
  const x = createInput([1, 3, 5]);
  const parts = [0, 1].map((k) => ops.reshape(part(k), { shape: [3, 5] }));
  for (const y of absorbed([], parts)) {
    expect(namesOf([y])).toEqual(['full', 'reshape']);
    expect(y.node!.inputs[0]!.shape).toEqual([1, 3, 5]);
  }
  const [y] = absorbed([x], [ops.add(ops.sum(zeros), ops.mul(x, part(0)))]);
  expect(namesOf([y!])).toContain('slice');
});

it('makes one kernel of a layer and its activation, in the forward pass of a training step too', async () => {
  const [, device] = devices;
  const model = new nn.Sequential(new nn.Linear(33, 17), new nn.ReLU(), new nn.Linear(17, 5)).to(device!);
  const step = device!.compile((x: Tensor) => {
    const loss = F.sum(F.square(model.forward(x)));
    loss.backward();
    return [loss, ...model.parameters().map(({ grad }) => grad!)];
  });
  const { program } = await step.prepare({ shape: [9, 33], dtype: 'f32' });
  const kernels = program.schedule.map(({ op }) => op);
  expect(kernels.filter((op) => op === 'linear')).toHaveLength(2);
  expect(kernels.filter((op) => op.includes('relu'))).toEqual(['reluBackward']);
});
