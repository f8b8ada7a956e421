import { defineOp, defineVariadicOp } from '../define.js';
import { fail } from '../errors.js';
import { f32, type Launch, type RefTensor, type TensorType, type Value } from '../op.js';
import {
  broadcastStrides,
  forEachOffset,
  normalizeAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from '../shape.js';
import { elementUnits, expectWhole, walkParams } from './common.js';

/** A copy of `shape` elements from strided places of x to strided places of y; 32-bit words of any dtype. */
interface StridedCopy {
  readonly shape: Shape;
  readonly xStrides: readonly number[];
  readonly xOffset?: number;
  readonly yStrides: readonly number[];
  readonly yOffset?: number;
}

function copyLaunch(backend: 'wasm' | 'webgpu', from: string, copy: StridedCopy): Launch {
  const { shape, xStrides, xOffset = 0, yStrides, yOffset = 0 } = copy;
  return {
    kernel: 'copy__strided',
    operands: [from, 'output'],
    params: { ...walkParams(shape, { xStrides, yStrides }), xOffset, yOffset },
    units: elementUnits(sizeOf(shape), backend),
  };
}

function copyReference(x: RefTensor, copy: StridedCopy, y: Float64Array): Float64Array {
  const { shape, xStrides, xOffset = 0, yStrides, yOffset = 0 } = copy;
  forEachOffset(shape, [xStrides, yStrides], (_, [p, q]) => {
    y[yOffset + q!] = x.data[xOffset + p!]!;
  });
  return y;
}

/** Kernels and reference of an op that is one strided copy of x. */
function stridedCopy<A>(name: string, plan: (x: TensorType, attrs: A, y: TensorType) => StridedCopy) {
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: `${name}__strided`,
    launches: ({ types, attrs, output }: { types: { x: TensorType }; attrs: A; output: TensorType }) => [
      copyLaunch(backend, 'x', plan(types.x, attrs, output)),
    ],
  });
  return {
    kernels: { wasm: [variant('wasm')], webgpu: [variant('webgpu')] },
    reference: ({ x }: { x: RefTensor }, attrs: A, outputs: readonly TensorType[]) =>
      copyReference(x, plan(x, attrs, outputs[0]!), new Float64Array(sizeOf(outputs[0]!.shape))),
  };
}

export interface ShapeOptions {
  readonly shape: Shape;
}

/** The same elements under another shape; one size may be -1 and is worked out. No bytes move. */
export const reshape = defineOp({
  name: 'reshape',
  summary: 'y = x under another shape',
  inputs: ['x'],
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

const permuted = stridedCopy<{ axes: readonly number[] }>('permute', (x, { axes }, y) => {
  const strides = stridesOf(x.shape);
  return { shape: y.shape, xStrides: axes.map((axis) => strides[axis]!), yStrides: stridesOf(y.shape) };
});

export const permute = defineOp({
  name: 'permute',
  summary: 'y = x with its axes in another order',
  inputs: ['x'],
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

/** x repeated along axes of size 1 and along new leading axes. */
export const broadcastTo = defineOp({
  name: 'broadcastTo',
  summary: 'y = x repeated to a larger shape',
  inputs: ['x'],
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
  // The walk sums the gradient over what was broadcast.
  backward: { x: ({ grad }) => grad },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [] } }, options: { shape: [5] } },
    { inputs: { x: { shape: [3, 1] } }, options: { shape: [2, 3, 17] } },
  ],
  errors: [
    {
      types: { x: f32([3]) },
      options: { shape: [2, 4] },
      message: "broadcastTo: can't broadcast x [3] to [2,4]",
    },
  ],
});

export interface SliceOptions {
  /** First index along each axis. */
  readonly start: readonly number[];
  /** One past the last index along each axis. */
  readonly end: readonly number[];
}

const sliced = stridedCopy<{ start: readonly number[]; end: readonly number[] }>(
  'slice',
  (x, { start }, y) => {
    const xStrides = stridesOf(x.shape);
    const xOffset = start.reduce((offset, first, axis) => offset + first * xStrides[axis]!, 0);
    return { shape: y.shape, xStrides, xOffset, yStrides: stridesOf(y.shape) };
  },
);

/** A box of x: start <= index < end along every axis; negative numbers count from the end. */
export const slice = defineOp({
  name: 'slice',
  summary: 'y = x[start : end] along every axis',
  inputs: ['x'],
  attributes(options: SliceOptions | undefined, { x }) {
    const { start: from, end: to } = options ?? fail('slice', 'needs options { start, end }');
    const turn = (list: readonly number[]) => list.map((i, axis) => (i < 0 ? i + (x.shape[axis] ?? 0) : i));
    const [start, end] = [turn(from), turn(to)];
    const fits = x.shape.every((size, axis) => {
      const [first = -1, last = -1] = [start[axis], end[axis]];
      return Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last && last <= size;
    });
    if (!fits || start.length !== x.shape.length || end.length !== x.shape.length) {
      fail('slice', `start [${from.join(',')}] and end [${to.join(',')}] don't fit x ${showShape(x.shape)}`);
    }
    return { start, end };
  },
  infer: ({ x }, { start, end }) => ({
    shape: start.map((first, axis) => end[axis]! - first),
    dtype: x.dtype,
  }),
  ...sliced,
  backward: {
    x: ({ grad, x, attrs: { start, end } }): Value =>
      pad(grad, { before: start, after: end.map((last, axis) => x.shape[axis]! - last) }),
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [7] } }, options: { start: [2], end: [5] } },
    { inputs: { x: { shape: [3, 4, 9] } }, options: { start: [1, 0, -4], end: [3, 4, -1] } },
    {
      inputs: { x: { shape: [6, 2], dtype: 'i32', domain: [-5, 5] } },
      options: { start: [5, 0], end: [6, 2] },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 4]) },
      options: { start: [0, 2], end: [3, 5] },
      message: "slice: start [0,2] and end [3,5] don't fit x [3,4]",
    },
  ],
});

export interface PadOptions {
  /** Elements added before the first along each axis. */
  readonly before: readonly number[];
  /** Elements added after the last along each axis. */
  readonly after: readonly number[];
  /** What is added, default 0. */
  readonly value?: number;
}

const padCopy = (x: TensorType, before: readonly number[], y: TensorType): StridedCopy => {
  const yStrides = stridesOf(y.shape);
  const yOffset = before.reduce((offset, count, axis) => offset + count * yStrides[axis]!, 0);
  return { shape: x.shape, xStrides: stridesOf(x.shape), yStrides, yOffset };
};

const padVariant = (backend: 'wasm' | 'webgpu') => ({
  name: 'pad__strided',
  launches: ({
    types,
    attrs,
    output,
  }: {
    types: { x: TensorType };
    attrs: { before: readonly number[]; value: number };
    output: TensorType;
  }): Launch[] => [
    {
      kernel: 'fill',
      operands: ['output'],
      params: {
        size: sizeOf(output.shape),
        word: new Uint32Array(new Float32Array([attrs.value]).buffer)[0]!,
      },
      units: elementUnits(sizeOf(output.shape), backend),
    },
    copyLaunch(backend, 'x', padCopy(types.x, attrs.before, output)),
  ],
});

/** x with a border of one value. */
export const pad = defineOp({
  name: 'pad',
  summary: 'y = x with a constant border',
  inputs: ['x'],
  attributes(options: PadOptions | undefined, { x }) {
    const { before, after, value = 0 } = options ?? fail('pad', 'needs options { before, after }');
    if (before.length !== x.shape.length || after.length !== x.shape.length) {
      fail(
        'pad',
        `before [${before.join(',')}] and after [${after.join(',')}] must have one number per axis of x ${showShape(x.shape)}`,
      );
    }
    before.forEach((count) => {
      expectWhole('pad', 'before', count, 0);
    });
    after.forEach((count) => {
      expectWhole('pad', 'after', count, 0);
    });
    return { before, after, value };
  },
  infer({ x }, { before, after }) {
    if (x.dtype !== 'f32') fail('pad', `x must be f32, it is ${x.dtype}${showShape(x.shape)}`);
    return f32(x.shape.map((size, axis) => size + before[axis]! + after[axis]!));
  },
  reference({ x }, { before, value }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape)).fill(value);
    return copyReference(x, padCopy(x, before, y!), out);
  },
  backward: {
    x: ({ grad, x, attrs: { before } }): Value =>
      slice(grad, { start: before, end: before.map((count, axis) => count + x.shape[axis]!) }),
  },
  kernels: { wasm: [padVariant('wasm')], webgpu: [padVariant('webgpu')] },
  samples: [
    { inputs: { x: { shape: [5] } }, options: { before: [1], after: [2] } },
    { inputs: { x: { shape: [2, 3, 4] } }, options: { before: [0, 2, 1], after: [1, 0, 3], value: -0.5 } },
  ],
  errors: [
    {
      types: { x: f32([2, 3]) },
      options: { before: [1], after: [1] },
      message: 'pad: before [1] and after [1] must have one number per axis of x [2,3]',
    },
    {
      types: { x: f32([2]) },
      options: { before: [-1], after: [1] },
      message: 'pad: before must be a whole number of at least 0, got -1',
    },
  ],
});

export interface ConcatOptions {
  /** The axis along which the inputs follow each other, default 0. */
  readonly axis?: number;
}

/** The copy of input `index` into its place along the axis. */
function concatCopy(
  types: readonly TensorType[],
  index: number,
  output: TensorType,
  axis: number,
): StridedCopy {
  const yStrides = stridesOf(output.shape);
  const before = types.slice(0, index).reduce((sum, type) => sum + type.shape[axis]!, 0);
  const { shape } = types[index]!;
  return { shape, xStrides: stridesOf(shape), yStrides, yOffset: before * yStrides[axis]! };
}

const concatLaunches = (backend: 'wasm' | 'webgpu') => ({
  name: 'concat__strided',
  launches: (types: readonly TensorType[], output: TensorType, { axis }: { axis: number }) =>
    types.map((_, index) => copyLaunch(backend, String(index), concatCopy(types, index, output, axis))),
});

/** The inputs one after the other along an axis; they agree in every other size. */
export const concat = defineVariadicOp({
  name: 'concat',
  summary: 'y = the inputs one after the other along an axis',
  inputs: ['inputs'],
  attributes: (options: ConcatOptions | undefined, [first]) => ({
    axis: normalizeAxis('concat', options?.axis ?? 0, first!.shape.length),
  }),
  infer(types, { axis }) {
    const [first] = types;
    const fits = (type: TensorType) =>
      type.dtype === first!.dtype &&
      sameShape(type.shape.toSpliced(axis, 1), first!.shape.toSpliced(axis, 1)) &&
      type.shape.length === first!.shape.length;
    if (!types.every(fits)) {
      const shown = types.map((type) => `${type.dtype}${showShape(type.shape)}`).join(', ');
      fail('concat', `inputs must agree in dtype and in every size but axis ${axis}, they are ${shown}`);
    }
    const length = types.reduce((sum, type) => sum + type.shape[axis]!, 0);
    return { shape: first!.shape.with(axis, length), dtype: first!.dtype };
  },
  reference(inputs, { axis }, output) {
    const y = new Float64Array(sizeOf(output.shape));
    inputs.forEach((x, index) => {
      copyReference(x, concatCopy(inputs, index, output, axis), y);
    });
    return y;
  },
  backward(index, inputs, grad, { axis }) {
    const first = inputs.slice(0, index).reduce((sum, x) => sum + x.shape[axis]!, 0);
    const { shape } = inputs[index]!;
    return slice(grad, {
      start: shape.map((_, k) => (k === axis ? first : 0)),
      end: shape.map((size, k) => (k === axis ? first + size : size)),
    });
  },
  launches: { wasm: concatLaunches('wasm'), webgpu: concatLaunches('webgpu') },
  samples: [
    { inputs: [{ shape: [2] }, { shape: [3] }], options: {} },
    { inputs: [{ shape: [2, 3, 2] }, { shape: [2, 1, 2] }, { shape: [2, 5, 2] }], options: { axis: 1 } },
    { inputs: [{ shape: [4, 1] }, { shape: [4, 7] }], options: { axis: -1 } },
  ],
  errors: [
    {
      types: [f32([2, 3]), f32([3, 3])],
      options: { axis: 1 },
      message: 'concat: inputs must agree in dtype and in every size but axis 1, they are f32[2,3], f32[3,3]',
    },
  ],
});
