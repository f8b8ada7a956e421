import { afterAll, describe, expect, it } from 'vitest';
import { type HostTensor, registry } from '../src/index.js';
import { checkKernel, generatorOf, variantsTaking } from '../src/verify/index.js';
import { openDevices } from './support/devices.js';

const devices = await openDevices();
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

const f32 = (data: readonly number[], shape: readonly number[] = [data.length]): HostTensor => ({
  shape,
  dtype: 'f32',
  data: Float32Array.from(data),
});
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const specials: readonly [string, HostTensor][] = [
  ['NaN among numbers', f32([1, nan, 3, nan, -2])],
  ['NaN first', f32([nan, 1, 2])],
  ['infinities', f32([1, inf, -inf, inf, 0])],
  ['zeros of both signs', f32([-0, 0, -0])],
  ['nothing but -Infinity', f32([-inf, -inf])],
  // What some parts of a long row are made of alone.
  ['-Infinity, then NaN', f32(Array.from({ length: 2100 }, (_, i) => (i === 2000 ? nan : -inf)))],
  ['-Infinity, then numbers', f32(Array.from({ length: 2100 }, (_, i) => (i < 1000 ? -inf : -i)))],
  ['Infinity among numbers', f32(Array.from({ length: 2100 }, (_, i) => (i === 1000 ? inf : i % 7)))],
  // Longer than what one GPU thread reduces and than a vector of four chains.
  ['NaN far behind', f32(Array.from({ length: 100 }, (_, i) => (i === 77 ? nan : i % 7)))],
];

const overAxes = ['sum', 'mean', 'prod', 'max', 'min', 'amax', 'amin', 'variance', 'std', 'logSumExp'];
const calls: readonly [string, object | undefined][] = [
  ...overAxes.map((name) => [name, undefined] as const),
  ...[0, 1, 2, inf, -inf, 3, -1].map((p) => ['norm', { p }] as const),
  ['countNonzero', undefined],
  ['argmax', undefined],
  ['argmin', undefined],
  ['cumsum', { axis: 0 }],
  ['cumprod', { axis: 0, reverse: true }],
  ['logCumSumExp', { axis: 0 }],
  ['sort', undefined],
  ['sort', { descending: true }],
  ['topK', { k: 2 }],
].map(([name, options]) => [name as string, options as object | undefined] as const as [string, object]);

describe.each(devices)('$name: reductions', ({ backend }) => {
  async function expectKernels(name: string, inputs: readonly HostTensor[], options: object | undefined) {
    const call = { op: registry.get(name)!, inputs, options };
    for (const variant of variantsTaking(call, backend)) {
      const { problem } = await checkKernel(call, backend, variant);
      expect(problem, `${name} ${JSON.stringify(options)} by ${variant}`).toBeNull();
    }
  }

  it.each(specials)('%s', async (_, x) => {
    for (const [name, options] of calls) await expectKernels(name, [x], options);
  });

  it('nothing, and empty results', async () => {
    const none = f32([], [3, 0]);
    for (const name of ['sum', 'mean', 'prod', 'variance', 'std', 'logSumExp', 'norm', 'countNonzero']) {
      await expectKernels(name, [none], { axes: 1 });
      await expectKernels(name, [none], { axes: 0 });
    }
    for (const name of ['any', 'all']) {
      await expectKernels(name, [{ shape: [3, 0], dtype: 'bool', data: new Uint8Array(0) }], { axes: 1 });
    }
    for (const name of ['amax', 'min']) await expectKernels(name, [none], { axes: 0 });
    await expectKernels('argmax', [none], { axis: 0 });
    for (const axis of [0, 1]) {
      await expectKernels('cumsum', [none], { axis });
      await expectKernels('sort', [none], { axis });
      await expectKernels('topK', [none], { axis, k: 0 });
    }
    await expectKernels('topK', [f32([3, 1, 2])], { k: 0 });
  });

  it('sorts rows of any length: around blocks, with many equal elements, and long', async () => {
    const generator = generatorOf('rows to sort');
    const row = (length: number, values: number): HostTensor => ({
      shape: [length],
      dtype: 'i32',
      data: Int32Array.from({ length }, () => generator.below(values)),
    });
    for (const length of [2, 15, 16, 17, 33, 255, 256, 257, 511, 512, 513, 769]) {
      await expectKernels('sort', [row(length, 9)], { descending: length % 2 === 0 });
    }
    await expectKernels('sort', [row(20_011, 1000)], undefined);
  });

  it('goes along rows of any length', async () => {
    const generator = generatorOf('rows to scan');
    for (const length of [2, 31, 32, 33, 63, 64, 65, 127, 129, 1000]) {
      const row = () => f32(Array.from({ length }, () => generator.uniform(-1, 1)));
      await expectKernels('cumsum', [row()], { axis: 0 });
      await expectKernels('linearScan', [row(), row()], { axis: 0, reverse: true, mode: 'shifted' });
    }
  });
});

/** Outputs side by side, in one block and in two; one output, and few, made of parts; sizes that nothing divides. */
const shapes: readonly [readonly number[], number | undefined][] = [
  [[9, 133], 0],
  [[3, 5, 4099], 1],
  [[17, 1021], 0],
  [[128, 131], undefined],
  [[600, 30], 0],
  [[1021, 19], 0],
  [[16411], undefined],
  [[2, 2053, 3], 1],
];

describe.each(devices.filter(({ name }) => name !== 'reference'))(
  '$name: large reductions',
  ({ backend }) => {
    const moments = ['variance', 'std', 'logSumExp', 'norm', 'countNonzero'];
    it.each(['sum', 'mean', 'max', 'min', 'argmax', 'argmin', ...moments])(
      '%s is that of the reference',
      async (name) => {
        for (const [shape, axis] of shapes) {
          const generator = generatorOf(`reduce ${shape.join()}`);
          const length = shape.reduce((a, b) => a * b, 1);
          const data = Float32Array.from({ length }, () => generator.below(2001) / 1000 - 1);
          const options = name.startsWith('arg') ? { axis } : { axes: axis };
          const call = { op: registry.get(name)!, inputs: [{ shape, dtype: 'f32' as const, data }], options };
          for (const variant of variantsTaking(call, backend)) {
            const { problem } = await checkKernel(call, backend, variant);
            expect(problem, `${name} [${shape.join()}] over ${axis}`).toBeNull();
          }
        }
      },
    );
  },
);
