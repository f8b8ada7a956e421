// What the gradients of pooling have in common: their options have the shape of what was pooled beside those of the pooling.
import { fail } from '../errors.js';
import { type Kinds, wholes } from '../kinds.js';
import { expectDType, f32, type TensorType } from '../op.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Pooling } from './pool_windows.js';

/** The shape of the tensor that was pooled. */
export interface Pooled {
  readonly shape: Shape;
}

/** The options of a pooling's gradient: their kinds, and how they are completed. */
export const pooledOptions = <U, A extends U & object>(name: string, pooling: Pooling<U, A>) => ({
  kinds: { ...pooling.kinds, shape: wholes } as Kinds<U & Pooled>,
  attributes(options: (U & Pooled) | undefined): A & Pooled {
    if (!options?.shape) fail(name, 'needs the shape of the pooled tensor among its options');
    return { ...pooling.attributes(name, options, options.shape), shape: options.shape };
  },
});

/** Refuses a gradient that does not have the pooled shape. */
export function expectPooled(name: string, dy: TensorType, y: TensorType): void {
  expectDType(name, { dy }, 'f32');
  if (!sameShape(dy.shape, y.shape))
    fail(name, `dy must be ${showShape(y.shape)}, it is ${showShape(dy.shape)}`);
}

/** What is refused of dy, in a case of pooling to `y`, and of other inputs of these types. */
export function pooledErrors<U, I extends object>(
  name: string,
  { shape, options, y }: { readonly shape: Shape; readonly options: U; readonly y: TensorType },
  inputs: I,
) {
  const types = { dy: f32([1, 1, 9, 9]), ...inputs };
  return [
    {
      types,
      options: { ...options, shape },
      message: `${name}: dy must be ${showShape(y.shape)}, it is [1,1,9,9]`,
    },
    { types, message: `${name}: needs the shape of the pooled tensor among its options` },
  ];
}
