import { defineComposition } from '../composition.js';
import { expectHeld } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole } from '../kinds.js';
import { expectDType, f32, type TensorType, type Value } from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  forEachOffset,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../shape.js';
import { shapesOf } from './common.js';
import { full } from './fill.js';
import { gather } from './indexing.js';
import { broadcastTo, reshape } from './layout.js';
import { where } from './where.js';

export interface TakeAlongAxisOptions {
  /** The axis that the index runs along; default: both tensors as lists. */
  readonly axis?: number;
}

export const takeAlongAxisKinds: Kinds<TakeAlongAxisOptions> = { axis: whole };

interface TakeAttrs {
  readonly axis: number | null;
}

const spread = (x: Value, shape: Shape): Value => (sameShape(x.shape, shape) ? x : broadcastTo(x, { shape }));

/** The shapes of x and index once each is repeated along the axes, but for `axis`, in which it has size 1. */
function common(x: TensorType, index: TensorType, axis: number): { x: number[]; index: number[] } | null {
  if (x.shape.length !== index.shape.length) return null;
  const shape = broadcastShapes(x.shape.with(axis, 1), index.shape.with(axis, 1));
  return shape && { x: shape.with(axis, x.shape[axis]!), index: shape.with(axis, index.shape[axis]!) };
}

/** {@link gather} with axes of size 1 repeated, of x and of index: torch.take_along_dim. */
export const takeAlongAxis = defineComposition({
  name: 'takeAlongAxis',
  summary: 'y = gather(x, index) along an axis, with broadcasting along the others',
  inputs: ['x', 'index'],
  kinds: takeAlongAxisKinds,
  attributes(options: TakeAlongAxisOptions | undefined, { x, index }): TakeAttrs {
    expectDType('takeAlongAxis', { index }, 'i32');
    if (options?.axis === undefined) return { axis: null };
    const axis = normalizeAxis('takeAlongAxis', options.axis, x.shape.length);
    if (!common(x, index, axis))
      fail('takeAlongAxis', `shapes don't broadcast but for axis ${axis}, ${shapesOf({ x, index })}`);
    return { axis };
  },
  compose({ x, index }, { axis }) {
    if (axis === null) {
      return gather(reshape(x, { shape: [-1] }), reshape(index, { shape: [-1] }), { axis: 0 });
    }
    const shapes = common(x, index, axis)!;
    return gather(spread(x, shapes.x), spread(index, shapes.index), { axis });
  },
  constants: ['index'],
  reference({ x, index }, { axis }, [y]) {
    if (axis === null) return Float64Array.from(index.data, (k) => x.data[k]!);
    const out = new Float64Array(sizeOf(y!.shape));
    const shapes = common(x, index, axis)!;
    const xStrides = broadcastStrides(x.shape, shapes.x).with(axis, 0);
    const step = stridesOf(x.shape)[axis]!;
    forEachOffset(y!.shape, [xStrides, broadcastStrides(index.shape, shapes.index)], (n, [p, i]) => {
      out[n] = x.data[p! + index.data[i!]! * step]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    {
      inputs: { x: { shape: [3, 5] }, index: { shape: [3, 2], dtype: 'i32', domain: [0, 4] } },
      options: { axis: 1 },
    },
    {
      inputs: { x: { shape: [4, 1, 3] }, index: { shape: [7, 2, 1], dtype: 'i32', domain: [0, 3] } },
      options: { axis: -3 },
    },
    { inputs: { x: { shape: [3, 2] }, index: { shape: [2, 2], dtype: 'i32', domain: [0, 5] } } },
  ],
  errors: [
    {
      types: { x: f32([3, 4]), index: { shape: [2, 4], dtype: 'i32' } },
      options: { axis: 1 },
      message: "takeAlongAxis: shapes don't broadcast but for axis 1, x is [3,4], index is [2,4]",
    },
    {
      types: { x: f32([3, 4]), index: f32([3, 4]) },
      options: { axis: 1 },
      message: 'takeAlongAxis: index must be i32, it is f32[3,4]',
    },
  ],
});

export interface MaskedFillOptions {
  /** What is put in, where it is not given as an input. */
  readonly value?: number;
}

export const maskedFillKinds: Kinds<MaskedFillOptions> = { value: number };

/** x with `value` wherever the mask holds; the three broadcast: torch.masked_fill. */
export const maskedFill = defineComposition({
  name: 'maskedFill',
  summary: 'y = value where mask, else x',
  inputs: ['x', 'mask', 'value?'],
  kinds: maskedFillKinds,
  attributes(options: MaskedFillOptions | undefined, { x, mask, value }): { value: number | null } {
    expectDType('maskedFill', { mask }, 'bool');
    expectDType('maskedFill', { value }, x.dtype);
    if ((value === null) === (options?.value === undefined))
      fail('maskedFill', 'needs a value: as the third input, or as options { value }');
    if (value && value.shape.length !== 0)
      fail('maskedFill', `value must be a scalar, ${shapesOf({ x, mask, value })}`);
    if (options?.value !== undefined) expectHeld('maskedFill', options.value, x.dtype);
    if (!broadcastShapes(x.shape, mask.shape))
      fail('maskedFill', `shapes don't broadcast, ${shapesOf({ x, mask })}`);
    return { value: options?.value ?? null };
  },
  compose: ({ x, mask, value }, attrs) =>
    where(mask, value ?? full({ shape: [], value: attrs.value!, dtype: x.dtype }), x),
  constants: ['mask'],
  reference({ x, mask, value }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    const strides = [x, mask].map(({ shape }) => broadcastStrides(shape, y!.shape));
    forEachOffset(y!.shape, strides, (n, [p, m]) => {
      out[n] = mask.data[m!] ? (value?.data[0] ?? attrs.value!) : x.data[p!]!;
    });
    return out;
  },
  samples: [
    { inputs: { x: { shape: [3, 7] }, mask: { shape: [3, 7], dtype: 'bool' } }, options: { value: -0.5 } },
    {
      inputs: { x: { shape: [2, 1, 5] }, mask: { shape: [3, 1], dtype: 'bool' } },
      options: { value: Number.NEGATIVE_INFINITY },
    },
    { inputs: { x: { shape: [4, 5] }, mask: { shape: [5], dtype: 'bool' }, value: { shape: [] } } },
  ],
  errors: [
    {
      types: { x: f32([3]), mask: { shape: [3], dtype: 'bool' } },
      message: 'maskedFill: needs a value: as the third input, or as options { value }',
    },
    {
      types: { x: f32([3]), mask: { shape: [2], dtype: 'bool' } },
      options: { value: 0 },
      message: "maskedFill: shapes don't broadcast, x is [3], mask is [2]",
    },
    {
      types: { x: f32([3]), mask: f32([3]) },
      options: { value: 0 },
      message: 'maskedFill: mask must be bool, it is f32[3]',
    },
    {
      types: { x: { shape: [3], dtype: 'i32' }, mask: { shape: [3], dtype: 'bool' } },
      options: { value: 0.5 },
      message: 'maskedFill: 0.5 is not an i32',
    },
    {
      types: { x: f32([3]), mask: { shape: [3], dtype: 'bool' }, value: { shape: [], dtype: 'i32' } },
      message: 'maskedFill: value must be f32, it is i32[]',
    },
    {
      types: { x: f32([3]), mask: { shape: [3], dtype: 'bool' }, value: f32([3]) },
      message: 'maskedFill: value must be a scalar, x is [3], mask is [3], value is [3]',
    },
  ],
});
