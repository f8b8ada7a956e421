import { afterAll, describe, expect, it } from 'vitest';
import { functional as F, open, registry } from '../src/index.js';
import { checkKernel, generatorOf, variantsTaking } from '../src/verify/index.js';
import { openDevices } from './support/devices.js';

const kernels = (await openDevices()).filter(({ name }) => name !== 'reference');
const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const { backend } of kernels) backend.dispose();
  for (const device of devices) device.dispose();
});

/** Numbers among which many are equal, so that the first of them must be found. */
function few(shape: readonly number[]) {
  const generator = generatorOf(`pooling ${shape.join()}`);
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, dtype: 'f32' as const, data: Float32Array.from({ length }, () => generator.below(5) - 2) };
}

/** Windows whose width, stride and steps take each path through a row: four outputs at a time and one at a time. */
const layouts = [
  { kernel: 2 },
  { kernel: 3, stride: 1 },
  { kernel: 3, stride: 1, padding: 1 },
  { kernel: 3, stride: 2, padding: 1, ceilMode: true },
  { kernel: [1, 2], stride: 3, padding: [0, 1] },
  { kernel: 2, stride: 1, dilation: 3 },
] as const;

const calls = Array.from({ length: 17 }, (_, i) => i + 4).flatMap((width) =>
  layouts.flatMap((options) => {
    const x = few([1, 2, 5, width]);
    const means = 'dilation' in options ? [] : ['avgPool2d'];
    return ['maxPool2dTaps', 'maxPool2dWithIndices', ...means].map((name) => ({
      name: `${name} [1,2,5,${width}] ${JSON.stringify(options)}`,
      call: { op: registry.get(name)!, inputs: [x], options },
    }));
  }),
);

describe.each(kernels)('$name: pooling of widths round the kernels of four', ({ backend }) => {
  it('is that of the reference', async () => {
    for (const { name, call } of calls) {
      for (const variant of variantsTaking(call, backend)) {
        const { problem } = await checkKernel(call, backend, variant);
        expect(problem, name).toBeNull();
      }
    }
  });
});

describe.each(devices.map((device) => ({ name: device.info.backend, device })))('$name', ({ device }) => {
  it('finds the last NaN of a window, and the first -Infinity where there is nothing else', async () => {
    const rows = 5;
    const columns = 9;
    const x = Float32Array.from({ length: rows * columns }, (_, i) =>
      i < 18 ? Number.NEGATIVE_INFINITY : -i,
    );
    for (const i of [22, 24, 26, 44]) x[i] = Number.NaN;
    const options = { kernel: 3, stride: 2, padding: 1 };
    const [values, indices] = F.maxPool2dWithIndices(device.tensor(x, [1, 1, rows, columns]), options);
    const plain = await F.maxPool2d(device.tensor(x, [1, 1, rows, columns]), options).data();
    const winners = Array.from({ length: 15 }, (_, i) => {
      const [top, left] = [2 * Math.floor(i / 5) - 1, 2 * (i % 5) - 1];
      let best = -1;
      for (let row = Math.max(top, 0); row < Math.min(top + 3, rows); row++)
        for (let at = Math.max(left, 0); at < Math.min(left + 3, columns); at++) {
          const index = row * columns + at;
          if (best < 0 || x[index]! > x[best]! || Number.isNaN(x[index]!)) best = index;
        }
      return best;
    });
    expect([...(await indices!.data())]).toEqual(winners);
    expect([...(await values!.data())]).toEqual(winners.map((index) => x[index]));
    expect([...plain]).toEqual(winners.map((index) => x[index]));
  });

  it.each([
    { kernel: 3, stride: 1, padding: 1 },
    { kernel: 3, stride: 1 },
    { kernel: 3, stride: 2, padding: 1 },
    { kernel: 2 },
  ])('tells NaN wherever it lies: %o', async (options) => {
    const [rows, columns] = [5, 10];
    const size = rows * columns;
    // In each plane another element.
    const x = Float32Array.from({ length: size * size }, (_, i) =>
      Math.floor(i / size) === i % size ? Number.NaN : i % 7,
    );
    const y = await F.maxPool2d(device.tensor(x, [1, size, rows, columns]), options).data();
    const { kernel, stride = kernel, padding = 0 } = options;
    const [down, across] = [rows, columns].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1);
    const inside = (at: number, out: number) => {
      const from = out * stride - padding;
      return at >= from && at < from + kernel;
    };
    const wanted = Array.from({ length: y.length }, (_, i) => {
      const [plane, row, column] = [
        Math.floor(i / (down! * across!)),
        Math.floor(i / across!) % down!,
        i % across!,
      ];
      return inside(Math.floor(plane / columns), row) && inside(plane % columns, column);
    });
    expect(Array.from(y, Number.isNaN)).toEqual(wanted);
  });

  it.each([
    { kernel: 3, stride: 1, padding: 1 },
    { kernel: 3, stride: 1 },
    { kernel: 3, stride: 2, padding: 1 },
    { kernel: 2 },
  ])('gives gradients to the first of equal elements, the last NaN: %o', async (options) => {
    const [planes, rows, columns] = [8, 5, 11];
    const size = rows * columns;
    const special = [0, -0, 1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN];
    const generator = generatorOf('special values');
    // Zeros of both signs, one value more in each plane; -Infinity alone; and one among 1.
    const x = Float32Array.from({ length: planes * size }, (_, i) => {
      const plane = Math.floor(i / size);
      if (plane < 6) return special[generator.below(Math.max(plane + 1, 2))]!;
      return plane === 6 || i % size < 3 * columns ? Number.NEGATIVE_INFINITY : 1;
    });
    const { kernel, stride = kernel, padding = 0 } = options;
    const [down, across] = [rows, columns].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1);
    const wanted = new Float32Array(x.length);
    const dy = Float32Array.from({ length: planes * down! * across! }, (_, i) => 1 + (i % 5));
    dy.forEach((share, i) => {
      const plane = Math.floor(i / (down! * across!));
      const top = (Math.floor(i / across!) % down!) * stride - padding;
      const left = (i % across!) * stride - padding;
      let best = -1;
      for (let row = Math.max(top, 0); row < Math.min(top + kernel, rows); row++)
        for (let at = Math.max(left, 0); at < Math.min(left + kernel, columns); at++) {
          const index = (plane * rows + row) * columns + at;
          if (best < 0 || x[index]! > x[best]! || Number.isNaN(x[index]!)) best = index;
        }
      wanted[best]! += share;
    });
    const given = device.tensor(x, [1, planes, rows, columns]);
    given.requiresGrad = true;
    F.maxPool2d(given, options).backward(device.tensor(dy, [1, planes, down!, across!]));
    expect([...(await given.grad!.data())]).toEqual([...wanted]);
  });

  it('refuses an index outside the unpooled plane', async () => {
    const x = device.zeros([1, 2, 1, 2]);
    const indices = device.tensor(Int32Array.of(0, 7, 1, -3), [1, 2, 1, 2]);
    const y = F.maxUnpool2d(x, indices, { kernel: 2 });
    await expect(y.data()).rejects.toThrow(
      'maxUnpool2d: index -3 at element 3 is outside 0..7, indices is [1,2,1,2]',
    );
  });

  it('pools an empty batch', async () => {
    const x = device.zeros([0, 2, 4, 4]);
    for (const y of [
      F.maxPool2d(x, { kernel: 2 }),
      F.avgPool2d(x, { kernel: 2 }),
      F.adaptiveAvgPool2d(x, { outputSize: 2 }),
    ]) {
      expect(y.shape).toEqual([0, 2, 2, 2]);
      expect(await y.data()).toHaveLength(0);
    }
  });
});
