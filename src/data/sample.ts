import type { HostTensor } from '../dtype.js';
import { hostArray } from '../dtype.js';
import { fail } from '../errors.js';

/** An image as bytes, [channels, height, width], 0 to 255. No device holds it: `toTensor()` makes it f32. */
export interface ByteTensor {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: 'u8';
}

export type DataTensor = HostTensor | ByteTensor;

/** The tensors of one sample, without a batch axis: an image and its label, say. */
export type Sample<T extends DataTensor = DataTensor> = readonly T[];

export type Awaitable<T> = T | Promise<T>;

/** A list of samples. */
export interface Dataset<T extends DataTensor = DataTensor> {
  readonly length: number;
  /**
   * Sample `index`, from 0.
   * @param seed decides what a random transform draws; a DataLoader gives another one for each sample and epoch
   */
  get(index: number, seed?: number): Awaitable<Sample<T>>;
}

/** The seed of the sample that stands at `place` in a batch. */
export type SeedOf = (place: number) => number;

/**
 * A dataset that can gather many samples at once: one tensor [indices.length, ...] per tensor of a sample.
 */
export interface BatchedDataset<T extends DataTensor = DataTensor> extends Dataset<T> {
  /**
   * @param seed the seed, as of `get`, of the sample at a place of `indices`
   * @param signal aborted when nobody waits for the batch any more
   */
  getBatch(indices: ArrayLike<number>, seed?: SeedOf, signal?: AbortSignal): Awaitable<T[]>;
}

/** Refuses an index that is outside a dataset's samples. */
export function checkIndex(where: string, index: number | undefined, length: number): void {
  if (!Number.isInteger(index) || index! < 0 || index! >= length) {
    fail(where, `index ${index} is outside its ${length} samples`);
  }
}

/** Whether something is a tensor in host memory. */
export const isHostTensor = (value: unknown): value is DataTensor => {
  const { data, shape } = (value ?? {}) as Partial<DataTensor>;
  return ArrayBuffer.isView(data) && Array.isArray(shape);
};

export const HOST_TENSOR =
  'a tensor on the host, { data, shape, dtype }, as toHost() of a device tensor gives';

/** A zeroed array for elements of the tensor's dtype. */
const arrayLike = ({ dtype, data }: DataTensor, length: number) =>
  dtype === 'u8' ? new Uint8Array(length) : hostArray(dtype, length, data instanceof Float64Array);

/** A tensor of the same dtype: other elements, another shape. */
export const withData = <T extends DataTensor>(
  like: T,
  length: number,
  shape: readonly number[],
): { readonly tensor: T; readonly data: DataTensor['data'] } => {
  const data = arrayLike(like, length);
  return { tensor: { ...like, data, shape } as T, data };
};
