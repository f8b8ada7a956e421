import { afterAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const device of devices) device.dispose();
});

/** y = f(x) of one plane [height, width], and dx for dy: as rows of numbers. */
async function both(
  device: Device,
  rows: readonly (readonly number[])[],
  dy: readonly (readonly number[])[],
  f: (x: Tensor) => Tensor,
) {
  const plane = (given: readonly (readonly number[])[]) =>
    device.tensor(Float32Array.from(given.flat()), [1, 1, given.length, given[0]!.length]);
  const x = plane(rows);
  x.requiresGrad = true;
  const y = f(x);
  F.sum(F.mul(y, plane(dy))).backward();
  const asRows = async (tensor: Tensor, width: number) => {
    const data = [...(await tensor.data())];
    return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
  };
  return { y: await asRows(y, dy[0]!.length), dx: await asRows(x.grad!, rows[0]!.length) };
}

function expectRows(actual: number[][], expected: readonly (readonly number[])[], where: string): void {
  expect(
    actual.map(({ length }) => length),
    where,
  ).toEqual(expected.map(({ length }) => length));
  expected.flat().forEach((value, i) => {
    expect(actual.flat()[i], `${where} at ${i}`).toBeCloseTo(value, 6);
  });
}

describe('where other engines are wrong', () => {
  it("average pooling with 'same' padding shares a border's gradient among the elements that are there", async () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    const dy = [
      [4, 6, 4],
      [6, 9, 6],
      [4, 6, 4],
    ];
    for (const device of devices) {
      const { y, dx } = await both(device, x, dy, (t) =>
        F.avgPool2d(t, { kernel: 3, stride: 1, padding: 1, countIncludePad: false }),
      );
      const means = [
        [3, 3.5, 4],
        [4.5, 5, 5.5],
        [6, 6.5, 7],
      ];
      expectRows(y, means, `${device.info.backend}, y`);
      // Each window gives each of its elements 1: as many as windows cover it.
      const counts = [
        [4, 6, 4],
        [6, 9, 6],
        [4, 6, 4],
      ];
      expectRows(dx, counts, `${device.info.backend}, dx`);
    }
  });

  it("average pooling with 'same' padding and a stride has the gradient of its own divisors", async () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    const dy = [
      [4, 8],
      [12, 16],
    ];
    for (const device of devices) {
      const { y, dx } = await both(device, x, dy, (t) =>
        F.avgPool2d(t, { kernel: 3, stride: 2, padding: 1, countIncludePad: false }),
      );
      const means = [
        [3, 4],
        [6, 7],
      ];
      expectRows(y, means, `${device.info.backend}, y`);
      // A quarter of dy from each window that covers the element.
      const shares = [
        [1, 3, 2],
        [4, 10, 6],
        [3, 7, 4],
      ];
      expectRows(dx, shares, `${device.info.backend}, dx`);
    }
  });

  it('max pooling with ties gives the gradient to the first of equal elements alone', async () => {
    const x = [
      [0, 0, 1, 2],
      [0, 0, 2, 2],
      [3, 1, 5, 5],
      [3, 3, 5, 5],
    ];
    const dy = [
      [1, 2],
      [3, 4],
    ];
    for (const device of devices) {
      const { y, dx } = await both(device, x, dy, (t) => F.maxPool2d(t, { kernel: 2 }));
      const largest = [
        [0, 2],
        [3, 5],
      ];
      expectRows(y, largest, `${device.info.backend}, y`);
      const first = [
        [1, 0, 0, 2],
        [0, 0, 0, 0],
        [3, 0, 4, 0],
        [0, 0, 0, 0],
      ];
      expectRows(dx, first, `${device.info.backend}, dx`);
    }
  });

  it('max pooling with ties in overlapping windows adds each window to its own first', async () => {
    const x = [
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 1, 1],
    ];
    const dy = [
      [1, 2, 3, 4, 5, 6],
      [10, 20, 30, 40, 50, 60],
      [100, 200, 300, 400, 500, 600],
    ];
    for (const device of devices) {
      const { dx } = await both(device, x, dy, (t) => F.maxPool2d(t, { kernel: 3, stride: 1, padding: 1 }));
      const first = [
        [33, 33, 44, 55, 66, 0],
        [300, 300, 400, 500, 600, 0],
        [0, 0, 0, 0, 0, 0],
      ];
      expectRows(dx, first, `${device.info.backend}, dx`);
    }
  });

  it('max unpooling of several values to one place keeps the last, which alone has a gradient', async () => {
    for (const device of devices) {
      const indices = device.tensor(Int32Array.of(0, 5, 0, 15), [1, 1, 2, 2]);
      const x = [
        [1, 2],
        [3, 4],
      ];
      const dy = [
        [10, 20, 30, 40],
        [50, 60, 70, 80],
        [90, 100, 110, 120],
        [130, 140, 150, 160],
      ];
      const { y, dx } = await both(device, x, dy, (t) => F.maxUnpool2d(t, indices, { kernel: 2 }));
      const placed = [
        [3, 0, 0, 0],
        [0, 2, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 4],
      ];
      expectRows(y, placed, `${device.info.backend}, y`);
      const taken = [
        [0, 60],
        [10, 160],
      ];
      expectRows(dx, taken, `${device.info.backend}, dx`);
    }
  });
});
