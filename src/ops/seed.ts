import { fail } from '../errors.js';
import { expectDType, type TensorType } from '../op.js';
import { sameShape, showShape } from '../shape.js';

/** Refuses a seed that is not i32 [2]. */
export function expectSeed(name: string, seed: TensorType): void {
  expectDType(name, { seed }, 'i32');
  if (!sameShape(seed.shape, [2])) fail(name, `seed must be [2], it is ${showShape(seed.shape)}`);
}

/** The error cases of {@link expectSeed}, beside inputs and options that fit. */
export const seedErrors = <N extends object, U = undefined>(name: string, types: N, options?: U) => [
  {
    types: { ...types, seed: { shape: [3], dtype: 'i32' as const } },
    options: options as U,
    message: `${name}: seed must be [2], it is [3]`,
  },
  {
    types: { ...types, seed: { shape: [2], dtype: 'f32' as const } },
    options: options as U,
    message: `${name}: seed must be i32, it is f32[2]`,
  },
];

/** A seed for samples. */
export const seedInput = (first: number, second: number) => ({
  shape: [2],
  values: [first, second],
  dtype: 'i32' as const,
});
