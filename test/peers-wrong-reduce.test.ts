import { afterAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const device of devices) device.dispose();
});

/** Values of f and the gradient of their sum, on every device. */
async function expectBoth(
  f: (x: Tensor) => Tensor,
  rows: readonly (readonly number[])[],
  values: readonly number[],
  slopes: readonly number[],
  tolerance = 1e-6,
): Promise<void> {
  const run = async (device: Device) => {
    const x = device.tensor(rows.flat(), [rows.length, rows[0]!.length]);
    x.requiresGrad = true;
    const y = f(x);
    F.sum(y).backward();
    return [[...(await y.data())], [...(await x.grad!.data())]] as const;
  };
  for (const device of devices) {
    const [y, dx] = await run(device);
    const close = (found: readonly number[], wanted: readonly number[], relative: number) =>
      found.map((v, i) => (Math.abs(v - wanted[i]!) <= relative * Math.max(1, Math.abs(v)) ? wanted[i] : v));
    expect(close(y, values, 1e-6), device.info.backend).toEqual(values);
    expect(close(dx, slopes, tolerance), device.info.backend).toEqual(slopes);
  }
}

/** e^a / (e^a + e^b). */
const portion = (a: number, b: number): number => 1 / (1 + Math.exp(b - a));

describe('where other engines are wrong', () => {
  it('log-sum-exp of values whose powers overflow or vanish', async () => {
    const { log } = Math;
    await expectBoth(
      (x) => F.logSumExp(x, { axes: 1 }),
      [
        [1000, 1000],
        [-1000, -1000],
        [1000, -1000],
        [3e38, 0],
        [Number.NEGATIVE_INFINITY, 3],
        [88, 90],
      ],
      [1000 + log(2), -1000 + log(2), 1000, Math.fround(3e38), 3, 90 + log(1 + Math.exp(-2))],
      [0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0, 0, 1, portion(88, 90), portion(90, 88)],
      // e^(x - y) for a result y near 1000, which is rounded.
      1000 * 2 ** -23,
    );
  });

  it('log-sum-exp of a row of -Infinity is -Infinity, of one with Infinity it is Infinity', async () => {
    const rows = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1];
    for (const device of devices) {
      const y = F.logSumExp(device.tensor(rows, [2, 2]), { axes: 1 });
      expect([...(await y.data())]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    }
  });

  it('the gradient of a product with zeros among its factors', async () => {
    await expectBoth(
      (x) => F.prod(x, { axes: 1 }),
      [
        [2, 0, 5],
        [0, 0, 5],
        [2, 3, 5],
      ],
      [0, 0, 30],
      [0, 10, 0, 0, 0, 0, 15, 10, 6],
    );
  });

  it('the gradient of cumulative products with a zero', async () => {
    await expectBoth((x) => F.cumprod(x, { axis: 1 }), [[2, 0, 3]], [2, 0, 0], [1, 2 + 2 * 3, 0]);
  });

  it('the variance of numbers that are large beside their distances', async () => {
    await expectBoth(
      (x) => F.variance(x, { axes: 1 }),
      [[4096, 4097, 4098, 4099]],
      [5 / 3],
      [-1, -1 / 3, 1 / 3, 1],
    );
  });

  it('the standard deviation and the norm of equal elements and of zeros, whose gradient is 0', async () => {
    await expectBoth((x) => F.std(x, { axes: 1 }), [[0.1, 0.1, 0.1]], [0], [0, 0, 0]);
    await expectBoth((x) => F.norm(x, { axes: 1 }), [[0, 0, 0]], [0], [0, 0, 0]);
  });
});
