import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type Value } from '../op.js';
import { type Shape, sameShape, sizeOf } from '../shape.js';
import { shapesOf } from './common.js';
import { full } from './fill.js';
import {
  type AxisAttrs,
  type AxisOptions,
  axisAttrs,
  axisKinds,
  elementWalk,
  gatherLaunch,
  gatherReference,
  indexFault,
  type Scatter,
  scatterLaunches,
  scatterReference,
  scatterTemporaries,
} from './indexing_walk.js';
import { pad } from './pad.js';
import { copyLaunch, wholeCopy } from './strided.js';

type Attrs = AxisAttrs;
type Backend = 'wasm' | 'webgpu';

const zeros = (shape: Shape): Value => full({ shape, value: 0 });

/** Whether `a` is at most `b` along every axis but `free`. */
const fits = (a: Shape, b: Shape, free?: number): boolean =>
  a.length === b.length && a.every((size, axis) => axis === free || size <= b[axis]!);

/** y[i, j] = x[index[i, j], j] for axis 0, and so on for others: torch.gather. x of any dtype, index i32. */
export const gather = defineOp({
  name: 'gather',
  summary: 'y[.., i, ..] = x[.., index[.., i, ..], ..] along an axis',
  inputs: ['x', 'index'],
  kinds: axisKinds,
  attributes: (options: AxisOptions | undefined, { x }) => axisAttrs('gather', options, x),
  infer({ x, index }, { axis }) {
    expectDType('gather', { index }, 'i32');
    if (!fits(index.shape, x.shape, axis))
      fail('gather', `index must fit into x but for axis ${axis}, ${shapesOf({ x, index })}`);
    return { shape: index.shape, dtype: x.dtype };
  },
  reference: ({ x, index }, { axis }) =>
    gatherReference('gather', elementWalk(x.shape, index.shape, axis), x, index, (detail) =>
      indexFault('x', { x, index }, 'index', axis, detail),
    ),
  backward: {
    x: ({ grad, x, index, attrs }): Value => scatterAdd(zeros(x.shape), index, grad, attrs),
    index: null,
  },
  kernels: { wasm: [gatherVariant('wasm')], webgpu: [gatherVariant('webgpu')] },
  fault: (types, { axis }, detail) => indexFault('x', types, 'index', axis, detail),
  linear: ['x'],
  samples: [
    ...[{ axis: 0 }, { axis: 1 }, { axis: -1 }].map((options) => ({
      inputs: {
        x: { shape: [4, 5, 3] },
        index: { shape: [2, 3, 3], dtype: 'i32' as const, domain: [0, 2] as const },
      },
      options,
    })),
    {
      inputs: { x: { shape: [7] }, index: { shape: [4099], dtype: 'i32', domain: [0, 6] } },
      options: { axis: 0 },
    },
    {
      inputs: {
        x: { shape: [1, 6], dtype: 'i32', domain: [-9, 9] },
        index: { shape: [1, 1], dtype: 'i32', domain: [0, 5] },
      },
      options: { axis: 1 },
    },
    {
      inputs: { x: { shape: [3, 2], dtype: 'bool' }, index: { shape: [5, 2], dtype: 'i32', domain: [0, 2] } },
      options: { axis: 0 },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 4]), index: f32([3, 4]) },
      options: { axis: 0 },
      message: 'gather: index must be i32, it is f32[3,4]',
    },
    {
      types: { x: f32([3, 4]), index: { shape: [5, 5], dtype: 'i32' } },
      options: { axis: 0 },
      message: 'gather: index must fit into x but for axis 0, x is [3,4], index is [5,5]',
    },
    {
      types: { x: f32([3, 4]), index: { shape: [3], dtype: 'i32' } },
      options: { axis: 2 },
      message: 'gather: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([3]), index: { shape: [3], dtype: 'i32' } },
      message: 'gather: needs options { axis }',
    },
  ],
});

function gatherVariant(backend: Backend) {
  return {
    name: 'gather__strided',
    launches: ({ types: { x, index }, attrs: { axis } }: KernelCall<'x' | 'index', Attrs>) => [
      gatherLaunch(backend, ['x', 'index'], elementWalk(x.shape, index.shape, axis)),
    ],
  };
}

const scatterOf = (x: Shape, index: Shape, src: Shape, axis: number): Scatter => ({
  ...elementWalk(x, index, axis),
  sourceStrides: elementWalk(src, src, axis).indexStrides,
  scale: 1,
  skip: -1,
});

/** So many sums of at most so many terms round once for each. */
const scatterTolerance = {
  ulps: ({ types, attrs }: KernelCall<'x' | 'index' | 'src', Attrs>) => types.index.shape[attrs.axis]!,
  magnitude: 'absolute',
} as const;

/**
 * x with y[index[i, j], j] += src[i, j] for axis 0, and so on for others: torch.scatter_add. Where an index repeats, its
 * terms are added in the index's order, so that every run gives the same bits.
 */
export const scatterAdd = defineOp({
  name: 'scatterAdd',
  summary: 'y = x; y[.., index[.., i, ..], ..] += src[.., i, ..] along an axis',
  inputs: ['x', 'index', 'src'],
  kinds: axisKinds,
  attributes: (options: AxisOptions | undefined, { x }) => axisAttrs('scatterAdd', options, x),
  infer({ x, index, src }, { axis }) {
    expectDType('scatterAdd', { x, src }, 'f32');
    expectDType('scatterAdd', { index }, 'i32');
    if (!fits(index.shape, x.shape, axis) || !fits(index.shape, src.shape))
      fail(
        'scatterAdd',
        `index must fit into src, and into x but for axis ${axis}, ${shapesOf({ x, index, src })}`,
      );
    return f32(x.shape);
  },
  reference: ({ x, index, src }, { axis }) =>
    scatterReference(
      'scatterAdd',
      scatterOf(x.shape, index.shape, src.shape, axis),
      x.data.slice(),
      index,
      src,
      (detail) => indexFault('x', { x, index }, 'index', axis, detail),
    ),
  backward: {
    x: ({ grad }) => grad,
    index: null,
    // What of src no index reaches has no part in y.
    src({ grad, index, src, attrs }): Value {
      const read = gather(grad, index, attrs);
      if (sameShape(index.shape, src.shape)) return read;
      const after = src.shape.map((size, axis) => size - index.shape[axis]!);
      return pad(read, { before: after.map(() => 0), after });
    },
  },
  cost: ({ types }) => ({ flops: sizeOf(types.index.shape) }),
  kernels: { wasm: [scatterVariant('wasm')], webgpu: [scatterVariant('webgpu')] },
  fault: (types, { axis }, detail) => indexFault('x', types, 'index', axis, detail),
  samples: [
    ...[{ axis: 0 }, { axis: 1 }, { axis: -1 }].map((options) => ({
      inputs: {
        x: { shape: [4, 5, 3] },
        index: { shape: [3, 4, 2], dtype: 'i32' as const, domain: [0, 2] as const },
        src: { shape: [3, 5, 2] },
      },
      options,
    })),
    {
      inputs: {
        x: { shape: [3] },
        index: { shape: [67], dtype: 'i32', domain: [0, 2] },
        src: { shape: [67] },
      },
      options: { axis: 0 },
    },
    {
      inputs: {
        x: { shape: [7, 131] },
        index: { shape: [5, 131], dtype: 'i32', domain: [0, 6] },
        src: { shape: [5, 131] },
      },
      options: { axis: 0 },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 4]), index: { shape: [2, 4], dtype: 'i32' }, src: f32([2, 3]) },
      options: { axis: 0 },
      message:
        'scatterAdd: index must fit into src, and into x but for axis 0, x is [3,4], index is [2,4], src is [2,3]',
    },
    {
      types: { x: f32([3]), index: f32([3]), src: f32([3]) },
      options: { axis: 0 },
      message: 'scatterAdd: index must be i32, it is f32[3]',
    },
    {
      types: { x: { shape: [3], dtype: 'i32' }, index: { shape: [3], dtype: 'i32' }, src: f32([3]) },
      options: { axis: 0 },
      message: 'scatterAdd: x must be f32, it is i32[3]',
    },
  ],
  tolerance: { wasm: scatterTolerance, webgpu: scatterTolerance },
});

function scatterVariant(backend: Backend) {
  return {
    name: `scatter_add_f32__${backend === 'wasm' ? 'lines' : 'chain'}`,
    temporaries: ({ types }: KernelCall<'x' | 'index' | 'src', Attrs>) =>
      scatterTemporaries(backend, types.index.shape),
    launches: ({ types: { x, index, src }, attrs: { axis } }: KernelCall<'x' | 'index' | 'src', Attrs>) => [
      copyLaunch(backend, wholeCopy(x.shape), 'x'),
      ...scatterLaunches(
        backend,
        ['index', 'src'],
        index.shape,
        scatterOf(x.shape, index.shape, src.shape, axis),
      ),
    ],
  };
}
