import { afterAll, describe, expect, it } from 'vitest';
import { functional as F, open, type Tensor } from '../src/index.js';
import { sizeOf } from '../src/shape.js';
import { counted, derivatives, expectClose, planeOf, rowsOf } from './support/derivatives.js';

const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const device of devices) device.dispose();
});

/** e^a / (e^a + e^b). */
const portion = (a: number, b: number): number => 1 / (1 + Math.exp(b - a));

/**
 * Cases that engines of this field are known to get wrong, each on every device. Expected numbers are PyTorch's; whole
 * ones are exact in f32 whatever the order of summation.
 */
describe.each(devices.map((device) => ({ name: device.info.backend, device })))(
  'where other engines are wrong, on $name',
  ({ device }) => {
    // TensorFlow.js 4.22 throws where a dilated convolution is differentiated, on each of its backends; its wasm backend
    // has no gradient of conv2d's filter at all.
    describe('convolution', () => {
      it('dilated convolution', async () => {
        const inputs = [counted(device, [1, 1, 5, 5]), counted(device, [1, 1, 2, 2])];
        const found = await derivatives(inputs, (x, w) => F.conv2d(x!, w!, null, { dilation: 2 }));
        expect(found).toEqual({
          shape: [1, 1, 3, 3],
          y: [92, 102, 112, 142, 152, 162, 192, 202, 212],
          gradients: [
            [
              [1, 2, 5, 4, 6],
              [4, 5, 14, 10, 12],
              [10, 14, 36, 24, 30],
              [12, 15, 34, 20, 24],
              [21, 24, 55, 32, 36],
            ].flat(),
            [411, 501, 861, 951],
          ],
        });
      });

      it('dilated convolution with stride, padding and groups', async () => {
        const inputs = [counted(device, [1, 2, 5, 4]), counted(device, [2, 1, 2, 2])];
        const options = { dilation: [2, 3], stride: 2, groups: 2, padding: [1, 2] } as const;
        const found = await derivatives(inputs, (x, w) => F.conv2d(x!, w!, null, options));
        expect(found).toEqual({
          shape: [1, 2, 3, 3],
          y: [24, 47, 21, 68, 124, 52, 28, 45, 15, 208, 399, 189, 428, 812, 380, 204, 381, 175],
          gradients: [
            [
              [0, 0, 0, 0, 11, 12, 15, 18, 0, 0, 0, 0, 23, 30, 27, 36, 0, 0, 0, 0],
              [0, 0, 0, 0, 147, 158, 159, 172, 0, 0, 0, 0, 183, 200, 195, 214, 0, 0, 0, 0],
            ].flat(),
            [306, 290, 186, 158, 1946, 1886, 1586, 1514],
          ],
        });
      });

      it('convolution with `same` padding of an odd number of zeros, one more at the end', async () => {
        const even = [counted(device, [1, 1, 3, 4]), counted(device, [1, 1, 2, 2])];
        const same = { padding: 'same' } as const;
        expect(await derivatives(even, (x, w) => F.conv2d(x!, w!, null, same))).toEqual({
          shape: [1, 1, 3, 4],
          y: [44, 54, 64, 28, 84, 94, 104, 44, 29, 32, 35, 12],
          gradients: [
            [1, 4, 7, 10, 8, 26, 36, 46, 24, 66, 76, 86],
            [650, 480, 348, 244],
          ],
        });
        const wide = [counted(device, [1, 1, 3, 4]), counted(device, [1, 1, 1, 4])];
        const dilated = { padding: 'same', dilation: [1, 3] } as const;
        expect(await derivatives(wide, (x, w) => F.conv2d(x!, w!, null, dilated))).toEqual({
          shape: [1, 1, 3, 4],
          y: [9, 14, 4, 6, 21, 34, 12, 14, 33, 54, 20, 22],
          gradients: [
            [4, 6, 11, 6, 12, 14, 31, 18, 20, 22, 51, 30],
            [0, 480, 313, 0],
          ],
        });
      });

      it('transposed convolution with an outputPadding beyond stride and padding', async () => {
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
    });

    describe('average pooling', () => {
      const x = () => counted(device, [1, 1, 3, 3]);
      const options = { kernel: 3, padding: 1, countIncludePad: false };

      // TensorFlow.js divides dy by the whole window's area, also at the border, where the mean is of fewer elements.
      it('average pooling with `same` padding', async () => {
        // A window has 4, 6 or 9 elements. With a dy of as many each of them gets 1 from every window that covers it.
        const counts = [
          [4, 6, 4],
          [6, 9, 6],
          [4, 6, 4],
        ];
        const mean = (t?: Tensor) => F.avgPool2d(t!, { ...options, stride: 1 });
        const { y, gradients } = await derivatives([x()], mean, planeOf(device, counts));
        expectClose(y, [3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7]);
        expectClose(gradients[0]!, counts.flat());
      });

      it('average pooling with `same` padding and a stride', async () => {
        const mean = (t?: Tensor) => F.avgPool2d(t!, { ...options, stride: 2 });
        const dy = [
          [4, 8],
          [12, 16],
        ];
        const { y, gradients } = await derivatives([x()], mean, planeOf(device, dy));
        expectClose(y, [3, 4, 6, 7]);
        // A quarter of dy from each window that covers the element.
        expectClose(gradients[0]!, [1, 3, 2, 4, 10, 6, 3, 7, 4]);
      });
    });

    // Candle scales the gradient by the share of a window that equals its maximum and passes it to all of these, and has
    // none where windows overlap. PyTorch's goes whole to the first.
    describe('max pooling', () => {
      it('max pooling with ties', async () => {
        const x = [
          [0, 0, 1, 2],
          [0, 0, 2, 2],
          [3, 1, 5, 5],
          [3, 3, 5, 5],
        ];
        const { y, gradients } = await derivatives([planeOf(device, x)], (t) =>
          F.maxPool2d(t!, { kernel: 2 }),
        );
        expect(y).toEqual([0, 2, 3, 5]);
        const first = [
          [1, 0, 0, 2],
          [0, 0, 0, 0],
          [3, 0, 4, 0],
          [0, 0, 0, 0],
        ];
        expect(gradients[0]).toEqual(first.flat());
      });

      it('max pooling with ties in overlapping windows', async () => {
        const x = Array.from({ length: 3 }, () => [1, 1, 1, 1, 1, 1]);
        const dy = [
          [1, 2, 3, 4, 5, 6],
          [10, 20, 30, 40, 50, 60],
          [100, 200, 300, 400, 500, 600],
        ];
        const pool = (t?: Tensor) => F.maxPool2d(t!, { kernel: 3, stride: 1, padding: 1 });
        const { gradients } = await derivatives([planeOf(device, x)], pool, planeOf(device, dy));
        const first = [
          [33, 33, 44, 55, 66, 0],
          [300, 300, 400, 500, 600, 0],
          [0, 0, 0, 0, 0, 0],
        ];
        expect(gradients[0]).toEqual(first.flat());
      });

      it('max unpooling of several values to one place keeps the last, which alone has a gradient', async () => {
        const indices = device.tensor(Int32Array.of(0, 5, 0, 15), [1, 1, 2, 2]);
        const unpool = (t?: Tensor) => F.maxUnpool2d(t!, indices, { kernel: 2 });
        const { y, gradients } = await derivatives([counted(device, [1, 1, 2, 2])], unpool);
        expect(y).toEqual([3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
        expect(gradients[0]).toEqual([0, 6, 1, 16]);
      });
    });

    // TensorFlow.js cuts the border off dy, and with it what the mirrored elements owe to it.
    describe('padding', () => {
      it('reflect padding', async () => {
        // [a b c] padded by 2 and 1 is [c b a b c b]: a is read once, b three times, c twice.
        const seed = rowsOf(device, [[1, 2, 4, 8, 16, 32]]);
        const pad = (x?: Tensor) => F.pad(x!, { before: [0, 2], after: [0, 1], mode: 'reflect' });
        const { y, gradients } = await derivatives([rowsOf(device, [[5, 6, 7]])], pad, seed);
        expect(y).toEqual([7, 6, 5, 6, 7, 6]);
        expect(gradients[0]).toEqual([4, 2 + 8 + 32, 1 + 16]);
      });

      it('reflect padding of two axes', async () => {
        const [rows, columns, amount] = [4, 3, 2];
        const outer = columns + 2 * amount;
        const mirrored = (position: number, size: number) => {
          const inside = Math.abs(position - amount);
          return inside < size ? inside : 2 * (size - 1) - inside;
        };
        // Element i of dy is i + 1.
        const expected = new Array<number>(rows * columns).fill(0);
        for (let i = 0; i < (rows + 2 * amount) * outer; i++) {
          const row = mirrored(Math.floor(i / outer), rows);
          expected[row * columns + mirrored(i % outer, columns)]! += i + 1;
        }
        const around = { before: [amount, amount], after: [amount, amount], mode: 'reflect' } as const;
        const { gradients } = await derivatives([counted(device, [rows, columns])], (x) => F.pad(x!, around));
        expect(gradients[0]).toEqual(expected);
      });
    });

    describe('special values', () => {
      // WGSL's own tanh may be NaN where powers of e overflow, SwiftShader's is at ±156; engines that call it pass that on.
      it('tanh at infinity', async () => {
        const x = device.tensor([Infinity, -Infinity, 1000, -1000, 156, -156, 50, -50]);
        const { y, gradients } = await derivatives([x], (t) => F.tanh(t!));
        expect(y).toEqual([1, -1, 1, -1, 1, -1, 1, -1]);
        for (const slope of gradients[0]!) expect(Math.abs(slope)).toBeLessThan(1e-40);
      });
    });

    // A row whose largest element is -Infinity has no softmax: PyTorch's is NaN. WGSL compilers may assume that there are no
    // infinities, and a largest element that starts from the lowest finite number makes such a row look like any other.
    describe('softmax', () => {
      const whole = [-Infinity, -Infinity, -Infinity];
      const none = [Number.NaN, Number.NaN, Number.NaN];
      const partly = [-Infinity, 1, -Infinity];
      const [p, q] = [portion(0, 1), portion(1, 0)];
      const { log } = Math;
      const data = async (y: Tensor) => [...(await y.data())];

      it('softmax at -Infinity rows', async () => {
        const x = rowsOf(device, [whole, [0, 1, -Infinity], partly]);
        expectClose(await data(F.softmax(x)), [...none, p, q, 0, 0, 1, 0]);
        const logarithms = [...none, log(p), log(q), -Infinity, -Infinity, 0, -Infinity];
        expectClose(await data(F.logSoftmax(x)), logarithms);
      });

      it('softmax of elements as large as they get', async () => {
        const x = device.tensor([3e38, 3e38, 0], [1, 3]);
        expectClose(await data(F.softmax(x)), [0.5, 0.5, 0]);
        expectClose(await data(F.logSoftmax(x)), [-Math.LN2, -Math.LN2, -3e38]);
      });

      it('softmax at -Infinity columns', async () => {
        const x = rowsOf(device, [
          [-Infinity, 0],
          [-Infinity, 1],
          [-Infinity, -Infinity],
        ]);
        expectClose(await data(F.softmax(x, { axis: 0 })), [Number.NaN, p, Number.NaN, q, Number.NaN, 0]);
      });

      it('softmax at -Infinity rows longer than a vector or a workgroup', async () => {
        for (const size of [4, 7, 67, 130]) {
          const x = device.tensor(new Float32Array(2 * size).fill(-Infinity).fill(0, size), [2, size]);
          const absent = Array<number>(size).fill(Number.NaN);
          const even = Array<number>(size).fill(1 / size);
          expectClose(await data(F.softmax(x)), [...absent, ...even]);
          expectClose(await data(F.logSoftmax(x)), [...absent, ...even.map(log)]);
        }
      });

      it('gradients of softmax at rows that are -Infinity in part', async () => {
        const x = () => rowsOf(device, [[0, 1, -Infinity], partly]);
        const softmax = await derivatives([x()], (t) => F.softmax(t!));
        expectClose(softmax.gradients[0]!, [-p * q, p * q, 0, 0, 0, 0]);
        const logSoftmax = await derivatives([x()], (t) => F.logSoftmax(t!));
        expectClose(logSoftmax.gradients[0]!, [1 - 6 * p, 2 - 6 * q, 3, 4, -10, 6]);
      });
    });

    describe('reductions', () => {
      const along = { axes: 1 };
      const seeded = (rows: readonly (readonly number[])[], f: (x: Tensor) => Tensor) => {
        const x = rowsOf(device, rows);
        const y = f(x);
        return derivatives(
          [x],
          (t) => f(t!),
          device.tensor(new Float32Array(sizeOf(y.shape)).fill(1), y.shape),
        );
      };

      // log(Σ e^x) as it is written, WebNN's first decomposition among others, is Infinity from 89 on and -Infinity below
      // -104.
      it('log-sum-exp of large values', async () => {
        const rows = [
          [1000, 1000],
          [-1000, -1000],
          [1000, -1000],
          [3e38, 0],
          [-Infinity, 3],
          [88, 90],
        ];
        const { y, gradients } = await seeded(rows, (x) => F.logSumExp(x, along));
        const { log } = Math;
        const wanted = [
          1000 + log(2),
          -1000 + log(2),
          1000,
          Math.fround(3e38),
          3,
          90 + log(1 + Math.exp(-2)),
        ];
        expectClose(y, wanted);
        const slopes = [0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0, 0, 1, portion(88, 90), portion(90, 88)];
        // e^(x - y) for a result y near 1000, which is rounded.
        expectClose(gradients[0]!, slopes, 1000 * 2 ** -23);
      });

      it('log-sum-exp of a row of -Infinity, and of one with Infinity', async () => {
        const x = rowsOf(device, [
          [-Infinity, -Infinity],
          [Infinity, 1],
        ]);
        expect([...(await F.logSumExp(x, along).data())]).toEqual([-Infinity, Infinity]);
      });

      // Dividing the product by each factor gives NaN where one is zero. TensorFlow.js has no gradient of cumprod.
      it('products with zeros among their factors', async () => {
        const rows = [
          [2, 0, 5],
          [0, 0, 5],
          [2, 3, 5],
        ];
        const product = await seeded(rows, (x) => F.prod(x, along));
        expectClose(product.y, [0, 0, 30]);
        expectClose(product.gradients[0]!, [0, 10, 0, 0, 0, 0, 15, 10, 6]);
        const running = await seeded([[2, 0, 3]], (x) => F.cumprod(x, { axis: 1 }));
        expectClose(running.y, [2, 0, 0]);
        expectClose(running.gradients[0]!, [1, 2 + 2 * 3, 0]);
      });

      // The mean of squares less the square of the mean cancels to nothing here.
      it('variance of numbers that are large beside their distances', async () => {
        const { y, gradients } = await seeded([[4096, 4097, 4098, 4099]], (x) => F.variance(x, along));
        expectClose(y, [5 / 3]);
        expectClose(gradients[0]!, [-1, -1 / 3, 1 / 3, 1]);
      });

      // The root's slope at 0 is infinite, times 0.
      it('standard deviation of equal elements and norm of zeros, whose gradient is 0', async () => {
        const deviation = await seeded([[0.1, 0.1, 0.1]], (x) => F.std(x, along));
        expectClose([...deviation.y, ...deviation.gradients[0]!], [0, 0, 0, 0]);
        const norm = await seeded([[0, 0, 0]], (x) => F.norm(x, along));
        expectClose([...norm.y, ...norm.gradients[0]!], [0, 0, 0, 0]);
      });
    });
  },
);
