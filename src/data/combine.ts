import { fail } from '../errors.js';
import { Generator } from '../random.js';
import { collect, whenReady } from './batch.js';
import {
  type Awaitable,
  type BatchedDataset,
  checkIndex,
  type Dataset,
  type DataTensor,
  type Sample,
  type SeedOf,
} from './sample.js';

/** What makes a sample of another one. All that is random comes from `generator`. */
export type SampleMap<T extends DataTensor, U extends DataTensor> = (
  sample: Sample<T>,
  generator: Generator,
) => Awaitable<Sample<U>>;

/** What makes a tensor of another one, an image mostly. All that is random comes from `generator`. */
export type Transform<T extends DataTensor = DataTensor, U extends DataTensor = DataTensor> = (
  tensor: T,
  generator: Generator,
) => Awaitable<U>;

/**
 * Another dataset's samples, each as `map` makes it anew whenever it is asked for. Its generator is seeded by what
 * `get` is given, or by the index where it is given nothing.
 */
export class MapDataset<T extends DataTensor, U extends DataTensor> implements Dataset<U> {
  constructor(
    readonly dataset: Dataset<T>,
    readonly map: SampleMap<T, U>,
  ) {}

  get length(): number {
    return this.dataset.length;
  }

  get(index: number, seed?: number): Awaitable<Sample<U>> {
    const generator = seed === undefined ? new Generator(0).fork(index) : new Generator(seed);
    return whenReady(this.dataset.get(index, generator.fork(0).seed), (sample) =>
      this.map(sample, generator),
    );
  }
}

/**
 * A dataset whose samples' first tensor, the image mostly, goes through `transform`; `part` names another one.
 * torchvision's datasets take theirs as the arguments `transform` and `target_transform`.
 */
export function transformed(
  dataset: Dataset,
  transform: Transform,
  { part = 0 }: { readonly part?: number } = {},
): MapDataset<DataTensor, DataTensor> {
  return new MapDataset(dataset, (sample, generator) => {
    const tensor =
      sample[part] ?? fail('transformed', `part ${part} is outside the ${sample.length} of a sample`);
    return whenReady(transform(tensor, generator), (image) =>
      sample.map((one, i) => (i === part ? image : one)),
    );
  });
}

/** The samples of another dataset that `indices` name, in their order. */
export class Subset<T extends DataTensor = DataTensor> implements BatchedDataset<T> {
  readonly indices: Int32Array;

  constructor(
    readonly dataset: Dataset<T>,
    indices: ArrayLike<number>,
  ) {
    for (let i = 0; i < indices.length; i++) checkIndex('Subset', indices[i], dataset.length);
    this.indices = Int32Array.from(indices);
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number, seed?: number): Awaitable<Sample<T>> {
    return this.dataset.get(this.#inner(index), seed);
  }

  getBatch(indices: ArrayLike<number>, seed?: SeedOf, signal?: AbortSignal): Awaitable<T[]> {
    const inner = Int32Array.from(indices, (index) => this.#inner(index));
    return collect(this.dataset, inner, seed, signal);
  }

  #inner(index: number): number {
    checkIndex('Subset', index, this.length);
    return this.indices[index]!;
  }
}

/** Several datasets, one after the other. */
export class ConcatDataset<T extends DataTensor = DataTensor> implements Dataset<T> {
  readonly length: number;
  readonly datasets: readonly Dataset<T>[];
  /** Where each dataset ends. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: readonly Dataset<T>[]) {
    if (datasets.length === 0) fail('ConcatDataset', 'needs at least one dataset');
    let length = 0;
    this.cumulativeSizes = datasets.map((dataset) => {
      length += dataset.length;
      return length;
    });
    this.datasets = datasets;
    this.length = length;
  }

  get(index: number, seed?: number): Awaitable<Sample<T>> {
    checkIndex('ConcatDataset', index, this.length);
    const which = this.cumulativeSizes.findIndex((end) => index < end);
    const dataset = this.datasets[which]!;
    return dataset.get(index - (this.cumulativeSizes[which]! - dataset.length), seed);
  }
}
