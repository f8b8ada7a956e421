import { afterAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Shape, type Tensor } from '../src/index.js';
import { sizeOf } from '../src/shape.js';

const devices: readonly Device[] = await Promise.all(
  (['reference', 'wasm', 'webgpu'] as const).map((name) => open(name)),
);
afterAll(() => {
  for (const device of devices) device.dispose();
});

/** 1, 2, 3, ... */
const counted = (device: Device, shape: Shape): Tensor =>
  device.tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
    shape,
  );

/** y = f(x, weight) and the gradients of y · (1, 2, 3, ...), of x and weight that count through. */
async function derivatives(
  device: Device,
  shapes: readonly [Shape, Shape],
  f: (x: Tensor, weight: Tensor) => Tensor,
) {
  const [x, weight] = shapes.map((shape) => counted(device, shape)) as [Tensor, Tensor];
  x.requiresGrad = true;
  weight.requiresGrad = true;
  const y = f(x, weight);
  F.sum(F.mul(y, counted(device, y.shape))).backward();
  const [values, dx, dw] = await Promise.all([y.data(), x.grad!.data(), weight.grad!.data()]);
  return { shape: y.shape, y: [...values], dx: [...dx], dw: [...dw] };
}

// All numbers are small whole ones, exact in f32 whatever the order of summation; expected ones are PyTorch's.
describe.each(devices.map((device) => ({ name: device.info.backend, device })))(
  'where other engines are wrong: $name',
  ({ device }) => {
    it('gives the gradients of a dilated convolution', async () => {
      const shapes = [
        [1, 1, 5, 5],
        [1, 1, 2, 2],
      ] as const;
      const found = await derivatives(device, shapes, (x, w) => F.conv2d(x, w, null, { dilation: 2 }));
      expect(found).toEqual({
        shape: [1, 1, 3, 3],
        y: [92, 102, 112, 142, 152, 162, 192, 202, 212],
        dx: [
          [1, 2, 5, 4, 6],
          [4, 5, 14, 10, 12],
          [10, 14, 36, 24, 30],
          [12, 15, 34, 20, 24],
          [21, 24, 55, 32, 36],
        ].flat(),
        dw: [411, 501, 861, 951],
      });
    });

    it('gives the gradients of a dilated convolution with stride, padding and groups', async () => {
      const shapes = [
        [1, 2, 5, 4],
        [2, 1, 2, 2],
      ] as const;
      const options = { dilation: [2, 3], stride: 2, groups: 2, padding: [1, 2] } as const;
      const found = await derivatives(device, shapes, (x, w) => F.conv2d(x, w, null, options));
      expect(found).toEqual({
        shape: [1, 2, 3, 3],
        y: [24, 47, 21, 68, 124, 52, 28, 45, 15, 208, 399, 189, 428, 812, 380, 204, 381, 175],
        dx: [
          [0, 0, 0, 0, 11, 12, 15, 18, 0, 0, 0, 0, 23, 30, 27, 36, 0, 0, 0, 0],
          [0, 0, 0, 0, 147, 158, 159, 172, 0, 0, 0, 0, 183, 200, 195, 214, 0, 0, 0, 0],
        ].flat(),
        dw: [306, 290, 186, 158, 1946, 1886, 1586, 1514],
      });
    });

    it("puts the odd zero of padding 'same' at the end, in both directions", async () => {
      const even = [
        [1, 1, 3, 4],
        [1, 1, 2, 2],
      ] as const;
      const found = await derivatives(device, even, (x, w) => F.conv2d(x, w, null, { padding: 'same' }));
      expect(found).toEqual({
        shape: [1, 1, 3, 4],
        y: [44, 54, 64, 28, 84, 94, 104, 44, 29, 32, 35, 12],
        dx: [1, 4, 7, 10, 8, 26, 36, 46, 24, 66, 76, 86],
        dw: [650, 480, 348, 244],
      });
      const wide = [
        [1, 1, 3, 4],
        [1, 1, 1, 4],
      ] as const;
      const options = { padding: 'same', dilation: [1, 3] } as const;
      expect(await derivatives(device, wide, (x, w) => F.conv2d(x, w, null, options))).toEqual({
        shape: [1, 1, 3, 4],
        y: [9, 14, 4, 6, 21, 34, 12, 14, 33, 54, 20, 22],
        dx: [4, 6, 11, 6, 12, 14, 31, 18, 20, 22, 51, 30],
        dw: [0, 480, 313, 0],
      });
    });

    it('takes an outputPadding that is larger than the stride and the padding', async () => {
      const [x, weight] = [counted(device, [1, 1, 2, 2]), counted(device, [1, 1, 2, 2])];
      const options = { dilation: 3, outputPadding: 2, padding: 1 };
      const y = F.convTranspose2d(x, weight, null, options);
      expect(y.shape).toEqual([1, 1, 5, 5]);
      expect([...(await y.data())]).toEqual(
        [
          [4, 0, 6, 8, 0],
          [0, 0, 0, 0, 0],
          [6, 0, 4, 8, 0],
          [12, 0, 12, 16, 0],
          [0, 0, 0, 0, 0],
        ].flat(),
      );
    });
  },
);
