import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createInput,
  type Device,
  functional as F,
  gradient,
  gradientOps,
  open,
  ops,
  optim,
  type Tensor,
} from '../src/index.js';

let device: Device;
const uniform = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return device.tensor(
    Float32Array.from({ length: size }, () => device.generator.uniform(-0.5, 0.5)),
    shape,
  );
};
const weightsOf = (gates: number, input: number, hidden: number, count = 1): Tensor[] =>
  Array.from({ length: count }, (_, k) => [
    uniform([gates * hidden, k === 0 ? input : hidden]),
    uniform([gates * hidden, hidden]),
    uniform([gates * hidden]),
    uniform([gates * hidden]),
  ]).flat();
const numbers = async (tensor: Tensor) => [...(await tensor.data())];

describe.each(['reference', 'wasm', 'webgpu'] as const)('recurrent layers on %s', (kind) => {
  beforeAll(async () => {
    device = await open(kind);
  });
  afterAll(() => device.dispose());

  it('start from zeros where no state is given', async () => {
    const [x, weights] = [uniform([3, 2, 4]), weightsOf(4, 4, 3)];
    const [y, h, c] = F.lstm(x, null, weights);
    expect([y.shape, h.shape, c.shape]).toEqual([
      [3, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    const zeros = [device.zeros([1, 2, 3]), device.zeros([1, 2, 3])] as const;
    const [same] = F.lstm(x, zeros, weights);
    expect(await numbers(same)).toEqual(await numbers(y));
  });

  it('equal their cells, step by step', async () => {
    const x = uniform([3, 2, 4]);
    const step = (t: number) => x.slice({ start: [t, 0, 0], end: [t + 1, 2, 4] }).reshape([2, 4]);
    const weights = weightsOf(3, 4, 5) as [Tensor, Tensor, Tensor, Tensor];
    const [, last] = F.gru(x, null, weights);
    let h = device.zeros([2, 5]);
    for (const t of [0, 1, 2]) h = F.gruCell(step(t), h, ...weights);
    const [whole, single] = [await numbers(last), await numbers(h)];
    whole.forEach((value, i) => {
      expect(value).toBeCloseTo(single[i]!, 5);
    });
  });

  it('treat a sequence of a batch as if it were alone', async () => {
    const [x, weights] = [uniform([4, 3, 2]), [...weightsOf(1, 2, 3), ...weightsOf(1, 2, 3)]];
    // Products of 12 rows and of 2 add their terms in another order.
    const expectEqual = async (some: Tensor, others: Tensor) => {
      const expected = await numbers(others);
      (await numbers(some)).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 6);
      });
    };
    const options = { bidirectional: true, nonlinearity: 'tanh' } as const;
    const lengths = device.tensor(Int32Array.of(4, 2, 3));
    const [y, h] = F.rnn(x, null, weights, { ...options, lengths });
    const alone = x.slice({ start: [0, 1, 0], end: [2, 2, 2] });
    const [yAlone, hAlone] = F.rnn(alone, null, weights, options);
    const part = y.slice({ start: [0, 1, 0], end: [2, 2, 6] });
    const after = y.slice({ start: [2, 1, 0], end: [4, 2, 6] });
    await expectEqual(part, yAlone);
    expect(await numbers(after)).toEqual(new Array(12).fill(0));
    const state = h.slice({ start: [0, 1, 0], end: [2, 2, 3] });
    await expectEqual(state, hAlone);
  });

  it('refuse a length outside the steps', async () => {
    for (const length of [0, 5, -1]) {
      const lengths = device.tensor(Int32Array.of(4, length));
      const [y] = F.lstm(uniform([4, 2, 2]), null, weightsOf(4, 2, 3), { lengths });
      await expect(y.data()).rejects.toThrow(
        `lstm: length ${length} of sequence 1 is outside 1..4, projected is [4,2,12]`,
      );
    }
  });

  it('draw another dropout at every call', async () => {
    const [x, weights] = [uniform([2, 2, 8]), weightsOf(4, 8, 8, 2)];
    const run = async () => numbers(F.lstm(x, null, weights, { layers: 2, dropout: 0.5 })[0]);
    expect(await run()).not.toEqual(await run());
  });

  it('take an empty batch', async () => {
    const [y, h] = F.gru(uniform([3, 0, 2]), null, weightsOf(3, 2, 4));
    expect([y.shape, h.shape]).toEqual([
      [3, 0, 4],
      [1, 0, 4],
    ]);
    expect(await numbers(y)).toEqual([]);
    const weight = uniform([12, 4]);
    weight.requiresGrad = true;
    const [input, , ...biases] = weightsOf(3, 2, 4) as [Tensor, Tensor, Tensor, Tensor];
    const [z] = F.gru(uniform([3, 0, 2]), null, [input, weight, ...biases]);
    F.sum(z).backward();
    expect(await numbers(weight.grad!)).toEqual(new Array(48).fill(0));
  });

  it('stay finite at the ends of their gates, and let NaN pass', async () => {
    const ends = [1000, -1000, 100, Number.NaN];
    const gates = device.tensor(
      ends.flatMap((end) => new Array<number>(4).fill(end)),
      [4, 4],
    );
    const c = device.tensor([0.5, 0.5, 0.5, 0.5], [4, 1]);
    const [h, next] = F.lstmGates(gates, c) as [Tensor, Tensor];
    const close = (actual: number[], wanted: number[]) =>
      actual.forEach((value, i) => {
        if (Number.isNaN(wanted[i])) expect(value).toBeNaN();
        else expect(value).toBeCloseTo(wanted[i]!, 6);
      });
    close(await numbers(next), [1.5, 0, 1.5, Number.NaN]);
    close(await numbers(h), [Math.tanh(1.5), 0, Math.tanh(1.5), Number.NaN]);
    const parts = device.tensor(
      ends.flatMap((end) => new Array<number>(3).fill(end)),
      [4, 3],
    );
    close(await numbers(F.gruGates(parts, parts, c)), [0.5, -1, 0.5, Number.NaN]);
  });

  it('train: the loss of a sum falls', async () => {
    const [x, weights] = [uniform([5, 4, 3]), weightsOf(4, 3, 6)];
    for (const weight of weights) weight.requiresGrad = true;
    const loss = () => F.mean(F.square(F.lstm(x, null, weights)[0].sub(0.3)));
    const optimizer = new optim.SGD(weights, { lr: 0.5 });
    const before = loss();
    before.backward();
    const [first] = await numbers(before);
    await optimizer.step();
    const [second] = await numbers(loss());
    expect(second).toBeLessThan(first!);
  });
});

it('what a layer keeps for its gradient passes none on', () => {
  const projected = createInput([2, 1, 12]);
  const [, , , gates] = ops.lstmSequence(
    projected,
    createInput([12, 3]),
    createInput([1, 3]),
    createInput([1, 3]),
    null,
    {},
  );
  expect(() => gradient(ops.sum(gates!), [projected], gradientOps)).toThrow(
    'lstmSequence: output 3 is kept for its gradient alone and passes none on',
  );
});
