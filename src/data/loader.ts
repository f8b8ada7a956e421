import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { anyNumber, callable, expectOptions, flag, type Kinds, object } from '../kinds.js';
import { Generator } from '../random.js';
import { showShape } from '../shape.js';
import { collect, samplesOf } from './batch.js';
import type { Awaitable, Dataset, Sample, SeedOf } from './sample.js';
import { BatchSampler, type BatchSource, RandomSampler, type Sampler, SequentialSampler } from './sampler.js';

export interface DataLoaderOptions<Batch = HostTensor[]> {
  /** Default 1. */
  readonly batchSize?: number;
  /** A new order in each epoch; default false. */
  readonly shuffle?: boolean;
  /** Seed of the orders and of random transforms, a whole number; default 0. */
  readonly seed?: number;
  /** Leave out a last batch that is not full; default false. */
  readonly dropLast?: boolean;
  /** The order of an epoch, instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** The batches of an epoch, instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: BatchSource;
  /** Makes a batch of samples; default: `stack`, one tensor [batch, ...] per part. */
  readonly collate?: (samples: readonly Sample[]) => Awaitable<Batch>;
  /**
   * Batches that are asked for before the loop wants them; default 0. It pays where the dataset reads files or works in
   * a worker, which then go on while the loop computes.
   */
  readonly prefetch?: number;
}

const kinds: Kinds<DataLoaderOptions<unknown>> = {
  batchSize: anyNumber,
  shuffle: flag,
  seed: anyNumber,
  dropLast: flag,
  sampler: object('a sampler'),
  batchSampler: object('a sampler of batches'),
  collate: callable(),
  prefetch: anyNumber,
};

/** Where a loader stands, as JSON holds it; the other fields tell whether it fits the loader that takes it up. */
export interface DataLoaderState {
  readonly epoch: number;
  /** Batches of the epoch that the loop has been given. */
  readonly batch: number;
  readonly seed: number;
  readonly samples: number;
  readonly batches: number;
}

/** What the loader's seed is forked by: orders and samples draw from streams of their own. */
const ORDERS = 0;
const SAMPLES = 1;

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    const most = name === 'seed' ? ' to 2^53 - 1' : '';
    fail('DataLoader', `${name} must be a whole number from ${least}${most}, got ${value}`);
  }
}

/** Refuses options that say the same thing twice. */
function checkOptions({ batchSampler, ...options }: DataLoaderOptions<unknown>): void {
  const { sampler, shuffle } = options;
  if (sampler && typeof sampler.order !== 'function')
    fail('DataLoader', 'sampler needs a length and order(generator), which gives indices');
  if (batchSampler && typeof batchSampler.batches !== 'function')
    fail('DataLoader', 'batchSampler needs a length and batches(generator), which gives lists of indices');
  if (sampler && shuffle) fail('DataLoader', 'a sampler gives the order: leave out shuffle');
  const spare = (['batchSize', 'shuffle', 'sampler', 'dropLast'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (batchSampler && spare.length > 0)
    fail('DataLoader', `a batchSampler gives the batches: leave out ${spare.join(', ')}`);
}

/**
 * Batches of a dataset: `for await (const [x, y] of loader)` runs through one epoch, each tensor [batch, ...].
 *
 * The order of an epoch depends on the seed and the epoch; what a random transform draws for a sample depends on the
 * seed, the epoch, the sample's index, and how often it came before in the epoch. So neither batch size nor prefetching,
 * workers or an interruption change what a sample becomes.
 *
 * Raises a WeftError that names the argument for arguments that don't fit.
 */
export class DataLoader<Batch = HostTensor[]> implements AsyncIterable<Batch> {
  readonly dataset: Dataset;
  readonly seed: number;
  readonly prefetch: number;
  readonly #source: BatchSource;
  readonly #collate: ((samples: readonly Sample[]) => Awaitable<Batch>) | undefined;
  /** Where the next iteration starts. */
  #next = { epoch: 0, batch: 0 };
  /** What the latest iteration has given. */
  #given = { epoch: 0, batch: 0 };

  constructor(dataset: Dataset, options: DataLoaderOptions<Batch> = {}) {
    expectOptions('DataLoader', options, kinds);
    const { batchSize = 1, shuffle = false, seed = 0, dropLast = false, prefetch = 0 } = options;
    if (typeof dataset?.get !== 'function')
      fail('DataLoader', 'dataset needs a length and get(index), as data.TensorDataset has');
    checkWhole('batchSize', batchSize, 1);
    checkWhole('seed', seed, 0);
    checkWhole('prefetch', prefetch, 0);
    checkWhole('dataset.length', dataset.length, 0);
    checkOptions(options);
    this.dataset = dataset;
    this.seed = seed;
    this.prefetch = prefetch;
    this.#collate = options.collate;
    const sampler = options.sampler ?? new (shuffle ? RandomSampler : SequentialSampler)(dataset);
    this.#source = options.batchSampler ?? new BatchSampler(sampler, batchSize, dropLast);
  }

  /** Batches per epoch. */
  get length(): number {
    return this.#source.length;
  }

  /** The epoch that the next iteration runs through, from 0. Set it to take up a run where it was left. */
  get epoch(): number {
    return this.#next.epoch;
  }

  set epoch(epoch: number) {
    checkWhole('epoch', epoch, 0);
    this.#next = { epoch, batch: 0 };
    this.#given = this.#next;
  }

  /**
   * Where the latest iteration stands: with the batches that it has given, not with those that were fetched ahead. After
   * the last batch's turn, it is the start of the next epoch; after a loop that was left early, it is still there.
   */
  stateDict(): DataLoaderState {
    return { ...this.#given, seed: this.seed, samples: this.dataset.length, batches: this.length };
  }

  /**
   * Lets the next iteration begin where `state` stands, within the epoch too, with the same batches as if nothing had
   * come between. Raises a WeftError for the state of a loader with another seed, dataset or number of batches.
   */
  loadStateDict(state: DataLoaderState): void {
    const { epoch, batch, ...theirs } = state;
    const { epoch: _epoch, batch: _batch, ...own } = this.stateDict();
    for (const name of ['seed', 'samples', 'batches'] as const) {
      if (theirs[name] !== own[name]) {
        fail(
          'DataLoader',
          `the state is of a loader with ${name} ${theirs[name]}, this one has ${own[name]}`,
        );
      }
    }
    checkWhole("the state's epoch", epoch, 0);
    checkWhole("the state's batch", batch, 0);
    if (batch > this.length)
      fail('DataLoader', `the state's batch ${batch} is outside the ${this.length} of an epoch`);
    this.#next = { epoch, batch };
    this.#given = this.#next;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const { epoch, batch: first } = this.#next;
    this.#next = { epoch: epoch + 1, batch: 0 };
    this.#given = { epoch, batch: first };
    const batches = this.#source.batches(new Generator(this.seed).fork(ORDERS, epoch));
    const seeds = sampleSeeds(new Generator(this.seed).fork(SAMPLES, epoch), this.dataset.length);
    for (const passed of batches.slice(0, first)) seeds(passed);
    const ahead: { readonly ready: Promise<Batch>; readonly stop: AbortController }[] = [];
    try {
      for (let batch = first; batch < batches.length; batch++) {
        for (const indices of batches.slice(batch + ahead.length, batch + 1 + this.prefetch)) {
          const stop = new AbortController();
          const ready = this.#fetch(indices, seeds(indices), stop.signal);
          // Its turn to be reported comes when the loop asks for it.
          ready.catch(() => {});
          ahead.push({ ready, stop });
        }
        const ready = await ahead.shift()!.ready;
        this.#given = { epoch, batch: batch + 1 };
        yield ready;
      }
      this.#given = { epoch: epoch + 1, batch: 0 };
    } finally {
      for (const { stop } of ahead) stop.abort();
    }
  }

  async #fetch(indices: ArrayLike<number>, seed: SeedOf, signal: AbortSignal): Promise<Batch> {
    if (this.#collate) return this.#collate(await samplesOf(this.dataset, indices, seed));
    const batch = await collect(this.dataset, indices, seed, signal);
    const bytes = batch.findIndex(({ dtype }) => dtype === 'u8');
    if (bytes >= 0) {
      const shape = showShape(batch[bytes]!.shape);
      fail(
        'DataLoader',
        `part ${bytes} of a batch is u8${shape}, which no device holds; end its transform with toTensor()`,
      );
    }
    // Without `collate` a Batch is HostTensor[], and bytes were refused.
    return batch as Batch;
  }
}

/** The seeds of one batch's samples after another: of the index, and of how often it came before in the epoch. */
function sampleSeeds(generator: Generator, samples: number): (indices: ArrayLike<number>) => SeedOf {
  const seen = new Int32Array(samples);
  return (indices) => {
    const times = Int32Array.from(indices, (index) => seen[index]!++);
    return (place) => generator.fork(indices[place]!, times[place]!).seed;
  };
}
