import { describe, expect, it } from 'vitest';
import {
  type BatchedDataset,
  BatchSampler,
  DataLoader,
  type DataLoaderOptions,
  type DataLoaderState,
  type Dataset,
  MapDataset,
  SequentialSampler,
  Subset,
  SubsetRandomSampler,
  TensorDataset,
  transformed,
} from '../src/data/index.js';
import type { HostTensor } from '../src/dtype.js';

const vector = (values: readonly number[]): HostTensor => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'f32',
});
const numbers = (length: number) => new TensorDataset(vector(Array.from({ length }, (_, i) => i)));
/** Each sample is its index and a number that is drawn for it. */
const noisy = (length: number) =>
  new MapDataset(numbers(length), ([x], generator) => [x!, vector([generator.uniform()])]);

async function batchesOf(loader: AsyncIterable<HostTensor[]>, most = Infinity): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const parts of loader) {
    batches.push(parts.flatMap(({ data }) => [...data]));
    if (batches.length >= most) break;
  }
  return batches;
}

describe('random draws of a DataLoader', () => {
  const options = { shuffle: true, seed: 4 };
  /** index -> what was drawn for it, in an epoch */
  const drawn = async (loader: DataLoader) => {
    const all = new Map<number, number>();
    for await (const [x, noise] of loader)
      x!.data.forEach((index, i) => void all.set(index, noise!.data[i]!));
    return [...all].sort(([a], [b]) => a - b);
  };

  it('depend on seed, epoch and index, not on order, batch size or prefetching', async () => {
    const dataset = noisy(17);
    const loader = new DataLoader(dataset, { ...options, batchSize: 4 });
    const [first, second] = [await drawn(loader), await drawn(loader)];
    expect(new Set(first.map(([, noise]) => noise)).size).toBe(17);
    expect(second).not.toEqual(first);
    expect(await drawn(new DataLoader(dataset, { batchSize: 5, seed: 4, prefetch: 3 }))).toEqual(first);
    expect(await drawn(new DataLoader(dataset, { ...options, seed: 5 }))).not.toEqual(first);
    const whole = new Subset(
      dataset,
      Array.from({ length: 17 }, (_, i) => i),
    );
    expect(await drawn(new DataLoader(whole, { batchSize: 3, seed: 4 }))).toEqual(first);
  });

  it('differ for a sample that comes twice in an epoch', async () => {
    const twice = { length: 4, order: () => [1, 1, 2, 1] };
    const [batch] = await batchesOf(new DataLoader(noisy(3), { batchSize: 4, sampler: twice }));
    expect(batch!.slice(0, 4)).toEqual([1, 1, 2, 1]);
    expect(new Set(batch!.slice(4)).size).toBe(4);
  });

  it('differ between transforms one upon another', async () => {
    const upon = new MapDataset(noisy(1), ([, inner], generator) => [inner!, vector([generator.uniform()])]);
    const [batch] = await batchesOf(new DataLoader(upon));
    expect(batch![0]).not.toBe(batch![1]);
    expect(await upon.get(0)).toEqual(await upon.get(0));
    expect(await upon.get(0, 3)).not.toEqual(await upon.get(0));
  });

  it('reach the part that is named', async () => {
    const pairs = new TensorDataset(vector([1, 2]), vector([3, 4]));
    const negative = transformed(pairs, (t) => vector([-t.data[0]!]), { part: 1 });
    expect(await batchesOf(new DataLoader(negative, { batchSize: 2 }))).toEqual([[1, 2, -3, -4]]);
    expect(() => transformed(pairs, (t) => t, { part: 2 }).get(0)).toThrow(
      'transformed: part 2 is outside the 2 of a sample',
    );
  });
});

describe('the state of a DataLoader', () => {
  const make = (changes: DataLoaderOptions = {}) =>
    new DataLoader(noisy(11), { batchSize: 3, shuffle: true, seed: 9, ...changes });

  it.each([0, 2])('resumes within an epoch with the same batches, prefetch %i', async (prefetch) => {
    const whole = make();
    const epochs = [await batchesOf(whole), await batchesOf(whole), await batchesOf(whole)];
    for (let stop = 1; stop <= 4; stop++) {
      const left = make({ prefetch });
      await batchesOf(left);
      expect(left.stateDict()).toMatchObject({ epoch: 1, batch: 0 });
      expect(await batchesOf(left, stop)).toEqual(epochs[1]!.slice(0, stop));
      const state = JSON.parse(JSON.stringify(left.stateDict())) as DataLoaderState;
      expect(state).toEqual({ epoch: 1, batch: stop, seed: 9, samples: 11, batches: 4 });
      const resumed = make({ prefetch });
      resumed.loadStateDict(state);
      expect(resumed.stateDict()).toEqual(state);
      expect(resumed.epoch).toBe(1);
      expect(await batchesOf(resumed)).toEqual(epochs[1]!.slice(stop));
      expect(await batchesOf(resumed)).toEqual(epochs[2]);
      // Without a state to take up, a loop that was left early goes on with the next epoch.
      expect(await batchesOf(left)).toEqual(epochs[2]);
    }
  });

  it('resumes what comes twice in an epoch', async () => {
    const sampler = { length: 8, order: () => [0, 1, 0, 1, 2, 0, 0, 0] };
    const wanted = await batchesOf(new DataLoader(noisy(3), { batchSize: 3, sampler }));
    const resumed = new DataLoader(noisy(3), { batchSize: 3, sampler });
    resumed.loadStateDict({ epoch: 0, batch: 1, seed: 0, samples: 3, batches: 3 });
    expect(await batchesOf(resumed)).toEqual(wanted.slice(1));
  });

  it.each<[Partial<DataLoaderState>, string]>([
    [{ seed: 1 }, 'DataLoader: the state is of a loader with seed 1, this one has 9'],
    [{ samples: 12 }, 'the state is of a loader with samples 12, this one has 11'],
    [{ batches: 5 }, 'the state is of a loader with batches 5, this one has 4'],
    [{ batch: 5 }, "the state's batch 5 is outside the 4 of an epoch"],
    [{ batch: -1 }, "the state's batch must be a whole number from 0, got -1"],
    [{ epoch: 0.5 }, "the state's epoch must be a whole number from 0, got 0.5"],
  ])('refuses %o', (change, message) => {
    const loader = make();
    expect(() => loader.loadStateDict({ ...loader.stateDict(), ...change })).toThrow(message);
    expect(loader.stateDict()).toMatchObject({ epoch: 0, batch: 0 });
  });
});

describe('order and making of batches', () => {
  it('has batches of one by default', async () => {
    expect(await batchesOf(new DataLoader(numbers(3)))).toEqual([[0], [1], [2]]);
  });

  it('takes samplers and batch samplers', async () => {
    const some = new DataLoader(numbers(9), { batchSize: 2, sampler: new SubsetRandomSampler([2, 5, 7]) });
    expect(some.length).toBe(2);
    expect((await batchesOf(some)).flat().sort()).toEqual([2, 5, 7]);
    const batchSampler = new BatchSampler(new SequentialSampler({ length: 5 }), 3);
    expect(await batchesOf(new DataLoader(numbers(9), { batchSampler }))).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    const lists = { length: 2, batches: () => [[8], [1, 1, 0]] };
    expect(await batchesOf(new DataLoader(numbers(9), { batchSampler: lists }))).toEqual([[8], [1, 1, 0]]);
  });

  it('makes batches by collate', async () => {
    const loader = new DataLoader(numbers(5), {
      batchSize: 2,
      collate: (samples) => samples.map(([x]) => x!.data[0]!).join('+'),
    });
    const batches: string[] = [];
    for await (const batch of loader) batches.push(batch);
    expect(batches).toEqual(['0+1', '2+3', '4']);
  });

  it('refuses options that contradict and samples that no device holds', async () => {
    const sampler = new SequentialSampler({ length: 2 });
    expect(() => new DataLoader(numbers(2), { sampler, shuffle: true })).toThrow(
      'DataLoader: a sampler gives the order: leave out shuffle',
    );
    const batchSampler = new BatchSampler(sampler, 1);
    expect(() => new DataLoader(numbers(2), { batchSampler, batchSize: 2, dropLast: true })).toThrow(
      'DataLoader: a batchSampler gives the batches: leave out batchSize, dropLast',
    );
    expect(() => new DataLoader(numbers(2), { prefetch: -1 })).toThrow(
      'prefetch must be a whole number from 0',
    );
    const bytes = new TensorDataset({ data: new Uint8Array(12), shape: [2, 1, 2, 3], dtype: 'u8' } as const);
    await expect(batchesOf(new DataLoader(bytes, { batchSize: 2 }))).rejects.toThrow(
      'DataLoader: part 0 of a batch is u8[2,1,2,3], which no device holds; end its transform with toTensor()',
    );
    const ragged: Dataset = { length: 2, get: (i) => (i === 0 ? [vector([1])] : [vector([1]), vector([2])]) };
    await expect(batchesOf(new DataLoader(ragged, { batchSize: 2 }))).rejects.toThrow(
      "DataLoader: a sample has 2 parts, the batch's first sample 1",
    );
  });
});

describe('prefetching', () => {
  /** A dataset whose batches are made when the test says so. */
  function gated() {
    const asked: {
      indices: number[];
      done: () => void;
      failed: (error: Error) => void;
      signal: AbortSignal;
    }[] = [];
    const dataset: BatchedDataset = {
      length: 6,
      get: () => [],
      getBatch: (indices, _seed, signal) =>
        new Promise((resolve, reject) => {
          const list = Array.from(indices);
          asked.push({ indices: list, done: () => resolve([vector(list)]), failed: reject, signal: signal! });
        }),
    };
    return { dataset, asked };
  }
  const settled = () => new Promise((done) => setTimeout(done, 0));

  it('asks ahead, and gives in order whatever is ready first', async () => {
    const { dataset, asked } = gated();
    const run = new DataLoader(dataset, { batchSize: 1, prefetch: 2 })[Symbol.asyncIterator]();
    const first = run.next();
    await settled();
    expect(asked.map(({ indices }) => indices)).toEqual([[0], [1], [2]]);
    asked[2]!.done();
    asked[1]!.done();
    asked[0]!.done();
    expect((await first).value![0]!.data[0]).toBe(0);
    expect((await run.next()).value![0]!.data[0]).toBe(1);
    expect(asked).toHaveLength(4);
    expect(asked[3]!.signal.aborted).toBe(false);
    await run.return();
    expect(asked[3]!.signal.aborted).toBe(true);
  });

  it("reports a batch's error when its turn comes", async () => {
    const { dataset, asked } = gated();
    const run = new DataLoader(dataset, { batchSize: 1, prefetch: 2 })[Symbol.asyncIterator]();
    const first = run.next();
    await settled();
    asked[1]!.failed(new Error('sample 1 is damaged'));
    await settled();
    asked[0]!.done();
    expect((await first).done).toBe(false);
    await expect(run.next()).rejects.toThrow('sample 1 is damaged');
    expect(asked[2]!.signal.aborted).toBe(true);
  });
});
