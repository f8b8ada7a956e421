import type { HostTensor } from '../dtype.js';
import { hostArray } from '../dtype.js';
import { fail } from '../errors.js';
import { checkShape, showShape, sizeOf } from '../shape.js';

/** A list of samples, each a tuple of tensors. */
export interface Dataset {
  readonly length: number;
  /** Sample `index`: tensors without a batch axis. */
  get(index: number): readonly HostTensor[];
}

/**
 * A dataset that can gather many samples at once: one tensor [indices.length, ...] per tensor of a sample.
 */
export interface BatchedDataset extends Dataset {
  getBatch(indices: ArrayLike<number>): HostTensor[];
}

const at = (indices: ArrayLike<number>, i: number): number => indices[i]!;

/** Rows of tensors [n, ...] that share their first axis: sample i is row i of each. */
export class TensorDataset implements BatchedDataset {
  readonly length: number;
  readonly tensors: readonly HostTensor[];

  constructor(...tensors: readonly HostTensor[]) {
    const where = 'TensorDataset';
    tensors.forEach(({ shape, data }, i) => {
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

  get(index: number): HostTensor[] {
    return this.getBatch([index]).map(({ shape, ...rest }) => ({ ...rest, shape: shape.slice(1) }));
  }

  getBatch(indices: ArrayLike<number>): HostTensor[] {
    for (let i = 0; i < indices.length; i++) {
      const index = at(indices, i);
      if (!Number.isInteger(index) || index < 0 || index >= this.length) {
        fail('TensorDataset', `index ${index} is outside its ${this.length} samples`);
      }
    }
    return this.tensors.map(({ data, shape, dtype }) => {
      const row = sizeOf(shape.slice(1));
      const rows = hostArray(dtype, indices.length * row, data instanceof Float64Array);
      for (let i = 0; i < indices.length; i++) {
        const start = at(indices, i) * row;
        rows.set(data.subarray(start, start + row), i * row);
      }
      return { data: rows, shape: [indices.length, ...shape.slice(1)], dtype };
    });
  }
}
