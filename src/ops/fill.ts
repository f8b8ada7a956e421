import { defineOp } from '../define.js';
import { type DType, expectHeld } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, number, oneOf, wholes } from '../kinds.js';
import type { Value } from '../op.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { pointwise } from './common.js';

export interface FullOptions {
  readonly shape: Shape;
  readonly value: number;
  readonly dtype?: DType;
}

export const fullKinds: Kinds<FullOptions> = {
  shape: wholes,
  value: number,
  dtype: oneOf('f32', 'i32', 'bool'),
};

const scratch = new DataView(new ArrayBuffer(4));

/** The 32-bit word that holds `value` on a device. */
export function wordOf(value: number, dtype: DType): number {
  if (dtype === 'f32') scratch.setFloat32(0, value);
  else scratch.setInt32(0, value);
  return scratch.getUint32(0);
}

/** A tensor of one value. The value is part of the graph's structure: what changes from run to run is an input. */
export const full = defineOp({
  name: 'full',
  summary: 'y = value everywhere',
  inputs: [],
  kinds: fullKinds,
  attributes(options: FullOptions | undefined) {
    if (!options) fail('full', 'needs options { shape, value }');
    const { shape, value, dtype = 'f32' } = options;
    checkShape('full', shape);
    expectHeld('full', value, dtype);
    return { shape, value, dtype };
  },
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  reference: (_, { shape, value }) => new Float64Array(sizeOf(shape)).fill(value),
  backward: {},
  kernels: pointwise<never, { value: number; dtype: DType }>('fill', ['output'], ({ output, attrs }) => ({
    size: sizeOf(output.shape),
    word: wordOf(attrs.value, attrs.dtype),
  })),
  samples: [
    { inputs: {}, options: { shape: [], value: 0.5 } },
    { inputs: {}, options: { shape: [4099], value: -0.1 } },
    { inputs: {}, options: { shape: [2, 3], value: -7, dtype: 'i32' } },
  ],
  errors: [
    {
      types: {},
      options: { shape: [2, -1], value: 0 },
      message: 'full: shape [2,-1] must hold whole numbers that are not negative',
    },
    {
      types: {},
      options: { shape: [2], value: Number.NaN },
      message: 'full: value must be a number, got NaN',
    },
    { types: {}, options: { shape: [2], value: 1.5, dtype: 'i32' }, message: 'full: 1.5 is not an i32' },
    {
      types: {},
      options: { shape: [2], value: 2 ** 31, dtype: 'i32' },
      message: 'full: 2147483648 is not an i32',
    },
    {
      types: {},
      options: { shape: [2], value: 2, dtype: 'bool' },
      message: 'full: 2 is not a bool, which is 0 or 1',
    },
  ],
});

/** One number as an f32 scalar. */
export const scalar = (value: number): Value => full({ shape: [], value });

/** Whether a value is known to be 1 everywhere, as the gradient of a loss itself is. */
export const isOne = ({ node }: Value): boolean => node?.op === full.op && node.attrs.value === 1;

/** Zeros in the shape of a value. */
export const zerosLike = ({ shape }: Value): Value => full({ shape, value: 0 });
