import { describe, expect, it } from 'vitest';
import {
  BatchSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from '../src/data/index.js';
import { Generator } from '../src/random.js';

const sized = (length: number) => ({ length });
const ascending = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const range = (length: number) => Array.from({ length }, (_, i) => i);

describe('Generator.fork', () => {
  const draws = (generator: Generator) => range(8).map(() => generator.word());

  it('depends on the seed and the numbers alone', () => {
    const one = new Generator(7);
    const before = draws(one.fork(3, 5));
    one.word();
    expect(draws(one.fork(3, 5))).toEqual(before);
    expect(draws(one.fork(3).fork(5))).toEqual(before);
    const others = [
      one.fork(5, 3),
      one.fork(3),
      one.fork(3, 6),
      new Generator(8).fork(3, 5),
      one.fork(3, 5 + 2 ** 32),
    ];
    for (const other of others) expect(draws(other)).not.toEqual(before);
    expect(one.fork(2 ** 53 - 1).seed).toBeLessThan(2 ** 53);
    expect(() => one.fork(-1)).toThrow('fork takes whole numbers from 0 to 2^53 - 1, got -1');
  });

  it('gives uniform numbers across forks', () => {
    const n = 20_000;
    const mean = range(n).reduce((sum, i) => sum + new Generator(1).fork(i).uniform(), 0) / n;
    // Standard error of the mean: sqrt(1 / 12 / n) = 0.002; five of them.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.0102);
  });
});

describe('samplers', () => {
  it('go in order, at random, and over some', () => {
    expect([...new SequentialSampler(sized(4)).order()]).toEqual([0, 1, 2, 3]);
    const random = new RandomSampler(sized(20));
    const order = [...random.order(new Generator(1))];
    expect(order).not.toEqual(range(20));
    expect(ascending(order)).toEqual(range(20));
    expect([...random.order(new Generator(1))]).toEqual(order);
    const some = new SubsetRandomSampler([3, 7, 9, 30]);
    expect(some.length).toBe(4);
    expect(ascending(some.order(new Generator(1)))).toEqual([3, 7, 9, 30]);
  });

  it('give as many as are asked for', () => {
    expect([...new RandomSampler(sized(5), { numSamples: 3 }).order(new Generator(2))]).toHaveLength(3);
    const twice = [...new RandomSampler(sized(5), { numSamples: 12 }).order(new Generator(2))];
    expect(ascending(twice.slice(0, 5))).toEqual(range(5));
    expect(ascending(twice.slice(5, 10))).toEqual(range(5));
    expect(new Set(twice.slice(10)).size).toBe(2);
    expect(new RandomSampler(sized(0)).order(new Generator(2))).toHaveLength(0);
  });

  it('draw uniformly with replacement', () => {
    const n = 10_000;
    const drawn = new RandomSampler(sized(4), { replacement: true, numSamples: n }).order(new Generator(3));
    const counts = range(4).map((i) => drawn.filter((index) => index === i).length);
    // Binomial of n = 10,000 and 1/4: deviation 43; five of them.
    for (const count of counts) expect(Math.abs(count - n / 4)).toBeLessThan(217);
  });

  it('draw by weight', () => {
    const weights = [1, 0, 3, 4];
    const n = 10_000;
    const drawn = new WeightedRandomSampler(weights, n).order(new Generator(4));
    weights.forEach((weight, i) => {
      const p = weight / 8;
      const count = drawn.filter((index) => index === i).length;
      expect(Math.abs(count - n * p)).toBeLessThanOrEqual(5 * Math.sqrt(n * p * (1 - p)));
    });
  });

  it('draw by weight without replacement, each next one from those that are left', () => {
    const sampler = new WeightedRandomSampler([1, 0, 3, 4], 2, { replacement: false });
    const n = 8_000;
    const pairs = new Map<string, number>();
    for (let seed = 0; seed < n; seed++) {
      const pair = [...sampler.order(new Generator(seed))].join();
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    // P(first, second) = w1 / 8 * w2 / (8 - w1).
    const wanted = {
      '0,2': 3 / 56,
      '0,3': 4 / 56,
      '2,0': 3 / 40,
      '2,3': 12 / 40,
      '3,0': 4 / 32,
      '3,2': 12 / 32,
    };
    expect([...pairs.keys()].sort()).toEqual(Object.keys(wanted));
    for (const [pair, p] of Object.entries(wanted)) {
      expect(Math.abs(pairs.get(pair)! - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)));
    }
  });

  it('make batches', () => {
    const batches = (dropLast: boolean) =>
      new BatchSampler(new SequentialSampler(sized(5)), 2, dropLast)
        .batches(new Generator(0))
        .map((batch) => [...batch]);
    expect(batches(false)).toEqual([[0, 1], [2, 3], [4]]);
    expect(batches(true)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('refuse what does not fit', () => {
    expect(() => new RandomSampler(sized(0), { numSamples: 1 })).toThrow(
      "the source is empty, it can't give 1 samples",
    );
    expect(() => new RandomSampler(sized(3), { numSamples: -1 })).toThrow(
      'RandomSampler: numSamples must be a whole',
    );
    expect(() => new WeightedRandomSampler([1, -2], 1)).toThrow('not negative, weight 1 is -2');
    expect(() => new WeightedRandomSampler([1, Number.NaN], 1)).toThrow('weight 1 is NaN');
    expect(() => new WeightedRandomSampler([0, 0], 1)).toThrow(
      'at least one of the 2 weights must be above 0',
    );
    expect(() => new WeightedRandomSampler([1, 0], 2, { replacement: false })).toThrow(
      "without replacement 1 weights above 0 can't give 2 samples; set replacement",
    );
    expect(() => new WeightedRandomSampler([1], 0)).toThrow(
      'numSamples must be a whole number from 1, got 0',
    );
    expect(() => new BatchSampler(new SequentialSampler(sized(5)), 0)).toThrow(
      'BatchSampler: batchSize must be',
    );
  });
});
