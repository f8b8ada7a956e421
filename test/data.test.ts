import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataLoader, type DataLoaderOptions, type Dataset, TensorDataset } from '../src/data/index.js';
import type { HostTensor } from '../src/dtype.js';

const images: HostTensor = {
  data: Float32Array.from({ length: 10 }, (_, i) => i),
  shape: [5, 2],
  dtype: 'f32',
};
const labels: HostTensor = { data: Int32Array.of(0, 1, 2, 3, 4), shape: [5], dtype: 'i32' };
const dataset = new TensorDataset(images, labels);

async function epoch(loader: DataLoader): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const [x, y] of loader) {
    batches.push([...y!.data]);
    expect(x!.shape).toEqual([y!.data.length, 2]);
    expect([...x!.data]).toEqual([...y!.data].flatMap((label) => [2 * label, 2 * label + 1]));
  }
  return batches;
}

describe('TensorDataset', () => {
  it('gives rows without the batch axis', () => {
    expect(dataset.length).toBe(5);
    expect(dataset.get(3)).toEqual([
      { data: Float32Array.of(6, 7), shape: [2], dtype: 'f32' },
      { data: Int32Array.of(3), shape: [], dtype: 'i32' },
    ]);
  });

  it('refuses what does not fit', () => {
    expect(() => new TensorDataset()).toThrow('TensorDataset: needs at least one tensor');
    expect(() => new TensorDataset(images, { ...labels, data: Int32Array.of(1), shape: [1] })).toThrow(
      'TensorDataset: all tensors need the same first axis, their shapes are [5,2], [1]',
    );
    expect(() => new TensorDataset({ ...images, shape: [6, 2] })).toThrow(
      'tensor 0 has 10 elements, its shape [6,2]',
    );
    expect(() => new TensorDataset({ ...labels, data: Int32Array.of(1), shape: [] })).toThrow(
      'tensor 0 is a scalar',
    );
    const onDevice = { shape: [3], dtype: 'f32', data: () => Promise.resolve(new Float32Array(3)) };
    for (const wrong of [onDevice, { ...images, data: [1, 2] }, new Float32Array(3), undefined])
      expect(() => new TensorDataset(wrong as never)).toThrow(
        'TensorDataset: tensor 0 must be a tensor on the host, { data, shape, dtype }, as toHost()',
      );
    expect(() => dataset.get(5)).toThrow('index 5 is outside its 5 samples');
    expect(() => dataset.get(0.5)).toThrow('index 0.5');
  });
});

describe('DataLoader', () => {
  it('goes through the rows in order', async () => {
    const loader = new DataLoader(dataset, { batchSize: 2 });
    expect(loader.length).toBe(3);
    expect(await epoch(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(await epoch(loader)).toEqual([[0, 1], [2, 3], [4]]);
    const whole = new DataLoader(dataset, { batchSize: 2, dropLast: true });
    expect(whole.length).toBe(2);
    expect(await epoch(whole)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  // Two of three orders of five samples are equal for one seed in forty.
  it('shuffles anew in each epoch, and the same for the same seed', async () => {
    const make = (seed: number) => new DataLoader(dataset, { batchSize: 5, shuffle: true, seed });
    const run = async (loader: DataLoader) => [await epoch(loader), await epoch(loader), await epoch(loader)];
    const orders = await run(make(1));
    expect(await run(make(1))).toEqual(orders);
    expect(await run(make(8))).not.toEqual(orders);
    expect(new Set(orders.map((order) => order.join())).size).toBe(3);
    const resumed = make(1);
    resumed.epoch = 2;
    expect(await epoch(resumed)).toEqual(orders[2]);
    expect(resumed.epoch).toBe(3);
    resumed.epoch = 0;
    expect(await epoch(resumed)).toEqual(orders[0]);
  });

  it('visits every row once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.nat(1000),
        fc.boolean(),
        async (batchSize, seed, shuffle) => {
          const loader = new DataLoader(dataset, { batchSize, seed, shuffle });
          const batches = await epoch(loader);
          expect(batches.length).toBe(loader.length);
          expect(batches.flat().sort()).toEqual([0, 1, 2, 3, 4]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("stacks a user's own dataset", async () => {
    const squares: Dataset = {
      length: 3,
      get: (index) => [{ data: Float32Array.of(index * index), shape: [1], dtype: 'f32' }],
    };
    const batches: HostTensor[][] = [];
    for await (const batch of new DataLoader(squares, { batchSize: 2 })) batches.push(batch);
    expect(batches).toEqual([
      [{ data: Float32Array.of(0, 1), shape: [2, 1], dtype: 'f32' }],
      [{ data: Float32Array.of(4), shape: [1, 1], dtype: 'f32' }],
    ]);
    const ragged: Dataset = {
      length: 2,
      get: (index) => [{ data: new Float32Array(index), shape: [index], dtype: 'f32' }],
    };
    await expect(new DataLoader(ragged, { batchSize: 2 })[Symbol.asyncIterator]().next()).rejects.toThrow(
      "DataLoader: part 0 of a sample is f32[1] of 1 elements, the batch's first sample has f32[0]",
    );
  });

  it.each<[string, unknown, string]>([
    [
      'no list',
      { data: Float32Array.of(1), shape: [1], dtype: 'f32' },
      'a sample must be a list of tensors, got object',
    ],
    ['nothing', undefined, 'a sample must be a list of tensors, got undefined'],
    ['a number', [labels, 3], 'part 1 of a sample must be a tensor on the host, { data, shape, dtype }'],
    ['nothing in a list', [undefined], 'part 0 of a sample must be a tensor on the host'],
  ])('refuses samples that are %s', async (_, sample, message) => {
    const wrong: Dataset = { length: 1, get: () => sample as never };
    await expect(new DataLoader(wrong)[Symbol.asyncIterator]().next()).rejects.toThrow(
      `DataLoader: ${message}`,
    );
  });

  it.each<[string, readonly number[], string]>([
    ['too few', [0], 'BatchSampler: the sampler gives 1 indices, its length is 2'],
    ['parts of', [0, 1.5], 'BatchSampler: index 1 of the sampler is 1.5, no whole number'],
  ])('refuses a sampler that gives %s indices', async (_, order, message) => {
    const loader = new DataLoader(dataset, { sampler: { length: 2, order: () => order } });
    await expect(loader[Symbol.asyncIterator]().next()).rejects.toThrow(message);
  });

  it('refuses what is no dataset', () => {
    for (const wrong of [undefined, [1, 2], images])
      expect(() => new DataLoader(wrong as never)).toThrow(
        'DataLoader: dataset needs a length and get(index)',
      );
  });

  it.each<[Partial<DataLoaderOptions>, string]>([
    [
      { batch_size: 4 } as object,
      "DataLoader: has no option 'batch_size'; it takes batchSize, shuffle, seed,",
    ],
    [{ sampler: [0, 1] as never }, 'DataLoader: sampler needs a length and order(generator)'],
    [
      { batchSize: undefined, batchSampler: [[0]] as never },
      'DataLoader: batchSampler needs a length and batches(',
    ],
    [{ batchSize: 0 }, 'DataLoader: batchSize must be a whole number from 1, got 0'],
    [{ batchSize: 1.5 }, 'batchSize'],
    [{ seed: -1 }, 'DataLoader: seed must be a whole number from 0 to 2^53 - 1, got -1'],
  ])('refuses %o', (options, message) => {
    expect(() => new DataLoader(dataset, { batchSize: 1, ...options })).toThrow(message);
  });

  it('refuses an epoch that is none', () => {
    const loader = new DataLoader(dataset, { batchSize: 1 });
    expect(() => {
      loader.epoch = -1;
    }).toThrow('DataLoader: epoch must be a whole number from 0, got -1');
  });
});
