import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf, stridesOf } from '../shape.js';
import { mul } from './binary.js';
import { shapesOf } from './common.js';
import { full, scalar } from './fill.js';
import {
  type AxisAttrs,
  type AxisOptions,
  axisAttrs,
  axisKinds,
  gatherLaunch,
  gatherReference,
  indexFault,
  type Scatter,
  scatterLaunches,
  scatterReference,
  scatterTemporaries,
  sliceWalk,
} from './indexing_walk.js';
import { copyLaunch, wholeCopy } from './strided.js';

type Attrs = AxisAttrs;
type Backend = 'wasm' | 'webgpu';

/** The slices of x across an axis that a list of indices names: torch.index_select. x of any dtype, index i32 [n]. */
export const indexSelect = defineOp({
  name: 'indexSelect',
  summary: 'y[.., i, ..] = x[.., index[i], ..] along an axis',
  inputs: ['x', 'index'],
  kinds: axisKinds,
  attributes: (options: AxisOptions | undefined, { x }) => axisAttrs('indexSelect', options, x),
  infer({ x, index }, { axis }) {
    expectList('indexSelect', index);
    return { shape: x.shape.with(axis, index.shape[0]!), dtype: x.dtype };
  },
  reference: ({ x, index }, { axis }) =>
    gatherReference('indexSelect', sliceWalk(x.shape, index.data.length, axis), x, index, (detail) =>
      indexFault('x', { x, index }, 'index', axis, detail),
    ),
  backward: {
    x: ({ grad, x, index, attrs }): Value => indexAdd(full({ shape: x.shape, value: 0 }), index, grad, attrs),
    index: null,
  },
  kernels: { wasm: [selectVariant('wasm')], webgpu: [selectVariant('webgpu')] },
  fault: (types, { axis }, detail) => indexFault('x', types, 'index', axis, detail),
  linear: ['x'],
  samples: [
    ...[{ axis: 0 }, { axis: 1 }, { axis: -1 }].map((options) => ({
      inputs: {
        x: { shape: [4, 5, 3] },
        index: { shape: [7], dtype: 'i32' as const, domain: [0, 2] as const },
      },
      options,
    })),
    {
      inputs: {
        x: { shape: [3, 1], dtype: 'i32', domain: [-9, 9] },
        index: { shape: [1], dtype: 'i32', domain: [0, 2] },
      },
      options: { axis: 0 },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 4]), index: { shape: [2, 2], dtype: 'i32' } },
      options: { axis: 0 },
      message: 'indexSelect: index must be a list [n], it is [2,2]',
    },
    {
      types: { x: f32([3, 4]), index: f32([2]) },
      options: { axis: 0 },
      message: 'indexSelect: index must be i32, it is f32[2]',
    },
  ],
});

function expectList(name: string, index: TensorType): void {
  expectDType(name, { index }, 'i32');
  if (index.shape.length !== 1) fail(name, `index must be a list [n], it is ${showShape(index.shape)}`);
}

function selectVariant(backend: Backend) {
  return {
    name: 'gather__strided',
    launches: ({ types: { x, index }, attrs: { axis } }: KernelCall<'x' | 'index', Attrs>) => [
      gatherLaunch(backend, ['x', 'index'], sliceWalk(x.shape, index.shape[0]!, axis)),
    ],
  };
}

export interface IndexAddOptions extends AxisOptions {
  /** What src is multiplied by, default 1. */
  readonly alpha?: number;
}

export const indexAddKinds: Kinds<IndexAddOptions> = { ...axisKinds, alpha: number };

interface AddAttrs extends Attrs {
  readonly alpha: number;
}

const addOf = (x: Shape, src: Shape, { axis, alpha }: AddAttrs): Scatter => ({
  ...sliceWalk(x, src[axis]!, axis),
  sourceStrides: stridesOf(src),
  scale: alpha,
  skip: -1,
});

type AddCall = KernelCall<'x' | 'index' | 'src', AddAttrs>;

// A sum of so many terms rounds once for each, and each product with alpha once.
const addTolerance = {
  ulps: ({ types }: AddCall) => types.index.shape[0]! + 1,
  magnitude: 'declared',
} as const;

/**
 * x with slice index[i] across the axis increased by alpha times slice i of src: torch.index_add. Where an index repeats,
 * its slices are added in the index's order, so that every run gives the same bits.
 */
export const indexAdd = defineOp({
  name: 'indexAdd',
  summary: 'y = x; y[.., index[i], ..] += alpha · src[.., i, ..] along an axis',
  inputs: ['x', 'index', 'src'],
  kinds: indexAddKinds,
  attributes: (options: IndexAddOptions | undefined, { x }): AddAttrs => ({
    ...axisAttrs('indexAdd', options, x),
    alpha: options?.alpha ?? 1,
  }),
  infer({ x, index, src }, { axis }) {
    expectDType('indexAdd', { x, src }, 'f32');
    expectList('indexAdd', index);
    const fits = src.shape.length === x.shape.length && src.shape[axis] === index.shape[0];
    if (!fits || !sameShape(src.shape.toSpliced(axis, 1), x.shape.toSpliced(axis, 1)))
      fail('indexAdd', `src must be x with axis ${axis} as long as index, ${shapesOf({ x, index, src })}`);
    return f32(x.shape);
  },
  reference: ({ x, index, src }, attrs) =>
    scatterReference('indexAdd', addOf(x.shape, src.shape, attrs), x.data.slice(), index, src, (detail) =>
      indexFault('x', { x, index }, 'index', attrs.axis, detail),
    ),
  backward: {
    x: ({ grad }) => grad,
    index: null,
    src({ grad, index, attrs: { axis, alpha } }): Value {
      const read = indexSelect(grad, index, { axis });
      return alpha === 1 ? read : mul(read, scalar(alpha));
    },
  },
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.src.shape) }),
  kernels: { wasm: [addVariant('wasm')], webgpu: [addVariant('webgpu')] },
  fault: (types, { axis }, detail) => indexFault('x', types, 'index', axis, detail),
  samples: [
    ...[{ axis: 0 }, { axis: 1, alpha: -0.75 }, { axis: -1 }].map((options) => ({
      inputs: {
        x: { shape: [4, 5, 3] },
        index: { shape: [7], dtype: 'i32' as const, domain: [0, 2] as const },
        src: { shape: [4, 5, 3].with(options.axis, 7) },
      },
      options,
    })),
    {
      inputs: {
        x: { shape: [5, 67] },
        index: { shape: [11], dtype: 'i32', domain: [0, 4] },
        src: { shape: [11, 67] },
      },
      options: { axis: 0 },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 4]), index: { shape: [2], dtype: 'i32' }, src: f32([3, 4]) },
      options: { axis: 0 },
      message: 'indexAdd: src must be x with axis 0 as long as index, x is [3,4], index is [2], src is [3,4]',
    },
    {
      types: { x: f32([3]), index: { shape: [3], dtype: 'i32' }, src: { shape: [3], dtype: 'i32' } },
      options: { axis: 0 },
      message: 'indexAdd: src must be f32, it is i32[3]',
    },
  ],
  tolerance: { wasm: addTolerance, webgpu: addTolerance },
  magnitude({ x, index, src }, { axis, alpha }) {
    const positive = { ...src, data: src.data.map(Math.abs) };
    const attrs = { axis, alpha: Math.abs(alpha) };
    const start = x.data.map(Math.abs);
    return scatterReference('indexAdd', addOf(x.shape, src.shape, attrs), start, index, positive, () => '');
  },
});

function addVariant(backend: Backend) {
  return {
    name: `scatter_add_f32__${backend === 'wasm' ? 'lines' : 'chain'}`,
    temporaries: ({ types }: AddCall) => scatterTemporaries(backend, types.index.shape),
    launches: ({ types: { x, index, src }, attrs }: AddCall) => [
      copyLaunch(backend, wholeCopy(x.shape), 'x'),
      ...scatterLaunches(backend, ['index', 'src'], index.shape, addOf(x.shape, src.shape, attrs)),
    ],
  };
}
