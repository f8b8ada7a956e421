import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholeOrWholes, wholes } from '../kinds.js';
import { f32, type RefTensor, type Value } from '../op.js';
import {
  broadcastStrides,
  checkShape,
  forEachOffset,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  showShape,
  sizeOf,
} from '../shape.js';
import { broadcastTo, reshape, type ShapeOptions, shapeKinds } from './layout.js';

/** What an op says whose result is x under another shape. */
const reshaped = {
  inputs: ['x'] as const,
  compose: ({ x }: { x: Value }, { shape }: { shape: Shape }): Value => reshape(x, { shape }),
  reference: ({ x }: { x: RefTensor }) => x.data.slice(),
  linear: ['x'] as const,
};

export interface SqueezeOptions {
  /** The axes to drop where their size is 1, default all. */
  readonly axis?: number | readonly number[];
}

export const squeezeKinds: Kinds<SqueezeOptions> = { axis: wholeOrWholes };

/** x without those of the given axes that have size 1. No bytes move. */
export const squeeze = defineComposition({
  name: 'squeeze',
  summary: 'y = x without axes of size 1',
  ...reshaped,
  kinds: squeezeKinds,
  attributes(options: SqueezeOptions | undefined, { x }) {
    // As in PyTorch, a scalar takes axis 0 and -1.
    const axes = normalizeAxes('squeeze', options?.axis, Math.max(x.shape.length, 1));
    return { shape: x.shape.filter((size, axis) => size !== 1 || !axes.includes(axis)) };
  },
  samples: [
    { inputs: { x: { shape: [1, 3, 1, 2] } } },
    { inputs: { x: { shape: [1, 3, 1] } }, options: { axis: -1 } },
    { inputs: { x: { shape: [1, 3, 1, 1], dtype: 'i32' } }, options: { axis: [0, 1, 2] } },
    { inputs: { x: { shape: [1], dtype: 'bool' } }, options: { axis: 0 } },
  ],
  errors: [
    {
      types: { x: f32([1, 2]) },
      options: { axis: 2 },
      message: 'squeeze: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([1, 2]) },
      options: { axis: [0, -2] },
      message: 'squeeze: axes [0,-2] name an axis twice',
    },
  ],
});

export interface UnsqueezeOptions {
  /** Where the new axis stands in the result; negative ones count from its end. */
  readonly axis: number;
}

export const unsqueezeKinds: Kinds<UnsqueezeOptions> = { axis: whole };

/** x with a new axis of size 1. No bytes move. */
export const unsqueeze = defineComposition({
  name: 'unsqueeze',
  summary: 'y = x with a new axis of size 1',
  ...reshaped,
  kinds: unsqueezeKinds,
  attributes(options: UnsqueezeOptions | undefined, { x }) {
    const { axis } = options ?? fail('unsqueeze', 'needs options { axis }');
    const shape = x.shape.toSpliced(normalizeAxis('unsqueeze', axis, x.shape.length + 1), 0, 1);
    checkShape('unsqueeze', shape);
    return { shape };
  },
  samples: [
    { inputs: { x: { shape: [3, 2] } }, options: { axis: 0 } },
    { inputs: { x: { shape: [3, 2], dtype: 'bool' } }, options: { axis: -1 } },
    { inputs: { x: { shape: [] } }, options: { axis: 0 } },
  ],
  errors: [
    { types: { x: f32([2]) }, message: 'unsqueeze: needs options { axis }' },
    // The axis is one of the result's.
    {
      types: { x: f32([2]) },
      options: { axis: 2 },
      message: 'unsqueeze: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([1, 1, 1, 1, 1, 1, 1, 1]) },
      options: { axis: 0 },
      message: 'unsqueeze: shape [1,1,1,1,1,1,1,1,1] has more than 8 axes',
    },
  ],
});

export interface FlattenOptions {
  /** The first of the axes that become one, default 0. */
  readonly startAxis?: number;
  /** The last of them, default -1. */
  readonly endAxis?: number;
}

export const flattenKinds: Kinds<FlattenOptions> = { startAxis: whole, endAxis: whole };

/** x with neighbouring axes made one. No bytes move. */
export const flatten = defineComposition({
  name: 'flatten',
  summary: 'y = x with neighbouring axes made one',
  ...reshaped,
  kinds: flattenKinds,
  attributes({ startAxis = 0, endAxis = -1 }: FlattenOptions = {}, { x }) {
    const rank = Math.max(x.shape.length, 1);
    const first = normalizeAxis('flatten', startAxis, rank);
    const last = normalizeAxis('flatten', endAxis, rank);
    if (first > last) fail('flatten', `startAxis ${startAxis} comes after endAxis ${endAxis}`);
    const merged = sizeOf(x.shape.slice(first, last + 1));
    return { shape: x.shape.toSpliced(first, last + 1 - first, merged) };
  },
  samples: [
    { inputs: { x: { shape: [2, 3, 2] } } },
    { inputs: { x: { shape: [2, 3, 4, 2], dtype: 'i32' } }, options: { startAxis: 1, endAxis: -2 } },
    { inputs: { x: { shape: [] } } },
  ],
  errors: [
    {
      types: { x: f32([2, 3]) },
      options: { startAxis: 1, endAxis: 0 },
      message: 'flatten: startAxis 1 comes after endAxis 0',
    },
    {
      types: { x: f32([2, 3]) },
      options: { startAxis: 2 },
      message: 'flatten: axis 2 is outside a tensor of rank 2',
    },
  ],
});

export interface UnflattenOptions {
  readonly axis: number;
  /** The sizes that the axis falls into; one may be -1 and is worked out. */
  readonly shape: Shape;
}

export const unflattenKinds: Kinds<UnflattenOptions> = { axis: whole, shape: wholes };

/** x with one axis made several. No bytes move. */
export const unflatten = defineComposition({
  name: 'unflatten',
  summary: 'y = x with one axis made several',
  ...reshaped,
  kinds: unflattenKinds,
  attributes(options: UnflattenOptions | undefined, { x }) {
    const given = options ?? fail('unflatten', 'needs options { axis, shape }');
    const axis = normalizeAxis('unflatten', given.axis, x.shape.length);
    const known = given.shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const parts = given.shape.map((size) => (size === -1 ? x.shape[axis]! / known : size));
    const open = given.shape.filter((size) => size === -1).length;
    if (open > 1 || !parts.every(Number.isInteger) || sizeOf(parts) !== x.shape[axis] || parts.length === 0) {
      fail('unflatten', `axis ${axis} of x ${showShape(x.shape)} can't fall into ${showShape(given.shape)}`);
    }
    const shape = x.shape.toSpliced(axis, 1, ...parts);
    checkShape('unflatten', shape);
    return { shape };
  },
  samples: [
    { inputs: { x: { shape: [2, 6] } }, options: { axis: 1, shape: [3, 2] } },
    { inputs: { x: { shape: [12, 2], dtype: 'i32' } }, options: { axis: -2, shape: [2, -1, 3] } },
  ],
  errors: [
    { types: { x: f32([6]) }, message: 'unflatten: needs options { axis, shape }' },
    {
      types: { x: f32([2, 6]) },
      options: { axis: 2, shape: [6] },
      message: 'unflatten: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([2, 6]) },
      options: { axis: 1, shape: [4, -1] },
      message: "unflatten: axis 1 of x [2,6] can't fall into [4,-1]",
    },
    {
      types: { x: f32([6]) },
      options: { axis: 0, shape: [-2, -3] },
      message: 'unflatten: shape [-2,-3] must hold whole numbers that are not negative',
    },
  ],
});

/** x repeated along axes of size 1 and along new leading axes; -1 leaves an axis as it is. */
export const expand = defineComposition({
  name: 'expand',
  summary: 'y = x repeated along axes of size 1; -1 leaves an axis as it is',
  inputs: ['x'],
  kinds: shapeKinds,
  attributes(options: ShapeOptions | undefined, { x }) {
    const wanted = options?.shape ?? fail('expand', 'needs options { shape }');
    const lead = wanted.length - x.shape.length;
    const shape = wanted.map((size, axis) => (size === -1 && axis >= lead ? x.shape[axis - lead]! : size));
    const fits = x.shape.every((size, axis) => size === 1 || size === shape[lead + axis]);
    if (lead < 0 || !fits || shape.includes(-1))
      fail('expand', `can't expand x ${showShape(x.shape)} to ${showShape(wanted)}`);
    checkShape('expand', shape);
    return { shape };
  },
  compose: ({ x }, { shape }) => broadcastTo(x, { shape }),
  reference({ x }, { shape }) {
    const y = new Float64Array(sizeOf(shape));
    forEachOffset(shape, [broadcastStrides(x.shape, shape)], (i, [p]) => {
      y[i] = x.data[p!]!;
    });
    return y;
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 1] } }, options: { shape: [2, -1, 5] } },
    { inputs: { x: { shape: [1, 4], dtype: 'i32' } }, options: { shape: [3, 4] } },
    { inputs: { x: { shape: [], dtype: 'bool' } }, options: { shape: [2] } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'expand: needs options { shape }' },
    { types: { x: f32([3]) }, options: { shape: [2, 4] }, message: "expand: can't expand x [3] to [2,4]" },
    { types: { x: f32([3]) }, options: { shape: [-1, 3] }, message: "expand: can't expand x [3] to [-1,3]" },
    {
      types: { x: f32([1]) },
      options: { shape: [-2] },
      message: 'expand: shape [-2] must hold whole numbers that are not negative',
    },
  ],
});
