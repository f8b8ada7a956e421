import type { DropoutOptions } from './ops/dropout.js';
import * as ops from './ops/index.js';
import { Tensor, type TensorFunctions, tensorFunctions } from './tensor.js';

/** Ops as functions of tensors, under PyTorch's names in camelCase. */
export interface Functional extends Omit<TensorFunctions, 'dropout'> {
  /**
   * Sets elements to zero with probability p and scales the others by 1 / (1 - p). Each recording draws a new seed from
   * the device's generator; in a compiled function each run does.
   */
  dropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** The elements of x where the mask holds, [n]: {@link Tensor.maskedSelect}. */
  maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor>;
  /** The positions of the elements that are not zero, i32 [n, rank]: {@link Tensor.nonzero}. */
  nonzero(x: Tensor): Promise<Tensor>;
}

export const functional: Functional = {
  ...tensorFunctions,
  dropout(x, options) {
    const { device } = x;
    const seed = device.feed([2], 'i32', () =>
      Int32Array.of(device.generator.word(), device.generator.word()),
    );
    return new Tensor(device, ops.dropout(x.value, seed.value, options));
  },
  maskedSelect: (x, mask) => x.maskedSelect(mask),
  nonzero: (x) => x.nonzero(),
};
