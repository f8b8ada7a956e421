import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { elementUnits, expectSameShape, expectWhole } from './common.js';
import { indexFault } from './indexing_walk.js';
import { axisOf, rowsOf } from './rows.js';
import { fillLaunch } from './strided.js';

/** `shape` with another size along the axis; a scalar stays one. */
export const resized = (shape: Shape, axis: number, length: number): number[] =>
  shape.length === 0 ? [] : shape.with(axis, length);

interface AxisAttrs {
  readonly axis: number;
}

/** Calls `visit` with the offset of each element of a tensor of `keep` elements per row, and that of its row in x. */
function forEachPlace(
  x: Shape,
  axis: number,
  keep: number,
  visit: (i: number, base: number, inner: number) => void,
): void {
  const { outer, length, inner } = rowsOf(x, axis);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < keep * inner; k++)
      visit(o * keep * inner + k, o * length * inner + (k % inner), inner);
  }
}

const selectParams = (x: Shape, y: Shape, axis: number) => ({
  size: sizeOf(y),
  keep: rowsOf(y, axis).length,
  length: rowsOf(x, axis).length,
  inner: rowsOf(x, axis).inner,
});

/** An axis of the first input, by its name. */
const axisAttrs = (name: string, options: { readonly axis: number } | undefined, type: TensorType) => ({
  axis: axisOf(name, options?.axis ?? -1, type.shape),
});

type Detail = readonly [number, number];

/** What is wrong with element number `detail[0]` of the indices. */
const selectFault = (types: Types, axis: number, detail: Detail): string =>
  indexFault('x', types, 'indices', axis, detail);

interface Types extends Readonly<Record<string, TensorType>> {
  readonly x: TensorType;
  readonly indices: TensorType;
}

function selectVariant(backend: 'wasm' | 'webgpu') {
  return {
    name: 'sort_select',
    launches: ({ types, output, attrs }: KernelCall<'x' | 'indices', AxisAttrs>) => [
      {
        kernel: 'sort_select',
        operands: ['x', 'indices', 'output', 'fault'],
        params: selectParams(types.x.shape, output.shape, attrs.axis),
        units: elementUnits(sizeOf(output.shape), backend),
      },
    ],
  };
}

/**
 * The elements of x at `indices` along an axis, which name each element of a row at most once, as sorting makes them: the
 * adjoint of `sortBackward`.
 *
 * @throws where an index is outside the axis.
 */
export const sortSelect = defineOp({
  name: 'sortSelect',
  summary: 'y = x at distinct indices along an axis',
  inputs: ['x', 'indices'],
  kinds: { axis: whole },
  attributes: (options: { readonly axis: number } | undefined, { x }): AxisAttrs =>
    axisAttrs('sortSelect', options, x),
  infer({ x, indices }, { axis }) {
    expectDType('sortSelect', { indices }, 'i32');
    const { length } = rowsOf(indices.shape, axis);
    if (!sameShape(indices.shape, resized(x.shape, axis, length))) {
      const shapes = `x is ${showShape(x.shape)}, indices is ${showShape(indices.shape)}`;
      fail('sortSelect', `shapes must agree but along axis ${axis}, ${shapes}`);
    }
    return { shape: indices.shape, dtype: x.dtype };
  },
  reference({ x, indices }, { axis }) {
    const y = new Float64Array(indices.data.length);
    const { length } = rowsOf(x.shape, axis);
    forEachPlace(x.shape, axis, rowsOf(indices.shape, axis).length, (i, base, inner) => {
      const index = indices.data[i]!;
      if (!(index >= 0 && index < length)) fail('sortSelect', selectFault({ x, indices }, axis, [i, index]));
      y[i] = x.data[base + index * inner]!;
    });
    return y;
  },
  backward: {
    x: ({ grad, x, indices, attrs: { axis } }): Value =>
      sortBackward(grad, indices, { axis, length: rowsOf(x.shape, axis).length }),
    indices: null,
  },
  kernels: { wasm: [selectVariant('wasm')], webgpu: [selectVariant('webgpu')] },
  fault: (types, { axis }, detail) => selectFault(types, axis, detail),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [] }, indices: { shape: [], dtype: 'i32', values: [0] } } },
    {
      inputs: { x: { shape: [3, 5] }, indices: { shape: [3, 2], dtype: 'i32', values: [4, 0, 1, 2, 3, 2] } },
      options: { axis: 1 },
    },
    {
      inputs: {
        x: { shape: [2, 3, 5], dtype: 'i32', domain: [-9, 9] },
        indices: { shape: [2, 1, 5], dtype: 'i32', domain: [0, 2] },
      },
      options: { axis: 1 },
    },
    {
      inputs: { x: { shape: [1, 7] }, indices: { shape: [1, 3], dtype: 'i32', values: [6, 0, 2] } },
      options: { axis: -1 },
    },
  ],
  errors: [
    {
      types: { x: f32([2, 3]), indices: { shape: [3, 1], dtype: 'i32' } },
      message: 'sortSelect: shapes must agree but along axis 1, x is [2,3], indices is [3,1]',
    },
    {
      types: { x: f32([2, 3]), indices: f32([2, 1]) },
      message: 'sortSelect: indices must be i32, it is f32[2,1]',
    },
  ],
});

export interface SortBackwardOptions {
  readonly axis: number;
  /** Elements of a row of the result. */
  readonly length: number;
}

export const sortBackwardKinds: Kinds<SortBackwardOptions> = { axis: whole, length: whole };

function backwardVariant(backend: 'wasm' | 'webgpu') {
  return {
    name: 'sort_backward',
    launches: ({ types, output, attrs }: KernelCall<'dy' | 'indices', SortBackwardOptions>) => [
      fillLaunch(backend, output.shape, 0),
      {
        kernel: 'sort_backward',
        operands: ['dy', 'indices', 'output', 'fault'],
        params: selectParams(output.shape, types.dy.shape, attrs.axis),
        units: elementUnits(sizeOf(types.dy.shape), backend),
      },
    ],
  };
}

/** What is wrong with element number `detail[0]` of the indices. */
const scatterFault = (indices: TensorType, { axis, length }: SortBackwardOptions, detail: Detail): string =>
  indexFault('dx', { dx: f32(resized(indices.shape, axis, length)), indices }, 'indices', axis, detail);

function scatter(dy: RefTensor, indices: RefTensor, axis: number, shape: Shape): Float64Array {
  const dx = new Float64Array(sizeOf(shape));
  const { length } = rowsOf(shape, axis);
  forEachPlace(shape, axis, rowsOf(dy.shape, axis).length, (i, base, inner) => {
    const index = indices.data[i]!;
    if (!(index >= 0 && index < length))
      fail('sortBackward', scatterFault(indices, { axis, length }, [i, index]));
    dx[base + index * inner] = dy.data[i]!;
  });
  return dx;
}

/**
 * dx = dy at `indices` along an axis, zero elsewhere; the indices are as `sortSelect` wants them.
 *
 * @throws where an index is not below `length`, or is negative.
 */
export const sortBackward = defineOp({
  name: 'sortBackward',
  summary: 'dx = dy put at distinct indices along an axis, 0 elsewhere',
  inputs: ['dy', 'indices'],
  kinds: sortBackwardKinds,
  attributes(options: SortBackwardOptions | undefined, { dy }): SortBackwardOptions {
    const { length } = options ?? fail('sortBackward', 'needs options { axis, length }');
    const { axis } = axisAttrs('sortBackward', options, dy);
    return { axis, length: expectWhole('sortBackward', 'length', length, rowsOf(dy.shape, axis).length) };
  },
  infer({ dy, indices }, { axis, length }) {
    expectDType('sortBackward', { dy }, 'f32');
    expectDType('sortBackward', { indices }, 'i32');
    expectSameShape('sortBackward', { dy, indices });
    return f32(resized(dy.shape, axis, length));
  },
  reference: ({ dy, indices }, { axis }, [dx]) => scatter(dy, indices, axis, dx!.shape),
  backward: {
    dy: ({ grad, indices, attrs: { axis } }): Value => sortSelect(grad, indices, { axis }),
    indices: null,
  },
  kernels: { wasm: [backwardVariant('wasm')], webgpu: [backwardVariant('webgpu')] },
  fault: ({ indices }, attrs, detail) => scatterFault(indices, attrs, detail),
  linear: ['dy'],
  samples: [
    {
      inputs: { dy: { shape: [3, 2] }, indices: { shape: [3, 2], dtype: 'i32', values: [4, 0, 1, 2, 3, 2] } },
      options: { axis: 1, length: 5 },
    },
    {
      inputs: { dy: { shape: [2, 1, 5] }, indices: { shape: [2, 1, 5], dtype: 'i32', domain: [0, 2] } },
      options: { axis: -2, length: 3 },
    },
    {
      inputs: { dy: { shape: [4] }, indices: { shape: [4], dtype: 'i32', values: [3, 1, 0, 2] } },
      options: { axis: 0, length: 4 },
    },
  ],
  errors: [
    {
      types: { dy: f32([3]), indices: { shape: [2], dtype: 'i32' } },
      options: { axis: 0, length: 4 },
      message: 'sortBackward: shapes differ, dy is [3], indices is [2]',
    },
    {
      types: { dy: f32([3]), indices: { shape: [3], dtype: 'i32' } },
      options: { axis: 0, length: 2 },
      message: 'sortBackward: length must be a whole number of at least 3, got 2',
    },
  ],
});
