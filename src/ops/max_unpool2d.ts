import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholeOrPair } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Launch, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Pair } from './common.js';
import { expectPlanes, type Rank, readWindow } from './pool_windows.js';
import { fillLaunch } from './strided.js';

/** The pooling that is undone. */
export interface MaxUnpool2dOptions {
  /** Window [height, width]. */
  readonly kernel: Pair;
  /** Default: the window. */
  readonly stride?: Pair;
  readonly padding?: Pair;
  /** [height, width] of the result, less than a stride away from the default (in - 1) stride + kernel - 2 padding. */
  readonly outputSize?: Pair;
}

export const maxUnpool2dKinds: Kinds<MaxUnpool2dOptions> = {
  kernel: wholeOrPair,
  stride: wholeOrPair,
  padding: wholeOrPair,
  outputSize: wholeOrPair,
};

/** {@link MaxUnpool2dOptions} with one number each. */
export interface MaxUnpool1dOptions {
  readonly kernel: number;
  /** Default: the window. */
  readonly stride?: number;
  readonly padding?: number;
  /** Length of the result. */
  readonly outputSize?: number;
}

export const maxUnpool1dKinds: Kinds<MaxUnpool1dOptions> = {
  kernel: whole,
  stride: whole,
  padding: whole,
  outputSize: whole,
};

interface UnpoolAttrs {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputSize: readonly [number, number];
}

/** Completes options for planes that end in the sizes of `x`; one axis is the width of a plane of height 1. */
export function unpoolAttrs(
  name: string,
  options: MaxUnpool2dOptions | MaxUnpool1dOptions | undefined,
  x: Shape,
  rank: Rank,
): UnpoolAttrs {
  if (!options) fail(name, 'needs options { kernel }');
  const { kernel, stride, padding, read } = readWindow(name, options, rank);
  const sizes = rank === 2 ? x.slice(-2) : [1, ...x.slice(-1)];
  const usual = (k: 0 | 1) => ((sizes[k] ?? 1) - 1) * stride[k] + kernel[k] - 2 * padding[k];
  const plain: [number, number] = [usual(0), usual(1)];
  const outputSize =
    options.outputSize === undefined ? plain : read('outputSize', options.outputSize, 0, plain[0]);
  outputSize.forEach((size, k) => {
    const [low, high] = [plain[k]! - stride[k]!, plain[k]! + stride[k]!];
    if (size <= low || size >= high)
      fail(name, `outputSize ${size} must lie between ${low} and ${high}, x is ${showShape(x)}`);
    if (size < 1)
      fail(name, `the result would have a size of ${size}, x is ${showShape(x)}: use less padding`);
  });
  return { kernel, stride, padding, outputSize };
}

/** Refuses x (or a gradient of it) and indices that don't fit together. */
export function checkUnpool(name: string, x: TensorType, indices: TensorType, rank: Rank): void {
  expectPlanes(name, x, rank);
  expectDType(name, { indices }, 'i32');
  if (showShape(indices.shape) !== showShape(x.shape))
    fail(name, `shapes differ, x is ${showShape(x.shape)}, indices is ${showShape(indices.shape)}`);
}

interface Planes {
  readonly planes: number;
  /** Elements of a plane of indices. */
  readonly size: number;
  /** Elements of the plane that they point into. */
  readonly outSize: number;
}

const planesOf = (indices: Shape, { outputSize }: UnpoolAttrs): Planes => ({
  planes: sizeOf(indices.slice(0, -2)),
  size: sizeOf(indices.slice(-2)),
  outSize: sizeOf(outputSize),
});

const indexFault = (
  { indices }: { readonly indices: TensorType },
  { outputSize }: UnpoolAttrs,
  [element, index]: readonly [number, number],
): string =>
  `index ${index | 0} at element ${element} is outside 0..${sizeOf(outputSize) - 1}, indices is ${showShape(indices.shape)}`;

/** For each element its place in the result, -1 where a later element of its plane has the same. */
export function placesOf(
  name: string,
  indices: TensorType & { data: Float64Array },
  attrs: UnpoolAttrs,
): number[] {
  const { size, outSize } = planesOf(indices.shape, attrs);
  const places = [...indices.data].map((index, i) => {
    if (index < 0 || index >= outSize) fail(name, indexFault({ indices }, attrs, [i, index]));
    return Math.floor(i / size) * outSize + index;
  });
  const owners = new Map(places.map((place, i) => [place, i]));
  return places.map((place, i) => (owners.get(place) === i ? place : -1));
}

/** The last element that points to each place of the result: 1 + its number in its plane. */
function ownerLaunches(backend: 'wasm' | 'webgpu', planes: Planes): Launch[] {
  const clear = fillLaunch(backend, [planes.planes, planes.outSize], 0, 'owners');
  const claim = {
    kernel: 'max_unpool2d_owners',
    operands: ['indices', 'owners', 'fault'],
    params: { ...planes },
    units: backend === 'wasm' ? planes.planes : planes.planes * planes.size,
  };
  return backend === 'wasm' ? [claim] : [clear, claim];
}

/** A kernel that looks up the owners of places. */
function ownerKernels<N extends string>(name: string, operands: readonly string[]) {
  type Call = KernelCall<N | 'indices', UnpoolAttrs>;
  const planes = ({ types, attrs }: Call) =>
    planesOf((types as Readonly<Record<'indices', TensorType>>).indices.shape, attrs);
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name,
    temporaries: (call: Call) => ({ owners: 4 * planes(call).planes * planes(call).outSize }),
    launches: (call: Call): Launch[] => [
      ...ownerLaunches(backend, planes(call)),
      {
        kernel: name,
        operands,
        params: { ...planes(call) },
        units: backend === 'wasm' ? planes(call).planes : sizeOf(call.output.shape),
      },
    ],
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

const cases: readonly { x: Shape; options: MaxUnpool2dOptions; values?: readonly number[] }[] = [
  { x: [1, 1, 1, 1], options: { kernel: 2 } },
  { x: [2, 3, 4, 5], options: { kernel: 2 } },
  { x: [2, 3, 3], options: { kernel: 3, stride: [2, 1], padding: 1, outputSize: [6, 3] } },
  { x: [1, 2, 2, 2], options: { kernel: 2 }, values: [0, 5, 0, 15] },
];

const indicesOf = ({ x, options, values }: (typeof cases)[number]) => ({
  shape: x,
  dtype: 'i32' as const,
  domain: [0, sizeOf(unpoolAttrs('case', options, x, 2).outputSize) - 1] as [number, number],
  values,
});

const i32 = (shape: Shape): TensorType => ({ shape, dtype: 'i32' });

/**
 * Undoes a max pooling: 0 but for each x at the index in its plane that `maxPool2dWithIndices` gave. Of several x at one
 * place the last in row-major order stays, and it alone gets a gradient; PyTorch leaves that open.
 */
export const maxUnpool2d = defineOp({
  name: 'maxUnpool2d',
  summary: 'y[indices] = x in each plane, else 0',
  inputs: ['x', 'indices'],
  kinds: maxUnpool2dKinds,
  attributes: (options: MaxUnpool2dOptions | undefined, { x }) =>
    unpoolAttrs('maxUnpool2d', options, x.shape, 2),
  infer({ x, indices }, { outputSize }) {
    checkUnpool('maxUnpool2d', x, indices, 2);
    return f32([...x.shape.slice(0, -2), ...outputSize]);
  },
  reference({ x, indices }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    placesOf('maxUnpool2d', indices, attrs).forEach((place, i) => {
      if (place >= 0) out[place] = x.data[i]!;
    });
    return out;
  },
  backward: {
    x: ({ grad, indices, attrs }): Value => maxUnpool2dBackward(grad, indices, attrs),
    indices: null,
  },
  kernels: ownerKernels<'x'>('max_unpool2d_f32', ['x', 'owners', 'output']),
  fault: indexFault,
  linear: ['x'],
  samples: cases.map((c) => ({ inputs: { x: { shape: c.x }, indices: indicesOf(c) }, options: c.options })),
  errors: [
    {
      types: { x: f32([1, 1, 2, 2]), indices: i32([1, 1, 2, 3]) },
      options: { kernel: 2 },
      message: 'maxUnpool2d: shapes differ, x is [1,1,2,2], indices is [1,1,2,3]',
    },
    {
      types: { x: f32([1, 1, 2, 2]), indices: f32([1, 1, 2, 2]) },
      options: { kernel: 2 },
      message: 'maxUnpool2d: indices must be i32, it is f32[1,1,2,2]',
    },
    {
      types: { x: f32([1, 1, 2, 2]), indices: i32([1, 1, 2, 2]) },
      options: { kernel: 2, outputSize: [4, 6] },
      message: 'maxUnpool2d: outputSize 6 must lie between 2 and 6, x is [1,1,2,2]',
    },
    {
      types: { x: f32([1, 1, 1, 1]), indices: i32([1, 1, 1, 1]) },
      options: { kernel: 2, padding: 1 },
      message: 'maxUnpool2d: the result would have a size of 0, x is [1,1,1,1]: use less padding',
    },
    {
      types: { x: f32([2, 2]), indices: i32([2, 2]) },
      options: { kernel: 2 },
      message:
        'maxUnpool2d: x must be [batch, channels, height, width] or [channels, height, width], it is [2,2]',
    },
    {
      types: { x: f32([1, 1, 2, 2]), indices: i32([1, 1, 2, 2]) },
      message: 'maxUnpool2d: needs options { kernel }',
    },
  ],
});

/** dx of `maxUnpool2d`: each x that stayed gets dy at its place. */
export const maxUnpool2dBackward = defineOp({
  name: 'maxUnpool2dBackward',
  summary: 'dx = dy[indices] in each plane, 0 where a later index is the same',
  inputs: ['dy', 'indices'],
  kinds: maxUnpool2dKinds,
  attributes: (options: MaxUnpool2dOptions | undefined, { indices }) =>
    unpoolAttrs('maxUnpool2dBackward', options, indices.shape, 2),
  infer({ dy, indices }, { outputSize }) {
    checkUnpool('maxUnpool2dBackward', f32(indices.shape), indices, 2);
    expectDType('maxUnpool2dBackward', { dy }, 'f32');
    const shape = [...indices.shape.slice(0, -2), ...outputSize];
    if (showShape(dy.shape) !== showShape(shape))
      fail('maxUnpool2dBackward', `dy must be ${showShape(shape)}, it is ${showShape(dy.shape)}`);
    return f32(indices.shape);
  },
  reference: ({ dy, indices }, attrs) =>
    Float64Array.from(placesOf('maxUnpool2dBackward', indices, attrs), (place) =>
      place < 0 ? 0 : dy.data[place]!,
    ),
  backward: { dy: ({ grad, indices, attrs }): Value => maxUnpool2d(grad, indices, attrs), indices: null },
  kernels: ownerKernels<'dy'>('max_unpool2d_backward_f32', ['dy', 'indices', 'owners', 'output']),
  fault: indexFault,
  linear: ['dy'],
  samples: cases.map((c) => ({
    inputs: {
      dy: { shape: [...c.x.slice(0, -2), ...unpoolAttrs('case', c.options, c.x, 2).outputSize] },
      indices: indicesOf(c),
    },
    options: c.options,
  })),
  errors: [
    {
      types: { dy: f32([1, 1, 5, 4]), indices: i32([1, 1, 2, 2]) },
      options: { kernel: 2 },
      message: 'maxUnpool2dBackward: dy must be [1,1,4,4], it is [1,1,5,4]',
    },
  ],
});
