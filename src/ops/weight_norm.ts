import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, orNull, whole } from '../kinds.js';
import { expectDType, f32, type TensorType, type Value } from '../op.js';
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { mul } from './binary.js';
import { scalar } from './fill.js';
import { reshape } from './layout.js';
import { standardize } from './standardize.js';
import { layoutOf, standardizeReference, standardizeUlps } from './standardize_layout.js';

export interface WeightNormOptions {
  /** The axis whose slices have a norm each, default 0; null: the whole tensor has one. */
  readonly axis?: number | null;
}

export const weightNormKinds: Kinds<WeightNormOptions> = { axis: orNull(whole) };

interface Attrs {
  readonly axis: number | null;
}

/** v as [outer, slices, 1, inner]. */
const slices = (v: Shape, { axis }: Attrs): [number, number, number, number] =>
  axis === null ? [1, 1, 1, sizeOf(v)] : [sizeOf(v.slice(0, axis)), v[axis]!, 1, sizeOf(v.slice(axis + 1))];

const lengthOf = (v: Shape, attrs: Attrs): number => {
  const [outer, , , inner] = slices(v, attrs);
  return outer * inner;
};

/** The norms' shape: v's, with size 1 but along the axis. */
const gainShape = (v: Shape, { axis }: Attrs): number[] =>
  axis === null ? [] : v.map((size, i) => (i === axis ? size : 1));

/** v by its root mean square, per slice. */
const BY_SLICE = { eps: 0, centred: false, overBatch: true } as const;

/** What makes of the root mean square a norm. */
const gainOf = (v: Shape, attrs: Attrs): number => 1 / Math.sqrt(Math.max(lengthOf(v, attrs), 1));

const TOLERANCE = {
  // As standardize, and the gain's scale, which is rounded itself.
  ulps: ({ types, attrs }: { types: { readonly v: TensorType }; attrs: Attrs }) =>
    standardizeUlps(lengthOf(types.v.shape, attrs)) + 2,
} as const;

/**
 * w = g v / ‖v‖ with a norm per slice along the axis, as torch.nn.utils.weight_norm; g has v's rank, with size 1 but along
 * the axis, or is a scalar where the whole tensor has one norm.
 */
export const weightNorm = defineComposition({
  name: 'weightNorm',
  summary: 'w = g v / ‖v‖, a norm per slice along an axis',
  inputs: ['v', 'g'],
  kinds: weightNormKinds,
  attributes(options: WeightNormOptions | undefined, { v, g }): Attrs {
    expectDType('weightNorm', { v, g }, 'f32');
    const { axis = 0 } = options ?? {};
    const attrs = { axis: axis === null ? null : normalizeAxis('weightNorm', axis, v.shape.length) };
    const wanted = gainShape(v.shape, attrs);
    if (!sameShape(g.shape, wanted))
      fail(
        'weightNorm',
        `g must be ${showShape(wanted)}, it is ${showShape(g.shape)}, v is ${showShape(v.shape)}`,
      );
    return attrs;
  },
  compose({ v, g }, attrs): Value {
    const rows = slices(v.shape, attrs);
    const gain = mul(reshape(g, { shape: [rows[1]] }), scalar(gainOf(v.shape, attrs)));
    const [w] = standardize(reshape(v, { shape: rows }), gain, null, BY_SLICE);
    return reshape(w!, { shape: v.shape });
  },
  reference({ v, g }, attrs) {
    const weight = { ...g, data: g.data.map((value) => value * gainOf(v.shape, attrs)) };
    const rows = layoutOf(slices(v.shape, attrs), true);
    return standardizeReference({ x: v, weight, bias: null }, rows, BY_SLICE)[0];
  },
  samples: [
    { inputs: { v: { shape: [3, 5] }, g: { shape: [1, 5] } }, options: { axis: 1 } },
    { inputs: { v: { shape: [4, 3, 3, 2] }, g: { shape: [4, 1, 1, 1] } } },
    { inputs: { v: { shape: [2, 3, 7] }, g: { shape: [1, 3, 1] } }, options: { axis: -2 } },
    { inputs: { v: { shape: [5, 13] }, g: { shape: [] } }, options: { axis: null } },
  ],
  errors: [
    {
      types: { v: f32([4, 3]), g: f32([4]) },
      message: 'weightNorm: g must be [4,1], it is [4], v is [4,3]',
    },
    {
      types: { v: f32([4, 3]), g: f32([4, 1]) },
      options: { axis: 2 },
      message: 'weightNorm: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { v: f32([4, 3]), g: f32([4, 1]) },
      options: { axis: null },
      message: 'weightNorm: g must be [], it is [4,1], v is [4,3]',
    },
    {
      types: { v: { shape: [4, 3], dtype: 'i32' }, g: f32([4, 1]) },
      message: 'weightNorm: v must be f32, it is i32[4,3]',
    },
  ],
  tolerance: { wasm: TOLERANCE, webgpu: TOLERANCE },
});
