import type { Device } from './device.js';
import type { Value } from './op.js';
import type { DropoutOptions } from './ops/dropout.js';
import * as ops from './ops/index.js';
import type { MultinomialOptions } from './ops/random.js';
import { Tensor, type TensorFunctions, tensorFunctions } from './tensor.js';

/**
 * Ops as functions of tensors, under PyTorch's names in camelCase. Those that draw random numbers take a new seed from the
 * device's generator at each recording; in a compiled function each run does.
 */
export interface Functional extends Omit<TensorFunctions, Seeded> {
  /** Sets elements to zero with probability p and scales the others by 1 / (1 - p). */
  dropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** Dropout of whole channels of x [n, channels, ...]. */
  featureDropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** Dropout for SELU, which keeps mean and deviation. */
  alphaDropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** 1 with probability p, element by element, else 0; no gradient passes. */
  bernoulli(p: Tensor): Tensor;
  /** Draws classes with replacement by weights [classes] or [rows, classes]: i32 [samples] or [rows, samples]. */
  multinomial(weights: Tensor, options?: MultinomialOptions): Tensor;
  /** The elements of x where the mask holds, [n]: {@link Tensor.maskedSelect}. */
  maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor>;
  /** The positions of the elements that are not zero, i32 [n, rank]: {@link Tensor.nonzero}. */
  nonzero(x: Tensor): Promise<Tensor>;
}

type Seeded = 'dropout' | 'featureDropout' | 'alphaDropout' | 'bernoulli' | 'multinomial';

/** The two words that key a random op's stream, drawn from the device's generator. */
export function drawSeed(device: Device): Tensor {
  return device.feed([2], 'i32', () => Int32Array.of(device.generator.word(), device.generator.word()));
}

const seeded =
  <U>(record: (x: Value, seed: Value, options?: U) => Value) =>
  (x: Tensor, options?: U): Tensor =>
    new Tensor(x.device, record(x.value, drawSeed(x.device).value, options));

export const functional: Functional = {
  ...tensorFunctions,
  dropout: seeded(ops.dropout),
  featureDropout: seeded(ops.featureDropout),
  alphaDropout: seeded(ops.alphaDropout),
  bernoulli: seeded<undefined>(ops.bernoulli),
  multinomial: seeded(ops.multinomial),
  maskedSelect: (x, mask) => x.maskedSelect(mask),
  nonzero: (x) => x.nonzero(),
};
