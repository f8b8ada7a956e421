import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, optim, type Tensor } from '../src/index.js';

const numbers = async (tensor: Tensor): Promise<number[]> => [...(await tensor.data())];

describe.each(['reference', 'wasm', 'webgpu'] as const)('normalisation on %s', (kind) => {
  let device: Device;
  beforeAll(async () => {
    device = await open(kind, { seed: 5 });
  });
  afterAll(() => device.dispose());

  it('keeps running statistics in a compiled training step', async () => {
    const weight = device.tensor([1, 1]);
    weight.requiresGrad = true;
    const runningMean = device.tensor([0, 0]);
    const runningVariance = device.tensor([1, 1]);
    const optimizer = new optim.SGD([weight], { lr: 0.5 });
    let steps = 0;
    const step = device.compile((x: Tensor) => {
      const [y, mean, variance] = F.batchNorm(x, weight, null) as [Tensor, Tensor, Tensor];
      const hyper = device.feed([1], 'f32', () => Float32Array.of(1 / ++steps));
      const running = F.batchNormUpdate(runningMean, runningVariance, mean, variance, hyper, { count: 4 });
      device.update([
        [runningMean, running[0]!],
        [runningVariance, running[1]!],
      ]);
      optimizer.zeroGrad();
      const loss = y.square().sum();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const batches = [
      [0, 10, 2, 30, 4, 50, 6, 70],
      [1, 0, 1, 0, 5, 4, 5, 4],
      [-2, 8, -2, 0, 2, 0, 2, -8],
    ];
    for (const batch of batches) await step({ data: Float32Array.from(batch), shape: [4, 2], dtype: 'f32' });
    expect(step.programs()).toHaveLength(1);
    // Means [3, 40], [3, 2], [0, 0]; variances by n - 1: [20, 2000] / 3, [16, 16] / 3, [16, 128] / 3.
    const close = (actual: number[], expected: number[]) =>
      actual.forEach((value, i) => {
        expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6 * Math.max(...expected));
      });
    close(await numbers(runningMean), [2, 14]);
    close(await numbers(runningVariance), [52 / 9, 2144 / 9]);
    // Σ y² is weight² n (variance / (variance + eps)), so that each step changes weight by -0.5 · 2 · 4 weight: -3.
    const [w] = await numbers(weight);
    expect(w).toBeCloseTo((-3) ** 3, 3);
  });

  it('lets NaN and infinity reach the rows that they stand in, and no others', async () => {
    const rows = [
      [1, 2, Number.NaN, 4],
      [1, 2, 3, 4],
      [Number.POSITIVE_INFINITY, 2, 3, 4],
    ];
    const x = device.tensor(rows.flat(), [3, 4]);
    for (const y of [F.layerNorm(x, null, null), F.rmsNorm(x, null)]) {
      const values = await numbers(y);
      expect(values.slice(0, 4).every(Number.isNaN)).toBe(true);
      expect(values.slice(4, 8).every(Number.isFinite)).toBe(true);
    }
    const centred = (await numbers(F.layerNorm(x, null, null))).slice(8);
    expect(centred.every(Number.isNaN)).toBe(true);
    // ∞ / ∞ beside 2 / ∞
    const scaled = (await numbers(F.rmsNorm(x, null))).slice(8);
    expect(scaled).toEqual([Number.NaN, 0, 0, 0]);
  });

  it('gives 0 for the gradients of an empty batch', async () => {
    const weight = device.tensor([1, 2, 3]);
    weight.requiresGrad = true;
    const y = F.layerNorm(device.tensor([], [0, 3]), weight, null);
    expect(y.shape).toEqual([0, 3]);
    y.sum().backward();
    expect(await numbers(weight.grad!)).toEqual([0, 0, 0]);
  });
});
