import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, number, orNull } from '../kinds.js';
import { f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { omit, type Pair } from './common.js';
import { adaptive } from './pool_adaptive.js';
import { expectPooled, type Pooled, pooledErrors, pooledOptions } from './pool_backward.js';
import { divisorOf, meansOf } from './pool_reference.js';
import { blocks, kindsOf, PAIRS, type WindowKind } from './pool_webgpu.js';
import {
  COVERED,
  type Divisor,
  forEachWindow,
  type Geometry,
  mostTaps,
  mostWindows,
  type Pool1dOptions,
  type Pool2dOptions,
  type Pooling,
  pool1dKinds,
  pool2dKinds,
  pooledCase,
  pooledType,
  type Rank,
  type SlidingAttrs,
  slidingAttrs,
  slidingErrors,
  slidingPlan,
  windowParams,
} from './pool_windows.js';

export interface AvgPool2dOptions extends Omit<Pool2dOptions, 'dilation'> {
  /** Whether padding counts in the divisor, default true; what `ceilMode` adds beyond the padding never does. */
  readonly countIncludePad?: boolean;
  /** What sums are divided by in place of a count, default null; not zero. */
  readonly divisorOverride?: number | null;
}

export const avgPool2dKinds: Kinds<AvgPool2dOptions> = {
  ...omit(pool2dKinds, 'dilation'),
  countIncludePad: flag,
  divisorOverride: orNull(number),
};

/** {@link AvgPool2dOptions} with one number each. */
export interface AvgPool1dOptions extends Omit<Pool1dOptions, 'dilation'> {
  /** Whether padding counts in the divisor, default true; what `ceilMode` adds beyond the padding never does. */
  readonly countIncludePad?: boolean;
}

export const avgPool1dKinds: Kinds<AvgPool1dOptions> = {
  ...omit(pool1dKinds, 'dilation'),
  countIncludePad: flag,
};

type MeanAttrs = Omit<SlidingAttrs, 'dilation'> & Divisor;

/** Windows and what their sums are divided by. */
interface MeanPooling<U, A extends U & object> extends Pooling<U, A> {
  readonly divisor: (attrs: A) => Divisor;
}

/**
 * wasm: the weights of a row of windows, a row of x between its padding, and backward another of shares between zeros and for
 * small windows a plane of dy.
 */
function scratchOf({ width, height }: Geometry, rows: 1 | 2): number {
  const { size, out, kernel, stride, padding } = width;
  const padded = padding + size + kernel + (out + 8) * stride;
  const plane = rows === 2 && kernel <= 3 ? height.out * out : 0;
  return 4 * (out + 3 + rows * padded + kernel + 8 + plane);
}

const launches = (
  backend: 'wasm' | 'webgpu',
  kernel: string,
  operands: readonly string[],
  plan: { g: Geometry; divisor: Divisor },
  units: number,
  rows: 1 | 2 = 1,
) => [
  {
    kernel,
    operands,
    params: windowParams(plan.g, plan.divisor),
    units: backend === 'wasm' ? plan.g.planes : units,
    scratch: scratchOf(plan.g, rows),
  },
];

/**
 * A sum of n terms rounds n - 1 times; wasm multiplies by a rounded reciprocal (2 more), webgpu divides within 2.5 ulp (5
 * units). Backward each term is so divided, and up to n windows' terms are added. One unit covers the products of errors.
 */
export const roundings = (terms: number, backend: 'wasm' | 'webgpu'): number =>
  terms - 1 + (backend === 'wasm' ? 2 : 5) + 1;

function forwardOp<U, A extends U & object>(
  name: string,
  pooling: MeanPooling<U, A>,
  backward: (dy: Value, attrs: A & { shape: Shape }) => Value,
) {
  type Call = KernelCall<'x', A>;
  const kernel = 'avg_pool2d_f32';
  const plan = (x: TensorType, attrs: A) => pooling.plan(name, x, attrs);
  const variant = (backend: 'wasm' | 'webgpu', kind: WindowKind | null = null) => ({
    name: kernel + (kind?.suffix ?? ''),
    when: ({ types, attrs }: Call) => kind?.fits(plan(types.x, attrs)) ?? true,
    launches: ({ types, attrs, output }: Call) => {
      const g = plan(types.x, attrs);
      const units = kind?.units?.(g) ?? sizeOf(output.shape);
      const name = kernel + (kind?.suffix ?? '');
      return launches(backend, name, ['x', 'output'], { g, divisor: pooling.divisor(attrs) }, units);
    },
  });
  const tolerance = (backend: 'wasm' | 'webgpu') =>
    ({
      ulps: ({ types, attrs }: Call) => roundings(mostTaps(plan(types.x, attrs)), backend),
      magnitude: 'absolute',
    }) as const;
  return defineOp({
    name,
    summary: 'y = the mean of x in each window',
    inputs: ['x'],
    kinds: pooling.kinds as Kinds<U>,
    attributes: (options: U | undefined, { x }) => pooling.attributes(name, options, x.shape),
    infer: ({ x }, attrs) => pooledType(x, plan(x, attrs)),
    reference: ({ x }, attrs) => meansOf(x.data, plan(x, attrs), pooling.divisor(attrs)),
    backward: { x: ({ grad, x, attrs }): Value => backward(grad, { ...attrs, shape: x.shape }) },
    cost: ({ types, output, attrs }) => ({ flops: sizeOf(output.shape) * mostTaps(plan(types.x, attrs)) }),
    kernels: {
      wasm: [variant('wasm')],
      webgpu: [...kindsOf(pooling, [PAIRS]).map((kind) => variant('webgpu', kind)), variant('webgpu')],
    },
    linear: ['x'],
    samples: pooling.cases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
    errors: pooling.errors(name),
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
  });
}

function backwardOp<U, A extends U & object>(
  name: string,
  pooling: MeanPooling<U, A>,
  forward: (dy: Value, attrs: A) => Value,
) {
  type Call = KernelCall<'dy', A & Pooled>;
  const kernel = 'avg_pool2d_backward_f32';
  const plan = (attrs: A & Pooled) => pooling.plan(name, f32(attrs.shape), attrs);
  const variant = (backend: 'wasm' | 'webgpu', kind: WindowKind | null = null) => ({
    name: kernel + (kind?.suffix ?? ''),
    when: ({ attrs }: Call) => kind?.fits(plan(attrs)) ?? true,
    launches: ({ attrs }: Call) => {
      const g = plan(attrs);
      const units = kind?.units?.(g) ?? blocks(g);
      const name = kernel + (kind?.suffix ?? '');
      return launches(backend, name, ['dy', 'output'], { g, divisor: pooling.divisor(attrs) }, units, 2);
    },
  });
  const tolerance = (backend: 'wasm' | 'webgpu') =>
    ({
      ulps: ({ attrs }: Call) => roundings(mostWindows(plan(attrs)), backend),
      magnitude: 'absolute',
    }) as const;
  const [shape, options] = pooling.cases[0]!;
  return defineOp({
    name,
    summary: 'dx = Σ dy / divisor over the windows that cover x',
    inputs: ['dy'],
    ...pooledOptions(name, pooling),
    infer({ dy }, attrs) {
      expectPooled(name, dy, pooledType(f32(attrs.shape), plan(attrs)));
      return f32(attrs.shape);
    },
    reference({ dy }, attrs) {
      const g = plan(attrs);
      const dx = new Float64Array(sizeOf(attrs.shape));
      forEachWindow(g, (i, covered, oy, ox) => {
        const share = dy.data[i]! / divisorOf(g, pooling.divisor(attrs), covered, oy, ox);
        for (const p of covered) dx[p]! += share;
      });
      return dx;
    },
    backward: { dy: ({ grad, attrs }): Value => forward(grad, attrs) },
    kernels: {
      wasm: [variant('wasm')],
      webgpu: [...kindsOf(pooling, [PAIRS]).map((kind) => variant('webgpu', kind)), variant('webgpu')],
    },
    linear: ['dy'],
    samples: pooling.cases.map(([shape, options]) => ({
      inputs: { dy: { shape: pooledCase(pooling, shape, options).shape } },
      options: { ...options, shape },
    })),
    errors: pooledErrors(name, { shape, options, y: pooledCase(pooling, shape, options) }, {}),
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
  });
}

/** The means of windows laid out by `pooling` and their gradient, each other's adjoints. */
function meanPooling<U, A extends U & object>(name: string, pooling: MeanPooling<U, A>) {
  const rule = (dy: Value, attrs: A & Pooled): Value => backward(dy, attrs);
  const forward = forwardOp(name, pooling, rule);
  const backward = backwardOp(
    `${name}Backward`,
    pooling,
    (dy, attrs): Value => forward(dy, omit(attrs as A & { shape: Shape }, 'shape') as unknown as A),
  );
  return { forward, backward };
}

/** Completes the options of windows without dilation and of the divisor. */
export function meanAttrs(
  name: string,
  options: AvgPool2dOptions | AvgPool1dOptions | undefined,
  rank: Rank,
): MeanAttrs {
  const { kernel, stride, padding, ceilMode } = slidingAttrs(name, options, rank);
  const { countIncludePad = true, divisorOverride = null }: Partial<AvgPool2dOptions> = options ?? {};
  if (divisorOverride === 0) fail(name, 'divisorOverride must not be zero');
  return { kernel, stride, padding, ceilMode, countIncludePad, divisorOverride };
}

const NO_DILATION = [1, 1] as const;

const grid = (shape: Shape, kernel: Pair, options: Omit<AvgPool2dOptions, 'kernel'>) =>
  [shape, { kernel, ...options }] as const;

const sliding: MeanPooling<AvgPool2dOptions, MeanAttrs> = {
  kinds: avgPool2dKinds,
  attributes: (name, options) => meanAttrs(name, options, 2),
  plan: (name, x, attrs) => slidingPlan(name, x, { ...attrs, dilation: NO_DILATION }, 2),
  divisor: (attrs) => attrs,
  cases: [
    grid([1, 1, 2, 2], 2, {}),
    grid([2, 3, 8, 10], 2, {}),
    grid([2, 3, 6, 16], 2, {}),
    grid([1, 2, 4, 8], 2, { divisorOverride: 3 }),
    grid([2, 7, 9], 3, { stride: 2, ceilMode: true }),
    grid([1, 3, 6, 11], [3, 2], { stride: 1, padding: 1 }),
    grid([1, 3, 6, 11], 3, { stride: 1, padding: 1, countIncludePad: false }),
    grid([1, 2, 9, 8], 4, { stride: 3, padding: 2, ceilMode: true }),
    grid([1, 2, 9, 8], 4, { stride: 3, padding: 2, ceilMode: true, countIncludePad: false }),
    grid([1, 2, 5, 7], 2, { padding: 1, divisorOverride: -3 }),
    grid([1, 2, 4, 19], [2, 3], { stride: [1, 3] }),
    grid([1, 2, 5, 19], [3, 2], { stride: [2, 3] }),
    grid([1, 1, 6, 9], [1, 2], { stride: [3, 2], padding: [0, 1], ceilMode: true }),
    grid([1, 1, 7, 12], 5, { stride: 2, padding: 2 }),
    // Windows of 2 by 2 and 3 by 3, two apart: four at a time and the rest, ends inside and outside.
    grid([1, 2, 7, 13], 2, {}),
    grid([1, 2, 9, 12], 3, { stride: 2, padding: 1, countIncludePad: false }),
    grid([1, 2, 8, 14], 3, { stride: 2, ceilMode: true }),
    grid([1, 2, 9, 19], 3, { stride: 2 }),
    grid([1, 2, 8, 17], 3, { stride: 2, padding: 1 }),
    // Of 3 by 3, one apart.
    grid([1, 2, 5, 17], 3, { stride: 1, padding: 1 }),
    grid([1, 1, 4, 13], 3, { stride: 1, padding: [0, 1], countIncludePad: false }),
    grid([1, 2, 3, 6], 3, { stride: 1 }),
  ],
  errors: (name) => [
    ...slidingErrors(name),
    {
      types: { x: f32([1, 1, 4, 4]) },
      options: { kernel: 2, divisorOverride: 0 },
      message: `${name}: divisorOverride must not be zero`,
    },
  ],
};

const slidingMean = meanPooling<AvgPool2dOptions, MeanAttrs>('avgPool2d', sliding);
const adaptiveMean = meanPooling('adaptiveAvgPool2d', { ...adaptive, divisor: () => COVERED });

/** The mean of each window. x is [n, c, h, w] or [c, h, w]. */
export const avgPool2d = slidingMean.forward;
/** dx of `avgPool2d`: each dy is shared equally by its window. Options are those of the pooling, and x's shape. */
export const avgPool2dBackward = slidingMean.backward;
/** The mean of each of `outputSize` windows that divide a plane evenly. x is [n, c, h, w] or [c, h, w]. */
export const adaptiveAvgPool2d = adaptiveMean.forward;
/** dx of `adaptiveAvgPool2d`. */
export const adaptiveAvgPool2dBackward = adaptiveMean.backward;
