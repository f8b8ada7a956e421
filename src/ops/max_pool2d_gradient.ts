/** The gradients of max pooling, by winners that are bytes, taps of windows, or words, indices in planes. */
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import {
  expectDType,
  f32,
  type KernelCall,
  type Launch,
  type RefTensor,
  type TensorType,
  type Value,
} from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { omit } from './common.js';
import { expectPooled, type Pooled, pooledErrors, pooledOptions } from './pool_backward.js';
import { blocks, kindsOf, PAIRS, STEPS, type WindowKind } from './pool_webgpu.js';
import {
  COVERED,
  forEachWindow,
  type Geometry,
  mostTaps,
  mostWindows,
  type Pooling,
  pooledCase,
  pooledType,
  windowParams,
} from './pool_windows.js';

/** The gradients of one kind of max pooling, each other's adjoints. */
export interface Gradients<U, A extends U & object> {
  readonly backward: (dy: Value, winners: Value, options: A & Pooled) => Value;
  readonly select: (values: Value, winners: Value, options: A) => Value;
}

/** One launch of a kernel over windows: a wasm unit is a plane, `units` are webgpu's. */
export const windowLaunch = (
  backend: 'wasm' | 'webgpu',
  kernel: string,
  operands: readonly (string | null)[],
  g: Geometry,
  units: number,
  scratch: number,
  { words = false, kind = null }: { words?: boolean; kind?: WindowKind | null } = {},
): Launch => ({
  kernel: kernel + (kind?.suffix ?? ''),
  operands,
  params: windowParams(g, COVERED, words),
  ...(kind?.constants && { constants: kind.constants(g) }),
  units: backend === 'wasm' ? g.planes : (kind?.units?.(g) ?? units),
  scratch,
});

/**
 * wasm: a row of columns with padding, a value and a mark of two bytes each, and the rest of a vector; or two rows of windows in
 * fours, a value and a mark of four bytes each.
 */
export const scratchOf = ({ width: { size, out, kernel, stride, padding, dilation } }: Geometry): number =>
  Math.max(6 * (padding + size + kernel * dilation + (out + 4) * stride) + 16, 16 * (out + 3));

/** wasm: a distance by tap, one word by byte. */
const TABLE = 4 * 256;

/** Words of one byte by window. */
export const tapsType = ({ planes, height, width }: Geometry): TensorType => ({
  shape: [Math.ceil((planes * height.out * width.out) / 4)],
  dtype: 'i32',
});

/** Where windows start, and the steps between their elements: rows, then columns. */
function originOf({ height, width }: Geometry, i: number): [number, number] {
  const oy = Math.floor(i / width.out) % height.out;
  return [oy * height.stride - height.padding, (i % width.out) * width.stride - width.padding];
}

/** The words of taps that stand for indices in planes. */
export function packTaps(indices: Float64Array, g: Geometry): Float64Array {
  const { height, width } = g;
  const bytes = new Uint8Array(4 * sizeOf(tapsType(g).shape));
  indices.forEach((index, i) => {
    const [top, left] = originOf(g, i);
    const row = (Math.floor(index / width.size) - top) / height.dilation;
    const column = ((index % width.size) - left) / width.dilation;
    bytes[i] = row * width.kernel + column;
  });
  return Float64Array.from(new Int32Array(bytes.buffer));
}

/** By window the index of its winner in all planes, -1 where none is named. */
function winnerPlaces(winners: Float64Array, g: Geometry, words: boolean): number[] {
  const { planes, height, width } = g;
  const size = height.size * width.size;
  const bytes = new Uint8Array(Int32Array.from(winners).buffer);
  return Array.from({ length: planes * height.out * width.out }, (_, i) => {
    const plane = Math.floor(i / (height.out * width.out));
    const [top, left] = originOf(g, i);
    const tap = bytes[i]!;
    const row = top + Math.floor(tap / width.kernel) * height.dilation;
    const column = left + (tap % width.kernel) * width.dilation;
    const index = words ? winners[i]! : tap < mostTaps(g) ? row * width.size + column : -1;
    return index >= 0 && index < size ? plane * size + index : -1;
  });
}

const winnersMessage = (y: TensorType, taps: TensorType | null, given: TensorType): string => {
  const either = taps ? ` or bytes ${showShape(taps.shape)}` : '';
  return `winners must be indices ${showShape(y.shape)}${either}, it is ${showShape(given.shape)}`;
};

/** Refuses winners that fit neither the windows nor their bytes. */
function checkWinners(name: string, winners: TensorType, y: TensorType, g: Geometry): void {
  expectDType(name, { winners }, 'i32');
  const taps = g.adaptive ? null : tapsType(g);
  if (!sameShape(winners.shape, y.shape) && !(taps && sameShape(winners.shape, taps.shape)))
    fail(name, winnersMessage(y, taps, winners));
}

const namesIndices = (winners: TensorType, y: TensorType): boolean => sameShape(winners.shape, y.shape);

/** Some element of each of a case's windows, as bytes where they fit. */
function sampledWinners(g: Geometry, y: TensorType) {
  const words = g.adaptive || mostTaps(g) > 256;
  const { shape } = words ? y : tapsType(g);
  return {
    shape,
    dtype: 'i32' as const,
    get values() {
      const indices = new Float64Array(sizeOf(y.shape));
      forEachWindow(g, (i, covered) => {
        indices[i] = covered[(i * 5 + 2) % covered.length]! % (g.height.size * g.width.size);
      });
      return Array.from(words ? indices : packTaps(indices, g));
    },
  };
}

/** A case of pooling with its windows and their winners. */
function caseOf<U, A extends U & object>(pooling: Pooling<U, A>, [shape, options]: readonly [Shape, U]) {
  const g = pooling.plan('case', f32(shape), pooling.attributes('case', options, shape));
  const y = pooledCase(pooling, shape, options);
  return { shape, options, y, winners: sampledWinners(g, y) };
}

type BackwardCall<A> = KernelCall<'dy' | 'winners', A & Pooled>;
type BackwardPlan<A> = (attrs: A & Pooled) => Geometry;

/** The kernels of an op that sums dy over windows; those of webgpu for windows of one kind know taps alone. */
function backwardKernels<A>(plan: BackwardPlan<A>, kinds: readonly WindowKind[]) {
  const kernel = 'max_pool2d_backward_f32';
  const variant = (backend: 'wasm' | 'webgpu', kind: WindowKind | null = null) => ({
    name: kernel + (kind?.suffix ?? ''),
    when: ({ types, attrs }: BackwardCall<A>) =>
      !kind || (kind.fits(plan(attrs)) && !namesIndices(types.winners, types.dy)),
    launches({ types, attrs }: BackwardCall<A>) {
      const words = namesIndices(types.winners, types.dy);
      const g = plan(attrs);
      const operands = ['dy', 'winners', 'output'];
      return [windowLaunch(backend, kernel, operands, g, blocks(g), TABLE, { words, kind })];
    },
  });
  return {
    wasm: [variant('wasm')],
    webgpu: [...kinds.map((kind) => variant('webgpu', kind)), variant('webgpu')],
  };
}

/** dx of `size` elements: each dy added to its window's winner. */
function summedByWinner(dy: RefTensor, winners: RefTensor, g: Geometry, size: number): Float64Array {
  const dx = new Float64Array(size);
  winnerPlaces(winners.data, g, namesIndices(winners, dy)).forEach((place, i) => {
    if (place >= 0) dx[place]! += dy.data[i]!;
  });
  return dx;
}

/** Of up to n windows that an element wins, n - 1 sums round. */
const backwardTolerance = <A>(plan: BackwardPlan<A>) => ({
  ulps: ({ attrs }: BackwardCall<A>) => mostWindows(plan(attrs)) - 1,
  magnitude: 'absolute' as const,
});

/** What is refused, in a case of pooling to `y`. */
const backwardErrors = <U, A extends U & object>(
  name: string,
  pooling: Pooling<U, A>,
  one: ReturnType<typeof caseOf<U, A>>,
) => [
  ...pooledErrors(name, one, { winners: { shape: [1, 1, 9, 9], dtype: 'i32' as const } }),
  {
    types: { dy: one.y, winners: { shape: [7], dtype: 'i32' as const } },
    options: { ...one.options, shape: one.shape },
    message: wrongWinners(name, one.y, pooling, one),
  },
];

export function backwardOp<U, A extends U & object>(
  name: string,
  pooling: Pooling<U, A>,
  gradients: Gradients<U, A>,
) {
  const plan: BackwardPlan<A> = (attrs) => pooling.plan(name, f32(attrs.shape), attrs);
  const tolerance = backwardTolerance(plan);
  const cases = pooling.cases.map((one) => caseOf(pooling, one));
  return defineOp({
    name,
    summary: 'dx = Σ dy over the windows that x wins',
    inputs: ['dy', 'winners'],
    ...pooledOptions(name, pooling),
    infer({ dy, winners }, attrs) {
      const g = plan(attrs);
      expectPooled(name, dy, pooledType(f32(attrs.shape), g));
      checkWinners(name, winners, dy, g);
      return f32(attrs.shape);
    },
    reference: ({ dy, winners }, attrs) => summedByWinner(dy, winners, plan(attrs), sizeOf(attrs.shape)),
    backward: {
      dy: ({ grad, winners, attrs }): Value =>
        gradients.select(grad, winners, omit(attrs as A & { shape: Shape }, 'shape') as unknown as A),
      winners: null,
    },
    kernels: backwardKernels(plan, kindsOf(pooling, [PAIRS, STEPS])),
    linear: ['dy'],
    samples: cases.map(({ shape, options, y, winners }) => ({
      inputs: { dy: { shape: y.shape }, winners },
      options: { ...options, shape },
    })),
    errors: backwardErrors(name, pooling, cases[0]!),
    tolerance: { wasm: tolerance, webgpu: tolerance },
  });
}

function wrongWinners<U, A extends U & object>(
  name: string,
  y: TensorType,
  pooling: Pooling<U, A>,
  { shape, options }: { shape: Shape; options: U },
): string {
  const g = pooling.plan('case', f32(shape), pooling.attributes('case', options, shape));
  return `${name}: ${winnersMessage(y, g.adaptive ? null : tapsType(g), f32([7]))}`;
}

export function selectOp<U, A extends U & object>(
  name: string,
  pooling: Pooling<U, A>,
  gradients: Gradients<U, A>,
) {
  const kernel = 'max_pool2d_select_f32';
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: kernel,
    launches({ types, output, attrs }: KernelCall<'values' | 'winners', A>) {
      const g = pooling.plan(name, types.values, attrs);
      const words = namesIndices(types.winners, output);
      const operands = ['values', 'winners', 'output'];
      return [windowLaunch(backend, kernel, operands, g, sizeOf(output.shape), TABLE, { words })];
    },
  });
  const cases = pooling.cases.map((one) => caseOf(pooling, one));
  const first = cases[0]!;
  return defineOp({
    name,
    summary: 'y = values where x was largest in each window',
    inputs: ['values', 'winners'],
    kinds: pooling.kinds,
    attributes: (options: U | undefined, { values }) => pooling.attributes(name, options, values.shape),
    infer({ values, winners }, attrs) {
      const g = pooling.plan(name, values, attrs);
      const y = pooledType(values, g);
      checkWinners(name, winners, y, g);
      return y;
    },
    reference({ values, winners }, attrs, [y]) {
      const g = pooling.plan(name, values, attrs);
      const places = winnerPlaces(winners.data, g, namesIndices(winners, y!));
      return Float64Array.from(places, (place) => (place < 0 ? 0 : values.data[place]!));
    },
    backward: {
      values: ({ grad, values, winners, attrs }): Value =>
        gradients.backward(grad, winners, { ...attrs, shape: values.shape }),
      winners: null,
    },
    kernels: { wasm: [variant('wasm')], webgpu: [variant('webgpu')] },
    linear: ['values'],
    samples: cases.map(({ shape, options, winners }) => ({
      inputs: { values: { shape }, winners },
      options,
    })),
    errors: [
      {
        types: { values: f32(first.shape), winners: { shape: [7], dtype: 'i32' } },
        options: first.options,
        message: wrongWinners(name, first.y, pooling, first),
      },
    ],
  });
}
