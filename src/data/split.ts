import { fail } from '../errors.js';
import { anyNumber, expectOptions, flag, type Kinds, object, whole } from '../kinds.js';
import { listAt } from '../lists.js';
import { Generator } from '../random.js';
import { Subset } from './combine.js';
import type { Dataset, DataTensor } from './sample.js';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** How many of `total` each fraction gets: rounded down, what is left goes to the first ones, one each. */
function fractionsToLengths(where: string, fractions: readonly number[], total: number): number[] {
  fractions.forEach((fraction, i) => {
    if (!(fraction >= 0 && fraction <= 1)) fail(where, `fraction ${i} is ${fraction}, not between 0 and 1`);
  });
  const lengths = fractions.map((fraction) => Math.floor(total * fraction));
  const left = total - sum(lengths);
  for (let i = 0; i < left; i++) lengths[i % lengths.length]!++;
  return lengths;
}

/**
 * Subsets of random samples that don't overlap, of the given lengths, or fractions that sum to 1; as
 * torch.utils.data.random_split, whose rounding it follows. Raises a WeftError for lengths that don't sum to the
 * dataset's.
 */
export function randomSplit<T extends DataTensor>(
  dataset: Dataset<T>,
  lengths: readonly number[],
  options: { readonly seed?: number } = {},
): Subset<T>[] {
  const where = 'randomSplit';
  expectOptions(where, options, { seed: whole });
  const { seed = 0 } = options;
  const given = sum(lengths);
  const isParts = Math.abs(given - 1) < 1e-9;
  const counts = isParts ? fractionsToLengths(where, lengths, dataset.length) : lengths;
  if (counts.some((count) => !Number.isInteger(count) || count < 0) || sum(counts) !== dataset.length) {
    fail(
      where,
      `lengths [${lengths.join(', ')}] must be whole numbers that sum to the ${dataset.length} samples, ` +
        `or fractions that sum to 1; they sum to ${given}`,
    );
  }
  const order = new Generator(seed).permutation(dataset.length);
  let start = 0;
  return counts.map((count) => {
    start += count;
    return new Subset(dataset, order.subarray(start - count, start));
  });
}

export interface TrainTestSplitOptions {
  /** Samples for the test if whole and above 0, or their part of all in (0, 1), rounded up. Default 0.25, or what training leaves. */
  readonly testSize?: number;
  /** Samples for training, or their part, rounded down. Default: what the test leaves. */
  readonly trainSize?: number;
  /** Default true; without it the test takes the samples after the training's. */
  readonly shuffle?: boolean;
  /** A label for each sample, whole numbers: both parts get each label's share. */
  readonly stratify?: ArrayLike<number>;
  /** Default 0. */
  readonly seed?: number;
}

const kinds: Kinds<TrainTestSplitOptions> = {
  testSize: anyNumber,
  trainSize: anyNumber,
  shuffle: flag,
  stratify: object('a list of labels'),
  seed: whole,
};

const WHERE = 'trainTestSplit';

/** A whole number of samples as it is, a part of `total` rounded. */
function countOf(name: string, size: number, total: number, round: (x: number) => number): number {
  if (Number.isInteger(size) && size > 0 && size < total) return size;
  if (size > 0 && size < 1) return round(size * total);
  return fail(
    WHERE,
    `${name} must be a whole number of samples from 1 to ${total - 1}, or a part between 0 and 1, got ${size}`,
  );
}

function countsOf({ testSize, trainSize }: TrainTestSplitOptions, total: number): [number, number] {
  const test = testSize === undefined ? null : countOf('testSize', testSize, total, Math.ceil);
  const train = trainSize === undefined ? null : countOf('trainSize', trainSize, total, Math.floor);
  const counts: [number, number] =
    test === null
      ? train === null
        ? [total - Math.ceil(total / 4), Math.ceil(total / 4)]
        : [train, total - train]
      : [train ?? total - test, test];
  if (counts[0] < 1 || counts[1] < 1 || counts[0] + counts[1] > total) {
    fail(
      WHERE,
      `${total} samples can't be split into ${counts[0]} for training and ${counts[1]} for the test`,
    );
  }
  return counts;
}

/** The places of each label, labels in ascending order. */
export function placesOf(where: string, labels: ArrayLike<number>, samples: number): Map<number, number[]> {
  if (labels.length !== samples) fail(where, `${labels.length} labels don't fit ${samples} samples`);
  const places = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label)) fail(where, `labels must be whole numbers, label ${i} is ${label}`);
    listAt(places, label).push(i);
  }
  return new Map([...places].sort(([a], [b]) => a - b));
}

/**
 * `draws` shared out over classes of `counts` members in proportion: rounded down, what is left goes to the largest
 * remainders, by lot where they are equal.
 */
function shares(counts: readonly number[], draws: number, generator: Generator): number[] {
  const total = sum(counts);
  const exact = counts.map((count) => (count * draws) / total);
  const given = exact.map(Math.floor);
  const lots = generator.permutation(counts.length);
  const ranked = [...counts.keys()].sort(
    (a, b) => exact[b]! - given[b]! - (exact[a]! - given[a]!) || lots[a]! - lots[b]!,
  );
  for (const i of ranked.slice(0, draws - sum(given))) given[i]!++;
  return given;
}

function stratified(
  labels: ArrayLike<number>,
  samples: number,
  train: number,
  test: number,
  generator: Generator,
): [Int32Array, Int32Array] {
  const classes = [...placesOf(WHERE, labels, samples)];
  for (const [label, { length }] of classes) {
    if (length < 2) fail(WHERE, `label ${label} has one sample; stratify needs at least two of each`);
  }
  for (const [name, count] of [
    ['trainSize', train],
    ['testSize', test],
  ] as const) {
    if (count < classes.length)
      fail(WHERE, `${name} of ${count} samples is less than the ${classes.length} labels`);
  }
  const counts = classes.map(([, places]) => places.length);
  const trainShares = shares(counts, train, generator);
  const testShares = shares(
    counts.map((count, i) => count - trainShares[i]!),
    test,
    generator,
  );
  const parts: [number[], number[]] = [[], []];
  classes.forEach(([, places], i) => {
    const order = [...generator.permutation(places.length)].map((place) => places[place]!);
    parts[0].push(...order.slice(0, trainShares[i]!));
    parts[1].push(...order.slice(trainShares[i]!, trainShares[i]! + testShares[i]!));
  });
  return parts.map((part) => generator.permutation(part.length).map((i) => part[i]!)) as [
    Int32Array,
    Int32Array,
  ];
}

/**
 * Two subsets, for training and for the test, as sklearn.model_selection.train_test_split, whose rounding and
 * stratification it follows. Raises a WeftError for sizes that don't fit.
 */
export function trainTestSplit<T extends DataTensor>(
  dataset: Dataset<T>,
  options: TrainTestSplitOptions = {},
): [train: Subset<T>, test: Subset<T>] {
  expectOptions(WHERE, options, kinds);
  const { shuffle = true, stratify, seed = 0 } = options;
  const { length } = dataset;
  const [train, test] = countsOf(options, length);
  const generator = new Generator(seed);
  if (stratify) {
    if (!shuffle) fail(WHERE, 'stratify needs shuffle');
    const [first, second] = stratified(stratify, length, train, test, generator);
    return [new Subset(dataset, first), new Subset(dataset, second)];
  }
  const order = shuffle ? generator.permutation(length) : Int32Array.from({ length }, (_, i) => i);
  return [
    new Subset(dataset, order.subarray(0, train)),
    new Subset(dataset, order.subarray(train, train + test)),
  ];
}
