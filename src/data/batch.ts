import { fail } from '../errors.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import {
  type Awaitable,
  type BatchedDataset,
  type Dataset,
  type DataTensor,
  HOST_TENSOR,
  isHostTensor,
  type Sample,
  type SeedOf,
  withData,
} from './sample.js';

const isBatched = <T extends DataTensor>(dataset: Dataset<T>): dataset is BatchedDataset<T> =>
  'getBatch' in dataset && typeof dataset.getBatch === 'function';

/** `next` of a value, at once where it is there already. */
export const whenReady = <T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> =>
  value instanceof Promise ? value.then(next) : next(value);

/** All values, at once where none is awaited. */
function allReady<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[]);
}

/** The samples of `indices`, one by one. */
export const samplesOf = <T extends DataTensor>(
  dataset: Dataset<T>,
  indices: ArrayLike<number>,
  seed?: SeedOf,
): Awaitable<readonly Sample<T>[]> =>
  allReady(Array.from(indices, (index, i) => dataset.get(index, seed?.(i))));

/** The samples of `indices` as one tensor [indices.length, ...] per part, by `getBatch` where there is one. */
export function collect<T extends DataTensor>(
  dataset: Dataset<T>,
  indices: ArrayLike<number>,
  seed?: SeedOf,
  signal?: AbortSignal,
): Awaitable<T[]> {
  if (isBatched(dataset)) return dataset.getBatch(indices, seed, signal);
  return whenReady(samplesOf(dataset, indices, seed), stack);
}

/**
 * Samples along a new first axis: one tensor [samples.length, ...] per part. A DataLoader does so by default.
 * Raises a WeftError for samples whose parts, dtypes or shapes differ.
 */
export function stack<T extends DataTensor>(samples: readonly Sample<T>[]): T[] {
  for (const sample of samples) {
    if (!Array.isArray(sample))
      fail('DataLoader', `a sample must be a list of tensors, got ${typeof sample}`);
    const odd = sample.findIndex((part) => !isHostTensor(part));
    if (odd >= 0) fail('DataLoader', `part ${odd} of a sample must be ${HOST_TENSOR}`);
  }
  const [first] = samples;
  if (!first) return fail('DataLoader', 'a batch needs at least one sample');
  const other = samples.find((sample) => sample.length !== first.length);
  if (other)
    fail('DataLoader', `a sample has ${other.length} parts, the batch's first sample ${first.length}`);
  return first.map((like, part) => {
    const { shape, dtype } = like;
    const size = sizeOf(shape);
    const { tensor, data } = withData(like, samples.length * size, [samples.length, ...shape]);
    samples.forEach((sample, i) => {
      const one = sample[part]!;
      if (!sameShape(one.shape, shape) || one.dtype !== dtype || one.data.length !== size) {
        fail(
          'DataLoader',
          `part ${part} of a sample is ${one.dtype}${showShape(one.shape)} of ${one.data.length} elements, ` +
            `the batch's first sample has ${dtype}${showShape(shape)}`,
        );
      }
      data.set(one.data, i * size);
    });
    return tensor;
  });
}
