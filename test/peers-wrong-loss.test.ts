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
const PARTLY = [OUT, 1, OUT];

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

describe('where other engines are wrong', () => {
  describe.each(names)('on %s', (name) => {
    const device = () => devices.get(name)!;
    const rows = (...values: readonly number[][]) =>
      device().tensor(Float32Array.from(values.flat()), [values.length, values[0]!.length]);
    const [p, q] = [1 / (1 + Math.E), Math.E / (1 + Math.E)];

    it('softmax of a row of -Infinity is NaN, and leaves the other rows alone', async () => {
      const x = rows(WHOLE, [0, 1, OUT], PARTLY);
      await expectNear(F.softmax(x), [Number.NaN, Number.NaN, Number.NaN, p, q, 0, 0, 1, 0]);
    });

    it('softmax along the first axis of a column of -Infinity is NaN', async () => {
      const x = rows([OUT, 0], [OUT, 1], [OUT, OUT]);
      const wanted = [Number.NaN, p, Number.NaN, q, Number.NaN, 0];
      await expectNear(F.softmax(x, { axis: 0 }), wanted);
    });

    it('logSoftmax of a row of -Infinity is NaN; -Infinity in part stays -Infinity', async () => {
      const x = rows(WHOLE, [0, 1, OUT], PARTLY);
      const wanted = [Number.NaN, Number.NaN, Number.NaN, Math.log(p), Math.log(q), OUT, OUT, 0, OUT];
      await expectNear(F.logSoftmax(x), wanted);
    });

    it('rows of -Infinity longer than a vector or a workgroup are NaN throughout', async () => {
      for (const size of [4, 7, 67, 130]) {
        const x = device().tensor(new Float32Array(2 * size).fill(OUT).fill(0, size), [2, size]);
        const even = Array<number>(size).fill(1 / size);
        const none = Array<number>(size).fill(Number.NaN);
        await expectNear(F.softmax(x), [...none, ...even]);
        await expectNear(F.logSoftmax(x), [...none, ...even.map(Math.log)]);
      }
    });

    it('the gradients of softmax and logSoftmax of rows of -Infinity in part are finite', async () => {
      const x = rows([0, 1, OUT], PARTLY);
      x.requiresGrad = true;
      const seed = rows([1, 2, 3], [4, 5, 6]);
      F.softmax(x).backward(seed);
      await expectNear(x.grad!, [-p * q, p * q, 0, 0, 0, 0]);
      x.grad = null;
      F.logSoftmax(x).backward(seed);
      await expectNear(x.grad!, [1 - 6 * p, 2 - 6 * q, 3, 4, -10, 6]);
    });
  });
});
