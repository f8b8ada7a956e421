import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, type KernelCall, type Value } from '../op.js';
import { philox } from '../random.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { elementwise } from './common.js';

export interface DropoutOptions {
  /** Probability that an element becomes zero, default 0.5. */
  readonly p?: number;
}

interface Attrs {
  readonly p: number;
}

/** An element is kept where the upper 24 bits of its word reach this. */
const threshold = (p: number): number => Math.ceil(p * 2 ** 24);

/** 1 / (1 - p); with p = 1 nothing is kept and nothing is scaled. */
const scaleOf = (p: number): number => (p === 1 ? 0 : 1 / (1 - p));

const params = ({ output, attrs }: KernelCall<'x' | 'seed', Attrs>) => ({
  size: sizeOf(output.shape),
  threshold: threshold(attrs.p),
  scale: scaleOf(attrs.p),
});

/**
 * Sets elements to zero with probability p and scales the others by 1 / (1 - p). Which, is decided by Philox with the
 * two words of `seed` (i32 [2]) as key and the element's index as counter: the same on every device. Linear in x, so
 * that its gradient is itself, with the same seed.
 */
export const dropout = defineOp({
  name: 'dropout',
  summary: 'y = x / (1 - p) where a seeded draw keeps it, else 0',
  inputs: ['x', 'seed'],
  attributes(options: DropoutOptions | undefined): Attrs {
    const p = options?.p ?? 0.5;
    if (!(p >= 0 && p <= 1) && !Number.isNaN(p)) fail('dropout', `p must be between 0 and 1, got ${p}`);
    return { p };
  },
  infer({ x, seed }) {
    expectDType('dropout', { x }, 'f32');
    expectDType('dropout', { seed }, 'i32');
    if (!sameShape(seed.shape, [2])) fail('dropout', `seed must be [2], it is ${showShape(seed.shape)}`);
    return x;
  },
  reference({ x, seed }, { p }) {
    const [key0, key1] = seed.data as unknown as [number, number];
    return x.data.map((value, i) => {
      const word = philox(Math.floor(i / 4), 0, key0, key1)[i % 4]!;
      return word >>> 8 >= threshold(p) ? value * scaleOf(p) : 0;
    });
  },
  backward: { x: ({ grad, seed, attrs }): Value => dropout(grad, seed, attrs), seed: null },
  kernels: elementwise<'x' | 'seed', Attrs>('dropout_f32', ['x', 'seed', 'output'], params),
  inPlace: ['x'],
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [5] }, seed: { shape: [2], values: [1, 2], dtype: 'i32' } } },
    {
      inputs: { x: { shape: [4099] }, seed: { shape: [2], values: [-7, 123456789], dtype: 'i32' } },
      options: { p: 0.2 },
    },
    {
      inputs: { x: { shape: [2, 3] }, seed: { shape: [2], values: [1, 0], dtype: 'i32' } },
      options: { p: 0 },
    },
    {
      inputs: { x: { shape: [2, 3] }, seed: { shape: [2], values: [1, 0], dtype: 'i32' } },
      options: { p: 1 },
    },
  ],
  errors: [
    {
      types: { x: { shape: [3], dtype: 'f32' }, seed: { shape: [2], dtype: 'i32' } },
      options: { p: 1.5 },
      message: 'dropout: p must be between 0 and 1, got 1.5',
    },
    {
      types: { x: { shape: [3], dtype: 'f32' }, seed: { shape: [2], dtype: 'i32' } },
      options: { p: Number.NaN },
      message: "dropout: attribute 'p' is NaN",
    },
    {
      types: { x: { shape: [3], dtype: 'f32' }, seed: { shape: [3], dtype: 'i32' } },
      message: 'dropout: seed must be [2], it is [3]',
    },
  ],
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 2 } },
});
