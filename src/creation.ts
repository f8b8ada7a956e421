import type { Device } from './device.js';
import type { DType } from './dtype.js';
import { drawSeed } from './functional.js';
import * as ops from './ops/index.js';
import type { ExponentialOptions, IntegersOptions, NormalOptions, UniformOptions } from './ops/random.js';
import type { ArangeOptions, EyeOptions, LinspaceOptions } from './ops/range.js';
import type { Shape } from './shape.js';
import { Tensor } from './tensor.js';

/** The tensors that a device makes of nothing but numbers: constants, sequences, and draws of its generator. */
export abstract class Creation {
  /** A tensor whose elements all have one value. */
  full(this: Device, shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
    return new Tensor(this, ops.full({ shape, value, dtype }));
  }

  /** f32. */
  zeros(this: Device, shape: Shape): Tensor {
    return this.full(shape, 0);
  }

  /** f32. */
  ones(this: Device, shape: Shape): Tensor {
    return this.full(shape, 1);
  }

  /** Uniform numbers in [low, high), default [0, 1), of the device's generator. */
  uniform(this: Device, shape: Shape, options: Omit<UniformOptions, 'shape'> = {}): Tensor {
    return new Tensor(this, ops.uniform(drawSeed(this).value, { ...options, shape }));
  }

  /** Normal numbers of a mean, default 0, and a standard deviation, default 1. */
  normal(this: Device, shape: Shape, options: Omit<NormalOptions, 'shape'> = {}): Tensor {
    return new Tensor(this, ops.normal(drawSeed(this).value, { ...options, shape }));
  }

  /** Exponentially distributed numbers of a rate, default 1. */
  exponential(this: Device, shape: Shape, options: Omit<ExponentialOptions, 'shape'> = {}): Tensor {
    return new Tensor(this, ops.exponential(drawSeed(this).value, { ...options, shape }));
  }

  /** Whole numbers low <= i < high, i32. */
  integers(this: Device, shape: Shape, options: Omit<IntegersOptions, 'shape'>): Tensor {
    return new Tensor(this, ops.integers(drawSeed(this).value, { ...options, shape }));
  }

  /** 0 to length - 1 in random order, i32 [length]. */
  permutation(this: Device, length: number): Tensor {
    return this.feed([length], 'i32', () => this.generator.permutation(length));
  }

  /** The numbers from start (0) to before end in steps (1): i32 where all are whole unless said otherwise, else f32. */
  arange(this: Device, options: ArangeOptions): Tensor {
    return new Tensor(this, ops.arange(options));
  }

  /** `steps` numbers from start to end at equal distances. */
  linspace(this: Device, options: LinspaceOptions): Tensor {
    return new Tensor(this, ops.linspace(options));
  }

  /** A matrix of n rows and m columns (n) with ones on its main diagonal. */
  eye(this: Device, options: EyeOptions): Tensor {
    return new Tensor(this, ops.eye(options));
  }
}
