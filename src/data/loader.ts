import type { HostTensor } from '../dtype.js';
import { hostArray } from '../dtype.js';
import { fail } from '../errors.js';
import { Generator } from '../random.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import type { BatchedDataset, Dataset } from './dataset.js';

export interface DataLoaderOptions {
  readonly batchSize: number;
  /** A new order in each epoch; default false. */
  readonly shuffle?: boolean;
  /** Seed of the orders, a whole number; default 0. */
  readonly seed?: number;
  /** Leave out a last batch that is not full; default false. */
  readonly dropLast?: boolean;
}

/**
 * Batches of a dataset: `for await (const [x, y] of loader)` runs through one epoch, each tensor [batch,
 * ...]. Orders come one after another from one generator, so that epochs differ and a seed gives the same
 * run. Raises a WeftError that names the argument for arguments that don't fit.
 */
export class DataLoader implements AsyncIterable<HostTensor[]> {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly dropLast: boolean;
  readonly #dataset: Dataset;
  #epoch = 0;
  #drawn = 0;
  #generator: Generator;

  constructor(dataset: Dataset, options: DataLoaderOptions) {
    const { batchSize, shuffle = false, seed = 0, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      fail('DataLoader', `batchSize must be a whole number from 1, got ${batchSize}`);
    }
    if (!Number.isSafeInteger(seed) || seed < 0) {
      fail('DataLoader', `seed must be a whole number from 0 to 2^53 - 1, got ${seed}`);
    }
    if (!Number.isInteger(dataset.length) || dataset.length < 0) {
      fail('DataLoader', `dataset.length must be a whole number from 0, got ${dataset.length}`);
    }
    this.#dataset = dataset;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.seed = seed;
    this.dropLast = dropLast;
    this.#generator = new Generator(seed);
  }

  /** Batches per epoch. */
  get length(): number {
    const batches = this.#dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The epoch whose order comes next, from 0. Set it to take up a run where it was left. */
  get epoch(): number {
    return this.#epoch;
  }

  set epoch(epoch: number) {
    if (!Number.isInteger(epoch) || epoch < 0) {
      fail('DataLoader', `epoch must be a whole number from 0, got ${epoch}`);
    }
    this.#epoch = epoch;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HostTensor[], void, undefined> {
    const order = this.#nextOrder();
    for (let batch = 0; batch < this.length; batch++) {
      const start = batch * this.batchSize;
      yield gather(this.#dataset, order.subarray(start, start + this.batchSize));
    }
  }

  #nextOrder(): Int32Array {
    const { length } = this.#dataset;
    const epoch = this.#epoch++;
    if (!this.shuffle) return Int32Array.from({ length }, (_, i) => i);
    if (epoch < this.#drawn) {
      this.#generator = new Generator(this.seed);
      this.#drawn = 0;
    }
    for (; this.#drawn < epoch; this.#drawn++) this.#generator.permutation(length);
    this.#drawn++;
    return this.#generator.permutation(length);
  }
}

const isBatched = (dataset: Dataset): dataset is BatchedDataset => 'getBatch' in dataset;

function gather(dataset: Dataset, indices: Int32Array): HostTensor[] {
  if (isBatched(dataset)) return dataset.getBatch(indices);
  return stack(Array.from(indices, (index) => dataset.get(index)));
}

/** Samples of equal shapes and dtypes along a new first axis. */
function stack(samples: readonly (readonly HostTensor[])[]): HostTensor[] {
  const [first] = samples;
  return first!.map(({ shape, dtype, data }, part) => {
    const size = sizeOf(shape);
    const rows = hostArray(dtype, samples.length * size, data instanceof Float64Array);
    samples.forEach((sample, i) => {
      const one = sample[part];
      if (!one || !sameShape(one.shape, shape) || one.dtype !== dtype || one.data.length !== size) {
        const found = one ? `${one.dtype}${showShape(one.shape)} of ${one.data.length} elements` : 'missing';
        fail(
          'DataLoader',
          `part ${part} of a sample is ${found}, the batch's first sample has ${dtype}${showShape(shape)}`,
        );
      }
      rows.set(one!.data, i * size);
    });
    return { data: rows, shape: [samples.length, ...shape], dtype };
  });
}
