import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { checkShape, showShape, sizeOf } from '../shape.js';
import { collect } from './batch.js';
import {
  type BatchedDataset,
  checkIndex,
  type Dataset,
  type DataTensor,
  HOST_TENSOR,
  isHostTensor,
  withData,
} from './sample.js';

/** Rows of tensors [n, ...] that share their first axis: sample i is row i of each. */
export class TensorDataset<T extends DataTensor = HostTensor> implements BatchedDataset<T> {
  /** How many samples there are. */
  readonly length: number;
  readonly tensors: readonly T[];

  constructor(...tensors: readonly T[]) {
    const where = 'TensorDataset';
    tensors.forEach((tensor, i) => {
      if (!isHostTensor(tensor)) fail(where, `tensor ${i} must be ${HOST_TENSOR}`);
      const { shape, data } = tensor;
      checkShape(`${where}: tensor ${i}`, shape);
      if (shape.length === 0)
        fail(where, `tensor ${i} is a scalar; it needs a first axis that counts the samples`);
      if (data.length !== sizeOf(shape)) {
        fail(
          where,
          `tensor ${i} has ${data.length} elements, its shape ${showShape(shape)} asks for ${sizeOf(shape)}`,
        );
      }
    });
    const [first] = tensors;
    if (!first) fail(where, 'needs at least one tensor');
    const length = first!.shape[0]!;
    if (tensors.some(({ shape }) => shape[0] !== length)) {
      const shapes = tensors.map(({ shape }) => showShape(shape)).join(', ');
      fail(where, `all tensors need the same first axis, their shapes are ${shapes}`);
    }
    this.length = length;
    this.tensors = tensors;
  }

  /** All samples of another dataset, computed once and held in memory. */
  static async from<T extends DataTensor>(dataset: Dataset<T>): Promise<TensorDataset<T>> {
    if (dataset.length === 0) fail('TensorDataset', 'the dataset has no samples');
    const indices = Int32Array.from({ length: dataset.length }, (_, i) => i);
    return new TensorDataset(...(await collect(dataset, indices)));
  }

  get(index: number): T[] {
    return this.getBatch([index]).map((tensor) => ({ ...tensor, shape: tensor.shape.slice(1) }));
  }

  getBatch(indices: ArrayLike<number>): T[] {
    for (let i = 0; i < indices.length; i++) checkIndex('TensorDataset', indices[i], this.length);
    return this.tensors.map((source) => {
      const row = sizeOf(source.shape.slice(1));
      const shape = [indices.length, ...source.shape.slice(1)];
      const { tensor, data } = withData(source, indices.length * row, shape);
      for (let i = 0; i < indices.length; i++) {
        const start = indices[i]! * row;
        data.set(source.data.subarray(start, start + row), i * row);
      }
      return tensor;
    });
  }
}
