import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ConcatDataset,
  type FoldOptions,
  kFold,
  randomSplit,
  Subset,
  stratifiedKFold,
  TensorDataset,
  type TrainTestSplitOptions,
  trainTestSplit,
} from '../src/data/index.js';

interface Golden {
  readonly folds: Record<
    string,
    {
      labels: number[];
      nSplits: number;
      kFold: number[][];
      stratified: number[][];
      shuffledCounts: number[][];
    }
  >;
  readonly sizes: { count: number; options: TrainTestSplitOptions; train: number; test: number }[];
  readonly stratified: { testSize: number; train: number[]; test: number[] }[];
}
const golden = JSON.parse(readFileSync(new URL('./golden/splits.json', import.meta.url), 'utf8')) as Golden;

/** Samples 0, 1, 2, ... */
const numbered = (length: number) =>
  new TensorDataset({ data: Int32Array.from({ length }, (_, i) => i), shape: [length], dtype: 'i32' });
const range = (length: number) => Array.from({ length }, (_, i) => i);
const ascending = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const countsOf = (labels: ArrayLike<number>, indices: Iterable<number>, classes = 3) => {
  const counts = new Array<number>(classes).fill(0);
  for (const i of indices) counts[labels[i]!]!++;
  return counts;
};

describe('Subset and ConcatDataset', () => {
  it('rename the samples', async () => {
    const subset = new Subset(numbered(5), [4, 1, 1]);
    expect(subset.length).toBe(3);
    expect(await subset.get(0)).toEqual([{ data: Int32Array.of(4), shape: [], dtype: 'i32' }]);
    const both = new ConcatDataset([numbered(2), numbered(0), subset]);
    expect(both.length).toBe(5);
    expect(both.cumulativeSizes).toEqual([2, 2, 5]);
    const whole = await TensorDataset.from(both);
    expect([...whole.tensors[0]!.data]).toEqual([0, 1, 4, 1, 1]);
    expect([...(await TensorDataset.from(new Subset(subset, [0, 2]))).tensors[0]!.data]).toEqual([4, 1]);
  });

  it('refuse what is outside', async () => {
    expect(() => new Subset(numbered(5), [0, 5])).toThrow('Subset: index 5 is outside its 5 samples');
    expect(() => new Subset(numbered(5), [0]).get(1)).toThrow('Subset: index 1 is outside its 1 samples');
    expect(() => new ConcatDataset([])).toThrow('ConcatDataset: needs at least one dataset');
    expect(() => new ConcatDataset([numbered(2)]).get(-1)).toThrow('ConcatDataset: index -1 is outside');
    await expect(TensorDataset.from(numbered(0))).rejects.toThrow('the dataset has no samples');
  });
});

describe('randomSplit', () => {
  it.each([
    [10, [8, 1, 1], [8, 1, 1]],
    [10, [0.8, 0.1, 0.1], [8, 1, 1]],
    // As torch: floors of 3.3 are 3, 3, 3; the one that is left goes to the first.
    [10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]],
    [11, [0.5, 0.5], [6, 5]],
    [3, [1], [3]],
  ])('splits %i samples by %j', (count, lengths, wanted) => {
    const parts = randomSplit(numbered(count), lengths, { seed: 3 });
    expect(parts.map(({ length }) => length)).toEqual(wanted);
    expect(ascending(parts.flatMap(({ indices }) => [...indices]))).toEqual(range(count));
  });

  it('is decided by the seed', () => {
    const split = (seed: number) =>
      randomSplit(numbered(50), [25, 25], { seed }).map((part) => [...part.indices]);
    expect(split(1)).toEqual(split(1));
    expect(split(1)).not.toEqual(split(2));
  });

  it('refuses lengths that do not fit', () => {
    expect(() => randomSplit(numbered(10), [5, 4])).toThrow(
      'randomSplit: lengths [5, 4] must be whole numbers that sum to the 10 samples, or fractions that sum to 1; they sum to 9',
    );
    expect(() => randomSplit(numbered(10), [1.5, -0.5])).toThrow('fraction 0 is 1.5, not between 0 and 1');
    expect(() => randomSplit(numbered(10), [11, -1])).toThrow('lengths [11, -1]');
  });
});

describe('trainTestSplit', () => {
  it.each(golden.sizes)(
    'has the sizes of scikit-learn: $count samples, $options',
    ({ count, options, train, test }) => {
      const parts = trainTestSplit(numbered(count), options);
      expect(parts.map(({ length }) => length)).toEqual([train, test]);
      const indices = parts.flatMap((part) => [...part.indices]);
      expect(new Set(indices).size).toBe(train + test);
    },
  );

  it('keeps the order without shuffle', () => {
    const [train, test] = trainTestSplit(numbered(10), { testSize: 0.2, shuffle: false });
    expect([...train.indices]).toEqual(range(8));
    expect([...test.indices]).toEqual([8, 9]);
  });

  it.each(golden.stratified)('stratifies as scikit-learn: test of $testSize', (wanted) => {
    const labels = [...new Array(10).fill(0), ...new Array(27).fill(1), ...new Array(63).fill(2)] as number[];
    for (let seed = 0; seed < 5; seed++) {
      const [train, test] = trainTestSplit(numbered(100), {
        testSize: wanted.testSize,
        stratify: labels,
        seed,
      });
      const total = ascending([...train.indices, ...test.indices]);
      expect(total).toEqual(range(100));
      const counts = [countsOf(labels, train.indices), countsOf(labels, test.indices)];
      // Equal remainders are settled by lot, so a count may be one off what another seed gives.
      counts.flat().forEach((count, i) => {
        expect(Math.abs(count - [...wanted.train, ...wanted.test][i]!)).toBeLessThanOrEqual(1);
      });
      if (wanted.testSize !== 50) expect(counts).toEqual([wanted.train, wanted.test]);
    }
  });

  it('splits in three by two splits: 8, 1 and 1 of 10', () => {
    const [train, rest] = trainTestSplit(numbered(10), { trainSize: 0.8 });
    const [dev, test] = trainTestSplit(rest, { testSize: 0.1 / (0.1 + 0.1) });
    expect([train, dev, test].map(({ length }) => length)).toEqual([8, 1, 1]);
  });

  it.each<[TrainTestSplitOptions, string]>([
    [{ testSize: 10 }, 'trainTestSplit: testSize must be a whole number of samples from 1 to 9, or a part'],
    [
      { trainSize: 0 },
      'trainSize must be a whole number of samples from 1 to 9, or a part between 0 and 1, got 0',
    ],
    [{ testSize: 0.8, trainSize: 0.4 }, "10 samples can't be split into 4 for training and 8 for the test"],
    [{ trainSize: 0.01 }, "10 samples can't be split into 0 for training"],
    [{ stratify: [0, 1] }, "trainTestSplit: 2 labels don't fit 10 samples"],
    [
      { stratify: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
      'label 1 has one sample; stratify needs at least two of each',
    ],
    [
      { stratify: range(10).map((i) => i % 5), testSize: 2 },
      'testSize of 2 samples is less than the 5 labels',
    ],
    [{ stratify: range(10).map((i) => i / 2) }, 'labels must be whole numbers, label 1 is 0.5'],
    [{ stratify: range(10), shuffle: false }, 'stratify needs shuffle'],
  ])('refuses %o', (options, message) => {
    expect(() => trainTestSplit(numbered(10), options)).toThrow(message);
  });
});

describe('kFold and stratifiedKFold', () => {
  it.each(Object.entries(golden.folds))('are scikit-learn without shuffle: %s', (_, wanted) => {
    const dataset = numbered(wanted.labels.length);
    const { nSplits } = wanted;
    const plain = kFold(dataset, { nSplits });
    expect(plain.map(({ test }) => [...test.indices])).toEqual(wanted.kFold);
    const even = stratifiedKFold(dataset, wanted.labels, { nSplits });
    expect(even.map(({ test }) => [...test.indices])).toEqual(wanted.stratified);
    for (const { train, test } of [...plain, ...even]) {
      expect(ascending([...train.indices, ...test.indices])).toEqual(range(dataset.length));
    }
  });

  it.each(Object.entries(golden.folds))('keep sizes and shares when they shuffle: %s', (_, wanted) => {
    const dataset = numbered(wanted.labels.length);
    const options: FoldOptions = { nSplits: wanted.nSplits, shuffle: true, seed: 5 };
    const plain = kFold(dataset, options);
    expect(plain.map(({ test }) => test.length)).toEqual(wanted.kFold.map((test) => test.length));
    expect(ascending(plain.flatMap(({ test }) => [...test.indices]))).toEqual(range(dataset.length));
    const even = stratifiedKFold(dataset, wanted.labels, options);
    expect(even.map(({ test }) => countsOf(wanted.labels, test.indices))).toEqual(wanted.shuffledCounts);
    expect(ascending(even.flatMap(({ test }) => [...test.indices]))).toEqual(range(dataset.length));
    for (const folds of [plain, even]) {
      expect(folds.map(({ test }) => [...test.indices])).not.toEqual(wanted.kFold);
      expect(folds.map(({ test }) => [...test.indices])).not.toEqual(wanted.stratified);
    }
    const again = stratifiedKFold(dataset, wanted.labels, options);
    expect(again.map(({ test }) => [...test.indices])).toEqual(even.map(({ test }) => [...test.indices]));
  });

  it('refuse what does not fit', () => {
    expect(() => kFold(numbered(3), { nSplits: 4 })).toThrow(
      "kFold: 3 samples can't make 4 parts; lower nSplits",
    );
    expect(() => kFold(numbered(3), { nSplits: 1 })).toThrow('nSplits must be a whole number from 2, got 1');
    expect(() => stratifiedKFold(numbered(4), [0, 1, 0, 1], { nSplits: 3 })).toThrow(
      'stratifiedKFold: every label has fewer samples than the 3 parts; lower nSplits',
    );
    expect(() => stratifiedKFold(numbered(4), [0, 1])).toThrow("can't make 5 parts");
    expect(() => stratifiedKFold(numbered(5), [0, 1])).toThrow("2 labels don't fit 5 samples");
  });
});
