import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { expectDType, f32, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { reshape } from './layout.js';
import { standardize } from './standardize.js';
import {
  layoutOf,
  type Operands,
  type StandardizeAttrs,
  standardizeMagnitude,
  standardizeReference,
  standardizeUlps,
} from './standardize_layout.js';

/** Refuses an eps that is negative; one that is not a number is refused with the attributes. */
export function expectEps(name: string, eps: number): number {
  if (eps < 0) fail(name, `eps must be a number of at least 0, got ${eps}`);
  return eps;
}

/** Refuses weights of another shape. */
export function expectAffine(
  name: string,
  affine: Readonly<Record<string, TensorType | null>>,
  shape: Shape,
): void {
  expectDType(name, affine, 'f32');
  for (const [input, type] of Object.entries(affine)) {
    if (type && !sameShape(type.shape, shape))
      fail(name, `${input} must be ${showShape(shape)}, it is ${showShape(type.shape)}`);
  }
}

type Rows<A> = (x: Shape, attrs: A) => Shape;

/** What an op that normalises rows has from `standardize`: its graph, reference and bound. */
export function byRows<A extends { readonly eps: number }>(
  rowsOf: Rows<A>,
  how: Pick<StandardizeAttrs, 'centred' | 'overBatch'>,
) {
  const layout = (x: Shape, attrs: A) => layoutOf(rowsOf(x, attrs), how.overBatch);
  const ulps = ({ types, attrs }: { types: { readonly x: TensorType }; attrs: A }) =>
    standardizeUlps(layout(types.x.shape, attrs).count);
  const tolerance = { ulps, magnitude: 'declared' } as const;
  return {
    compose(x: Value, weight: Value | null, bias: Value | null, attrs: A): readonly [Value, Value, Value] {
      const rows = reshape(x, { shape: rowsOf(x.shape, attrs) });
      const flat = (value: Value | null) => value && reshape(value, { shape: [sizeOf(value.shape)] });
      const [y, ...statistics] = standardize(rows, flat(weight), flat(bias), { eps: attrs.eps, ...how });
      return [reshape(y!, { shape: x.shape }), ...(statistics as [Value, Value])];
    },
    reference: (inputs: Operands, attrs: A) =>
      standardizeReference(inputs, layout(inputs.x.shape, attrs), { eps: attrs.eps, ...how }),
    magnitude: (inputs: Operands, attrs: A) =>
      standardizeMagnitude(inputs, layout(inputs.x.shape, attrs), { eps: attrs.eps, ...how }),
    tolerance: { wasm: tolerance, webgpu: tolerance },
  };
}

/** Refuses an x without batch and channels, and weights that are not one per channel. */
export function expectChannels(
  name: string,
  x: TensorType,
  affine: Readonly<Record<string, TensorType | null>>,
): void {
  expectDType(name, { x }, 'f32');
  if (x.shape.length < 2) fail(name, `x must be [batch, channels, ...], it is ${showShape(x.shape)}`);
  expectAffine(name, affine, [x.shape[1]!]);
}

export const channelErrors = <U>(name: string, options: U) => [
  {
    types: { x: f32([3]) },
    options,
    message: `${name}: x must be [batch, channels, ...], it is [3]`,
  },
  {
    types: { x: f32([2, 4, 5]), weight: f32([4]), bias: f32([5]) },
    options,
    message: `${name}: bias must be [4], it is [5]`,
  },
  {
    types: { x: { shape: [2, 4, 3], dtype: 'i32' as const } },
    options,
    message: `${name}: x must be f32, it is i32[2,4,3]`,
  },
];

export interface NormalizationOptions {
  /** Default 1e-5. */
  readonly eps?: number;
}

export const normalizationKinds: Kinds<NormalizationOptions> = { eps: number };
