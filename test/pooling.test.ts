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
