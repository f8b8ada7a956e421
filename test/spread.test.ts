import { afterAll, describe, expect, it } from 'vitest';
import { functional as F, open, type Tensor } from '../src/index.js';
import { gradcheck } from '../src/verify/index.js';

const reference = await open('reference');
const kernels = [await open('wasm'), await open('webgpu')];
afterAll(() => {
  for (const device of [reference, ...kernels]) device.dispose();
});

const SHAPE = [7, 19];
const labels = reference.tensor({
  data: Int32Array.from({ length: 7 }, (_, i) => (5 * i) % 19),
  shape: [7],
  dtype: 'i32',
});
const shares = reference.full(SHAPE, 1 / 19);
const signs = reference.tensor({
  data: Float32Array.from({ length: 133 }, (_, i) => 1 - 2 * (i % 2)),
  shape: SHAPE,
  dtype: 'f32',
});

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  softmax: (x) => F.softmax(x, { axis: 1 }),
  logSoftmax: (x) => F.logSoftmax(x, { axis: 0 }),
  logSumExp: (x) => F.logSumExp(x, { axes: 1 }),
  logCumSumExp: (x) => F.logCumSumExp(x, { axis: 1 }),
  'crossEntropy of labels': (x) => F.crossEntropy(x, labels),
  'crossEntropy of smoothed labels': (x) => F.crossEntropy(x, labels, null, { labelSmoothing: 0.1 }),
  'crossEntropy of shares': (x) => F.crossEntropy(x, shares, null, { reduction: 'sum' }),
  bceWithLogits: (x) => F.bceWithLogits(x, shares),
  softMarginLoss: (x) => F.softMarginLoss(x, signs),
  'norm, p = 3': (x) => F.norm(x, { p: 3, axes: 1 }),
  'norm, p = 1.1': (x) => F.norm(x, { p: 1.1, axes: 1 }),
  'norm, p = 0.5': (x) => F.norm(x, { p: 0.5, axes: 1 }),
  pow: (x) => F.pow(F.abs(x), shares),
  'pow, large': (x) => F.pow(F.abs(x), reference.full([], 7.3)),
  tripletMarginLoss: (x) => F.tripletMarginLoss(x, shares, signs, { p: 3 }),
};

describe.each([1, 10, 80])("kernels keep to their bounds on a user's data of spread %d", (spread) => {
  it.each(Object.keys(functions))('%s', async (name) => {
    const inputs = [{ shape: SHAPE, domain: [-spread, spread] as [number, number] }];
    const { results } = await gradcheck(functions[name]!, inputs, { kernels, device: reference });
    const calls = results.filter(({ check }) => check === 'kernel');
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter(({ ok }) => !ok).map(({ problem }) => problem)).toEqual([]);
  });
});
