import { fail } from '../errors.js';
import { anyNumber, expectOptions, flag, type Kinds, whole } from '../kinds.js';
import { Generator } from '../random.js';
import { Subset } from './combine.js';
import type { Dataset, DataTensor } from './sample.js';
import { placesOf } from './split.js';

export interface FoldOptions {
  /** Parts, from 2; default 5. Each is the test once. */
  readonly nSplits?: number;
  /** Default false. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
}

const kinds: Kinds<FoldOptions> = { nSplits: anyNumber, shuffle: flag, seed: whole };

export interface Fold<T extends DataTensor = DataTensor> {
  readonly train: Subset<T>;
  readonly test: Subset<T>;
}

function checkSplits(where: string, splits: number, samples: number): void {
  if (!Number.isInteger(splits) || splits < 2)
    fail(where, `nSplits must be a whole number from 2, got ${splits}`);
  if (splits > samples) fail(where, `${samples} samples can't make ${splits} parts; lower nSplits`);
}

/** The folds in which sample i is in the test of fold `foldOf[i]`. Indices ascend. */
function foldsOf<T extends DataTensor>(
  dataset: Dataset<T>,
  foldOf: ArrayLike<number>,
  splits: number,
): Fold<T>[] {
  const indices = Int32Array.from({ length: dataset.length }, (_, i) => i);
  return Array.from({ length: splits }, (_, fold) => ({
    train: new Subset(
      dataset,
      indices.filter((i) => foldOf[i] !== fold),
    ),
    test: new Subset(
      dataset,
      indices.filter((i) => foldOf[i] === fold),
    ),
  }));
}

/**
 * k parts of nearly equal size, the first ones a sample larger where they don't come out even; each is the test once and
 * the others train. As sklearn.model_selection.KFold.
 */
export function kFold<T extends DataTensor>(dataset: Dataset<T>, options: FoldOptions = {}): Fold<T>[] {
  expectOptions('kFold', options, kinds);
  const { nSplits = 5, shuffle = false, seed = 0 } = options;
  const { length } = dataset;
  checkSplits('kFold', nSplits, length);
  const order = shuffle ? new Generator(seed).permutation(length) : Int32Array.from({ length }, (_, i) => i);
  const foldOf = new Int32Array(length);
  let place = 0;
  for (let fold = 0; fold < nSplits; fold++) {
    const size = Math.floor(length / nSplits) + (fold < length % nSplits ? 1 : 0);
    for (const index of order.subarray(place, place + size)) foldOf[index] = fold;
    place += size;
  }
  return foldsOf(dataset, foldOf, nSplits);
}

/**
 * As `kFold`, with each label's share in every part; `labels` are whole numbers, one for each sample. The numbers per
 * fold and label are those of sklearn.model_selection.StratifiedKFold, and without `shuffle` the samples too.
 * Raises a WeftError where every label has fewer samples than there are parts.
 */
export function stratifiedKFold<T extends DataTensor>(
  dataset: Dataset<T>,
  labels: ArrayLike<number>,
  options: FoldOptions = {},
): Fold<T>[] {
  const where = 'stratifiedKFold';
  expectOptions(where, options, kinds);
  const { nSplits = 5, shuffle = false, seed = 0 } = options;
  checkSplits(where, nSplits, dataset.length);
  const classes = [...placesOf(where, labels, dataset.length).values()];
  if (classes.every(({ length }) => length < nSplits)) {
    fail(where, `every label has fewer samples than the ${nSplits} parts; lower nSplits`);
  }
  // As scikit-learn: labels in the order in which they appear, their sorted list dealt out to the folds in turn.
  classes.sort((a, b) => a[0]! - b[0]!);
  const generator = new Generator(seed);
  const foldOf = new Int32Array(dataset.length);
  let dealt = 0;
  for (const places of classes) {
    const folds = places.map((_, i) => (dealt + i) % nSplits);
    dealt += places.length;
    folds.sort((a, b) => a - b);
    const order = shuffle ? generator.permutation(places.length) : places.keys();
    let next = 0;
    for (const i of order) foldOf[places[i]!] = folds[next++]!;
  }
  return foldsOf(dataset, foldOf, nSplits);
}
