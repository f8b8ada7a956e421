import { defineCompositionWithOutputs } from '../composition.js';
import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholes } from '../kinds.js';
import { f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { normalizeAxis, type Shape, showShape, sizeOf, stridesOf } from '../shape.js';
import { expectWhole } from './common.js';
import { concat } from './concat.js';
import { full } from './fill.js';
import { reshape } from './layout.js';
import { copyLaunch, copyReference, pick, type StridedCopy } from './strided.js';

export interface SplitOptions {
  /** Size of every part but the last, which takes the rest. */
  readonly size?: number;
  /** The size of each part, in place of `size`; they add up to the axis's. */
  readonly sizes?: readonly number[];
  /** The axis that is split, default 0. */
  readonly axis?: number;
}

export const splitKinds: Kinds<SplitOptions> = { size: whole, sizes: wholes, axis: whole };

interface SplitAttrs {
  readonly axis: number;
  readonly sizes: readonly number[];
}

/** Parts of `size` along an axis of `length`, and the rest; one empty part of an empty axis. */
function evenly(length: number, size: number): number[] {
  if (length === 0) return [0];
  return Array.from({ length: Math.ceil(length / size) }, (_, k) => Math.min(size, length - k * size));
}

/** Where each part begins along the axis, and where the last one ends. */
const startsOf = (sizes: readonly number[]): number[] => {
  let end = 0;
  return [0, ...sizes.map((size) => (end += size))];
};

/** What each part copies of x. */
function splitCopies(x: TensorType, { axis, sizes }: SplitAttrs): StridedCopy[] {
  const xStrides = stridesOf(x.shape);
  const starts = startsOf(sizes);
  return sizes.map((size, part) => {
    const shape = x.shape.with(axis, size);
    return { shape, xStrides, xOffset: starts[part]! * xStrides[axis]!, yStrides: stridesOf(shape) };
  });
}

const splitVariant = (backend: 'wasm' | 'webgpu') => ({
  name: 'split__strided',
  launches: ({ types, attrs, outputs }: KernelCall<'x', SplitAttrs>) =>
    splitCopies(types.x, attrs).map((copy, part) =>
      copyLaunch(backend, copy, 'x', outputs.length > 1 ? `output${part}` : 'output'),
    ),
});

/** x in parts along an axis, each a tensor of its own. The gradient joins theirs in one pass. */
export const split = defineOpWithOutputs({
  name: 'split',
  summary: 'x in parts along an axis, by size',
  inputs: ['x'],
  kinds: splitKinds,
  attributes(options: SplitOptions | undefined, { x }): SplitAttrs {
    const { size, sizes, axis: given = 0 } = options ?? {};
    const axis = normalizeAxis('split', given, x.shape.length);
    const length = x.shape[axis]!;
    if ((size === undefined) === (sizes === undefined)) fail('split', 'needs options { size } or { sizes }');
    if (size !== undefined) return { axis, sizes: evenly(length, expectWhole('split', 'size', size, 1)) };
    const fits =
      sizes!.every((part) => Number.isInteger(part) && part >= 0) && startsOf(sizes!).at(-1) === length;
    if (!fits || sizes!.length === 0)
      fail(
        'split',
        `sizes [${sizes!.join(',')}] must be whole and add up to axis ${axis} of x ${showShape(x.shape)}`,
      );
    return { axis, sizes: sizes! };
  },
  infer: ({ x }, { axis, sizes }) =>
    sizes.map((size) => ({ shape: x.shape.with(axis, size), dtype: x.dtype })),
  reference: ({ x }, attrs) =>
    splitCopies(x, attrs).map((copy) => copyReference(x, copy, new Float64Array(sizeOf(copy.shape)))),
  backward: {
    x: ({ grads, outputs, attrs: { axis } }): Value =>
      concat(
        grads.map((grad, part) => grad ?? full({ shape: outputs[part]!.shape, value: 0 })),
        { axis },
      ),
  },
  kernels: { wasm: [splitVariant('wasm')], webgpu: [splitVariant('webgpu')] },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [7] } }, options: { size: 3 } },
    { inputs: { x: { shape: [2, 6, 3] } }, options: { sizes: [1, 0, 5], axis: 1 } },
    { inputs: { x: { shape: [3, 4], dtype: 'i32', domain: [-9, 9] } }, options: { size: 2, axis: -1 } },
    { inputs: { x: { shape: [5, 2], dtype: 'bool' } }, options: { sizes: [2, 3] } },
    { inputs: { x: { shape: [3, 5] } }, options: { size: 5, axis: 1 } },
  ],
  errors: [
    { types: { x: f32([4]) }, message: 'split: needs options { size } or { sizes }' },
    {
      types: { x: f32([4]) },
      options: { size: 2, sizes: [2, 2] },
      message: 'split: needs options { size } or { sizes }',
    },
    {
      types: { x: f32([4]) },
      options: { size: 2, axis: 1 },
      message: 'split: axis 1 is outside a tensor of rank 1',
    },
    {
      types: { x: f32([4]) },
      options: { size: 0 },
      message: 'split: size must be a whole number of at least 1, got 0',
    },
    {
      types: { x: f32([2, 4]) },
      options: { sizes: [1, 2], axis: 1 },
      message: 'split: sizes [1,2] must be whole and add up to axis 1 of x [2,4]',
    },
  ],
});

/** Elements of a part of x: the reference of what is composed of `split`. */
const part = (x: Parameters<typeof pick>[0], shape: Shape, axis: number, first: number): Float64Array =>
  pick(x, shape, (position) => position.with(axis, position[axis]! + first));

export interface ChunkOptions {
  /** How many parts at most; all have one size, but the last, which may be smaller. */
  readonly chunks: number;
  /** The axis that is split, default 0. */
  readonly axis?: number;
}

export const chunkKinds: Kinds<ChunkOptions> = { chunks: whole, axis: whole };

/** x in `chunks` equal parts along an axis; the last is smaller, or some are missing, where it does not divide. */
export const chunk = defineCompositionWithOutputs({
  name: 'chunk',
  summary: 'x in parts along an axis, by their number',
  inputs: ['x'],
  kinds: chunkKinds,
  attributes(options: ChunkOptions | undefined, { x }) {
    const given = options ?? fail('chunk', 'needs options { chunks }');
    const axis = normalizeAxis('chunk', given.axis ?? 0, x.shape.length);
    const chunks = expectWhole('chunk', 'chunks', given.chunks, 1);
    const length = x.shape[axis]!;
    // An empty axis gives all the parts, each empty.
    const sizes = length === 0 ? Array<number>(chunks).fill(0) : evenly(length, Math.ceil(length / chunks));
    return { axis, sizes };
  },
  compose: ({ x }, { axis, sizes }) => split(x, { axis, sizes }),
  reference({ x }, { axis, sizes }, outputs) {
    const starts = startsOf(sizes);
    return outputs.map(({ shape }, k) => part(x, shape, axis, starts[k]!));
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [7, 2] } }, options: { chunks: 3 } },
    { inputs: { x: { shape: [3, 5] } }, options: { chunks: 4, axis: -1 } },
    { inputs: { x: { shape: [4], dtype: 'i32' } }, options: { chunks: 1 } },
  ],
  errors: [
    { types: { x: f32([4]) }, message: 'chunk: needs options { chunks }' },
    {
      types: { x: f32([4]) },
      options: { chunks: 0 },
      message: 'chunk: chunks must be a whole number of at least 1, got 0',
    },
    {
      types: { x: f32([4]) },
      options: { chunks: 2, axis: -2 },
      message: 'chunk: axis -2 is outside a tensor of rank 1',
    },
  ],
});

export interface UnbindOptions {
  /** The axis whose indices become tensors of their own, default 0. */
  readonly axis?: number;
}

export const unbindKinds: Kinds<UnbindOptions> = { axis: whole };

/** A tensor for each index of an axis, without the axis. */
export const unbind = defineCompositionWithOutputs({
  name: 'unbind',
  summary: 'x at each index of an axis, which goes',
  inputs: ['x'],
  kinds: unbindKinds,
  attributes(options: UnbindOptions | undefined, { x }) {
    const axis = normalizeAxis('unbind', options?.axis ?? 0, x.shape.length);
    if (x.shape[axis] === 0) fail('unbind', `axis ${axis} of x ${showShape(x.shape)} has no index`);
    return { axis };
  },
  compose: ({ x }, { axis }) =>
    split(x, { axis, size: 1 }).map((y) => reshape(y, { shape: x.shape.toSpliced(axis, 1) })),
  reference: ({ x }, { axis }, outputs) => outputs.map((_, k) => part(x, x.shape.with(axis, 1), axis, k)),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 2] } } },
    { inputs: { x: { shape: [2, 3, 2] } }, options: { axis: -2 } },
    { inputs: { x: { shape: [1, 4], dtype: 'bool' } } },
  ],
  errors: [
    { types: { x: f32([4]) }, options: { axis: 1 }, message: 'unbind: axis 1 is outside a tensor of rank 1' },
    { types: { x: f32([3, 0]) }, options: { axis: 1 }, message: 'unbind: axis 1 of x [3,0] has no index' },
  ],
});
