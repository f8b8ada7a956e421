import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

/** Rows of 130 elements: two full rounds of a GPU's workgroup, and two elements. */
const LENGTH = 130;
const NONE = { axis: 0 } as const;

describe.each(['wasm', 'webgpu'] as const)('scans on %s', (kind) => {
  let device: Device;
  beforeEach(async () => {
    device = await open(kind);
  });
  afterEach(() => device.dispose());

  const row = (f: (i: number) => number) =>
    device.tensor({
      data: Float32Array.from({ length: LENGTH }, (_, i) => f(i)),
      shape: [LENGTH],
      dtype: 'f32',
    });
  const values = async (tensor: Tensor) => [...(await tensor.data())];
  const list = (f: (i: number) => number) => Array.from({ length: LENGTH }, (_, i) => f(i));

  it('keep a product 0 whose other factors would overflow', async () => {
    const y = await values(
      F.cumprod(
        row((i) => (i === 0 ? 0 : 1e30)),
        NONE,
      ),
    );
    expect(y).toEqual(list(() => 0));
  });

  it('keep a state 0 whose factors would overflow', async () => {
    for (const mode of ['inclusive', 'exclusive', 'shifted'] as const) {
      const y = F.linearScan(
        row(() => 1e30),
        row(() => 0),
        { axis: 0, mode },
      );
      expect(await values(y)).toEqual(list(() => 0));
    }
  });

  it('multiply nothing that the order of the row does not', async () => {
    const factor = (i: number) => (i < 2 ? 2 ** 120 / 2 ** (i * 119) : i % 4 < 2 ? 2 ** -60 : 2 ** 60);
    const y = await values(F.cumprod(row(factor), NONE));
    let held = 1;
    expect(y).toEqual(
      list((i) => {
        held = Math.fround(held * factor(i));
        return held;
      }),
    );
  });

  it('pass NaN and infinities on from where they stand', async () => {
    const at = (k: number, value: number) => row((i) => (i === k ? value : i === 100 ? 0 : 1));
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const y = await values(F.cumprod(at(70, value), NONE));
      expect(y).toEqual(list((i) => (i < 70 ? 1 : i < 100 ? value : Number.NaN)));
      const z = await values(
        F.linearScan(
          at(70, value),
          row(() => 1),
          NONE,
        ),
      );
      expect(z.slice(0, 70)).toEqual(list((i) => i + 1).slice(0, 70));
      expect(z.slice(70, 100)).toEqual(list(() => value).slice(70, 100));
      expect(z.slice(100)).toEqual(list(() => Number.NaN).slice(100));
    }
  });
});
