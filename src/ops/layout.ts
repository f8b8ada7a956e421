import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, wholes } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { broadcastStrides, normalizeAxis, type Shape, showShape, sizeOf, stridesOf } from '../shape.js';
import { pointwise, walkParams } from './common.js';
import { stridedCopy } from './strided.js';

export interface ShapeOptions {
  readonly shape: Shape;
}

export const shapeKinds: Kinds<ShapeOptions> = { shape: wholes };

/** The same elements under another shape; one size may be -1 and is worked out. No bytes move. */
export const reshape = defineOp({
  name: 'reshape',
  summary: 'y = x under another shape',
  inputs: ['x'],
  kinds: shapeKinds,
  attributes(options: ShapeOptions | undefined, { x }) {
    const wanted = options?.shape ?? fail('reshape', 'needs options { shape }');
    const known = wanted.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const open = wanted.filter((size) => size === -1).length;
    const rest = sizeOf(x.shape) / known;
    const shape = wanted.map((size) => (size === -1 ? rest : size));
    if (open > 1 || !shape.every(Number.isInteger) || sizeOf(shape) !== sizeOf(x.shape)) {
      fail('reshape', `can't turn x ${showShape(x.shape)} into ${showShape(wanted)}`);
    }
    return { shape };
  },
  infer: ({ x }, { shape }) => ({ shape, dtype: x.dtype }),
  reference: ({ x }) => x.data.slice(),
  backward: { x: ({ grad, x }): Value => reshape(grad, { shape: x.shape }) },
  view: true,
  kernels: { wasm: [], webgpu: [] },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 6] } }, options: { shape: [3, -1] } },
    { inputs: { x: { shape: [1] } }, options: { shape: [] } },
  ],
  errors: [
    { types: { x: f32([2]) }, message: 'reshape: needs options { shape }' },
    {
      types: { x: f32([2, 6]) },
      options: { shape: [5, -1] },
      message: "reshape: can't turn x [2,6] into [5,-1]",
    },
  ],
});

/** The same values, through which no gradient flows. No bytes move. */
export const detach = defineOp({
  name: 'detach',
  summary: 'y = x, with a gradient of zero',
  inputs: ['x'],
  infer: ({ x }) => ({ shape: x.shape, dtype: x.dtype }),
  reference: ({ x }) => x.data.slice(),
  backward: { x: () => null },
  stopsGradient: true,
  view: true,
  kernels: { wasm: [], webgpu: [] },
  samples: [{ inputs: { x: { shape: [3] } } }],
  errors: [],
});

export interface PermuteOptions {
  /** For each axis of the result, the axis of x that it was. */
  readonly axes: readonly number[];
}

export const permuteKinds: Kinds<PermuteOptions> = { axes: wholes };

const permuted = stridedCopy<{ axes: readonly number[] }>('permute', (x, { axes }, y) => {
  const strides = stridesOf(x.shape);
  return { shape: y.shape, xStrides: axes.map((axis) => strides[axis]!), yStrides: stridesOf(y.shape) };
});

export const permute = defineOp({
  name: 'permute',
  summary: 'y = x with its axes in another order',
  inputs: ['x'],
  kinds: permuteKinds,
  attributes(options: PermuteOptions | undefined, { x }) {
    const given = options?.axes ?? fail('permute', 'needs options { axes }');
    const axes = given.map((axis) => normalizeAxis('permute', axis, x.shape.length));
    if (axes.length !== x.shape.length || new Set(axes).size !== axes.length) {
      fail('permute', `axes [${given.join(',')}] must name each axis of x ${showShape(x.shape)} once`);
    }
    return { axes };
  },
  infer: ({ x }, { axes }) => ({ shape: axes.map((axis) => x.shape[axis]!), dtype: x.dtype }),
  ...permuted,
  backward: {
    x: ({ grad, attrs: { axes } }): Value =>
      permute(grad, { axes: axes.map((_, axis) => axes.indexOf(axis)) }),
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [5, 7] } }, options: { axes: [1, 0] } },
    { inputs: { x: { shape: [2, 3, 4, 5] } }, options: { axes: [0, 2, 3, 1] } },
    { inputs: { x: { shape: [3, 1, 2], dtype: 'i32', domain: [-5, 5] } }, options: { axes: [-1, 0, 1] } },
    { inputs: { x: { shape: [67, 65] } }, options: { axes: [1, 0] } },
  ],
  errors: [
    { types: { x: f32([2]) }, message: 'permute: needs options { axes }' },
    {
      types: { x: f32([2, 3]) },
      options: { axes: [0, 0] },
      message: 'permute: axes [0,0] must name each axis of x [2,3] once',
    },
    {
      types: { x: f32([2, 3]) },
      options: { axes: [0, 2] },
      message: 'permute: axis 2 is outside a tensor of rank 2',
    },
  ],
});

const broadcasted = stridedCopy<{ shape: Shape }>('broadcast_to', (x, { shape }) => ({
  shape,
  xStrides: broadcastStrides(x.shape, shape),
  yStrides: stridesOf(shape),
}));

const broadcastKernels = pointwise<'x', { shape: Shape }>(
  'broadcast_u32',
  ['x', 'output'],
  ({ types, output }) =>
    walkParams(output.shape, { xStrides: broadcastStrides(types.x.shape, output.shape) }),
);

/** x repeated along axes of size 1 and along new leading axes. */
export const broadcastTo = defineOp({
  name: 'broadcastTo',
  summary: 'y = x repeated to a larger shape',
  inputs: ['x'],
  kinds: shapeKinds,
  attributes(options: ShapeOptions | undefined, { x }) {
    const shape = options?.shape ?? fail('broadcastTo', 'needs options { shape }');
    const lead = shape.length - x.shape.length;
    if (lead < 0 || !x.shape.every((size, axis) => size === 1 || size === shape[lead + axis])) {
      fail('broadcastTo', `can't broadcast x ${showShape(x.shape)} to ${showShape(shape)}`);
    }
    return { shape };
  },
  infer: ({ x }, { shape }) => ({ shape, dtype: x.dtype }),
  ...broadcasted,
  kernels: { ...broadcasted.kernels, webgpu: broadcastKernels.webgpu },
  // The walk sums the gradient over what was broadcast.
  backward: { x: ({ grad }) => grad },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [] } }, options: { shape: [5] } },
    { inputs: { x: { shape: [3, 1] } }, options: { shape: [2, 3, 17] } },
  ],
  errors: [
    { types: { x: f32([2]) }, message: 'broadcastTo: needs options { shape }' },
    {
      types: { x: f32([3]) },
      options: { shape: [2, 4] },
      message: "broadcastTo: can't broadcast x [3] to [2,4]",
    },
  ],
});
