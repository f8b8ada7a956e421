import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const devices: Device[] = [];
beforeAll(async () => {
  for (const name of ['reference', 'wasm', 'webgpu'] as const) devices.push(await open(name));
});
afterAll(() => {
  for (const device of devices) device.dispose();
});

const grid = (rows: number, columns: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => ((i * 37) % 23) - 11);

/** The gradient with respect to x of Σ seed · y, on each device. */
async function gradients(shape: readonly number[], f: (x: Tensor) => Tensor, seed: Float32Array) {
  const found: number[][] = [];
  for (const device of devices) {
    const x = device.tensor(grid(shape[0]!, shape[1]!), shape);
    x.requiresGrad = true;
    const y = f(x);
    y.backward(device.tensor(seed, y.shape));
    found.push([...(await x.grad!.data())]);
  }
  return found;
}

describe('where other engines are wrong', () => {
  it('reflect padding passes the gradient of its border back to what it mirrors', async () => {
    // [a b c] padded by 2 and 1 is [c b a b c b]: a is read once, b three times, c twice.
    const seed = Float32Array.of(1, 2, 4, 8, 16, 32);
    const pad = (x: Tensor) => F.pad(x, { before: [0, 2], after: [0, 1], mode: 'reflect' });
    for (const grad of await gradients([1, 3], pad, seed)) expect(grad).toEqual([4, 2 + 8 + 32, 1 + 16]);
  });

  it('reflect padding of two axes sums what corners mirror', async () => {
    const [rows, columns, amount] = [4, 3, 2];
    const outer = columns + 2 * amount;
    const seed = grid(rows + 2 * amount, outer);
    const mirrored = (position: number, size: number) => {
      const inside = Math.abs(position - amount);
      return inside < size ? inside : 2 * (size - 1) - inside;
    };
    const expected = new Array<number>(rows * columns).fill(0);
    seed.forEach((value, i) => {
      const row = mirrored(Math.floor(i / outer), rows);
      expected[row * columns + mirrored(i % outer, columns)]! += value;
    });
    const pad = (x: Tensor) =>
      F.pad(x, { before: [amount, amount], after: [amount, amount], mode: 'reflect' });
    for (const grad of await gradients([rows, columns], pad, seed)) expect(grad).toEqual(expected);
  });
});
