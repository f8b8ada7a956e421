import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const names = ['reference', 'wasm', 'webgpu'] as const;
const devices = new Map<string, Device>();
beforeAll(async () => {
  for (const name of names) devices.set(name, await open(name));
});
afterAll(() => {
  for (const device of devices.values()) device.dispose();
});

const OUT = Number.NEGATIVE_INFINITY;
const WHOLE = [OUT, OUT, OUT];

const list = async (tensor: Tensor) => [...(await tensor.data())];

/** Numbers as PyTorch has them: NaN, infinities and zeros exactly, others to f32. */
async function expectNear(tensor: Tensor, wanted: readonly number[]) {
  const values = await list(tensor);
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, i) => {
    if (Number.isFinite(wanted[i]!) && wanted[i] !== 0) expect(value).toBeCloseTo(wanted[i]!, 5);
    else expect(Math.abs(value) === 0 ? 0 : value, `element ${i}`).toBe(wanted[i]);
  });
}

describe.each(names)('losses at special values, on %s', (name) => {
  const device = () => devices.get(name)!;
  const rows = (...values: readonly number[][]) =>
    device().tensor(Float32Array.from(values.flat()), [values.length, values[0]!.length]);

  it('crossEntropy of classes of -Infinity is finite for the others, Infinity for those', async () => {
    const x = rows([0, 1, OUT], [0, 1, OUT], WHOLE);
    const losses = F.crossEntropy(x, device().tensor(Int32Array.of(1, 2, 0)), null, { reduction: 'none' });
    await expectNear(losses, [Math.log1p(Math.exp(-1)), Number.POSITIVE_INFINITY, Number.NaN]);
  });

  it('gradients of hinges are 0 exactly at the margin, as clamp has it', async () => {
    const at = (...values: readonly number[]) => device().tensor(Float32Array.from(values), [values.length]);
    const [x, y] = [at(1, 2, 3), at(1, 1, 4)];
    x.requiresGrad = true;
    y.requiresGrad = true;
    F.marginRankingLoss(x, y, at(1, 1, 1), { margin: 0, reduction: 'sum' }).backward();
    await expectNear(x.grad!, [0, 0, -1]);
    await expectNear(y.grad!, [0, 0, 1]);
    const z = at(1, 2, 0.5);
    z.requiresGrad = true;
    F.hingeEmbeddingLoss(z, at(-1, -1, -1), { margin: 1, reduction: 'sum' }).backward();
    await expectNear(z.grad!, [0, 0, -1]);
  });

  it('nllLoss of -Infinity at another label is finite', async () => {
    const x = rows([-1, OUT], [OUT, -3]);
    await expectNear(F.nllLoss(x, device().tensor(Int32Array.of(0, 1))), [2]);
  });

  it('crossEntropy of ignored labels alone is NaN as a mean, 0 as a sum', async () => {
    const x = rows([0, 1, 2]);
    const y = device().tensor(Int32Array.of(-100));
    await expectNear(F.crossEntropy(x, y), [Number.NaN]);
    await expectNear(F.crossEntropy(x, y, null, { reduction: 'sum' }), [0]);
  });

  // As in PyTorch, which divides the smoothed part by the same weights.
  it.each([
    [3, 4],
    [300, 4],
    [3, 70],
  ])(
    'crossEntropy of %i labels of %i classes that weigh nothing is NaN as a mean, smoothed or not',
    async (rows, classes) => {
      const x = device().tensor(
        Float32Array.from({ length: rows * classes }, (_, i) => i % 7),
        [rows, classes],
      );
      x.requiresGrad = true;
      const labels = new Int32Array(rows).fill(0, 1).fill(-100, 0, 1);
      for (const others of [0, 1]) {
        const weight = device().tensor(new Float32Array(classes).fill(others).fill(0, 0, 1));
        for (const labelSmoothing of [0, 0.1]) {
          const loss = F.crossEntropy(x, device().tensor(labels), weight, { labelSmoothing });
          loss.backward();
          expect(await loss.item()).toBeNaN();
          const slopes = [...(await x.grad!.data())];
          expect(slopes.slice(0, classes)).toEqual(new Array(classes).fill(0));
          expect(slopes.slice(classes).every(Number.isNaN)).toBe(true);
          x.grad = null;
        }
      }
    },
  );

  it('losses of nothing are NaN as a mean, 0 as a sum', async () => {
    const x = device().tensor(new Float32Array(0), [0, 3]);
    const y = device().tensor(new Int32Array(0), [0]);
    await expectNear(F.mseLoss(x, x), [Number.NaN]);
    await expectNear(F.mseLoss(x, x, { reduction: 'sum' }), [0]);
    await expectNear(F.crossEntropy(x, y), [Number.NaN]);
    await expectNear(F.crossEntropy(x, y, null, { reduction: 'sum' }), [0]);
    expect(await list(F.l1Loss(x, x, { reduction: 'none' }))).toEqual([]);
  });

  it('bceWithLogits does not overflow at logits of ±1000', async () => {
    const x = device().tensor(Float32Array.of(1000, -1000, 1000, -1000));
    const y = device().tensor(Float32Array.of(0, 1, 1, 0));
    await expectNear(F.bceWithLogits(x, y, null, null, { reduction: 'none' }), [1000, 1000, 0, 0]);
  });

  it('binaryCrossEntropy at probabilities 0 and 1 counts logarithms as -100', async () => {
    const x = device().tensor(Float32Array.of(0, 1, 0, 1));
    const y = device().tensor(Float32Array.of(1, 0, 0, 1));
    await expectNear(F.binaryCrossEntropy(x, y, null, { reduction: 'none' }), [100, 100, 0, 0]);
  });
});
