import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { flag, type Kinds, number, whole, wholeOrPair } from '../kinds.js';
import { f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { avgPool2d, roundings } from './avg_pool2d.js';
import { mul } from './binary.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { maxPool2d } from './max_pool2d.js';
import { meansOf } from './pool_reference.js';
import {
  forEachWindow,
  type Geometry,
  mostTaps,
  type Pool1dOptions,
  type Pool2dOptions,
  type Rank,
  type SlidingAttrs,
  slidingAttrs,
  slidingErrors,
  slidingPlan,
} from './pool_windows.js';
import { pow } from './pow.js';
import { abs, neg, sqrt, square } from './unary.js';
import { where } from './where.js';

interface Norm {
  /** The power, PyTorch's norm_type: not zero; ±Infinity for the largest or the smallest |x|. */
  readonly p: number;
}

export interface LpPool2dOptions extends Norm, Pick<Pool2dOptions, 'kernel' | 'stride' | 'ceilMode'> {}

export const lpPool2dKinds: Kinds<LpPool2dOptions> = {
  p: number,
  kernel: wholeOrPair,
  stride: wholeOrPair,
  ceilMode: flag,
};

export interface LpPool1dOptions extends Norm, Pick<Pool1dOptions, 'kernel' | 'stride' | 'ceilMode'> {}

export const lpPool1dKinds: Kinds<LpPool1dOptions> = {
  p: number,
  kernel: whole,
  stride: whole,
  ceilMode: flag,
};

export interface LpAttrs extends Norm, Pick<SlidingAttrs, 'kernel' | 'stride' | 'ceilMode'> {}

/** Completes the options and checks that windows fit x. */
export function lpAttrs(
  name: string,
  options: LpPool2dOptions | LpPool1dOptions | undefined,
  x: TensorType,
  rank: Rank,
): LpAttrs {
  if (!options || typeof options.p !== 'number' || options.p === 0 || Number.isNaN(options.p))
    fail(name, `needs a power p that is not zero among its options, got ${options?.p}`);
  const { kernel, stride, ceilMode } = slidingAttrs(name, options, rank);
  const attrs = { p: options.p, kernel, stride, ceilMode };
  lpPlan(name, x, attrs, rank);
  return attrs;
}

const NO_PADDING = { padding: [0, 0], dilation: [1, 1] } as const;

export const lpPlan = (name: string, x: TensorType, attrs: LpAttrs, rank: Rank): Geometry =>
  slidingPlan(name, x, { ...attrs, ...NO_PADDING }, rank);

/**
 * (k mean x^p)^(1 / p) over windows of k elements, with a gradient of zero where the mean is: also where `ceilMode` cuts a
 * window, as in PyTorch.
 */
export function lpOfPlanes(x: Value, { p, kernel, stride, ceilMode }: LpAttrs): Value {
  const windows = { kernel, stride, ceilMode };
  if (p === Number.POSITIVE_INFINITY) return maxPool2d(abs(x), windows);
  if (p === Number.NEGATIVE_INFINITY) return neg(maxPool2d(neg(abs(x)), windows));
  const powers = p === 1 ? x : p === 2 ? square(x) : pow(x, scalar(p));
  const means = avgPool2d(powers, windows);
  const zero = equal(means, scalar(0));
  const sums = mul(where(zero, scalar(1), means), scalar(sizeOf(kernel)));
  const roots = p === 1 ? sums : p === 2 ? sqrt(sums) : pow(sums, scalar(1 / p));
  return where(zero, scalar(0 ** (1 / p)), roots);
}

/** The same in f64. */
export function lpReference(x: RefTensor, g: Geometry, { p, kernel }: LpAttrs): Float64Array {
  if (Number.isFinite(p)) {
    const powers = x.data.map((value) => value ** p);
    const means = meansOf(powers, g, { countIncludePad: true, divisorOverride: null });
    return means.map((mean) => (mean * sizeOf(kernel)) ** (1 / p));
  }
  const y = new Float64Array(g.planes * g.height.out * g.width.out);
  forEachWindow(g, (i, covered) => {
    const sizes = covered.map((place) => Math.abs(x.data[place]!));
    y[i] = p > 0 ? Math.max(...sizes) : Math.min(...sizes);
  });
  return y;
}

/**
 * Units of 2^-24 of y where all powers are positive: those of a power (4 on wasm, 66 on webgpu, where |p log2 x| <= 6), a
 * mean and a product go through the p-th root, which adds its own.
 */
export function lpUlps(backend: 'wasm' | 'webgpu', { p }: LpAttrs, g: Geometry): number {
  if (!Number.isFinite(p)) return 0;
  const power = backend === 'wasm' ? 4 : 66;
  return (power + roundings(mostTaps(g), backend) + 1) / Math.abs(p) + power + 1;
}

const tolerance = (backend: 'wasm' | 'webgpu') => ({
  ulps: ({ types, attrs }: { types: { readonly x: TensorType }; attrs: LpAttrs }) =>
    lpUlps(backend, attrs, lpPlan('lpPool2d', types.x, attrs, 2)),
});

const cases: readonly (readonly [Shape, LpPool2dOptions])[] = [
  [[1, 1, 2, 2], { p: 2, kernel: 2 }],
  [[2, 2, 7, 9], { p: 3, kernel: [3, 2], stride: 2 }],
  [[3, 5, 6], { p: 2, kernel: 3, stride: 2, ceilMode: true }],
  [[1, 1, 4, 5], { p: 1, kernel: 2, stride: 1 }],
  [[1, 1, 4, 5], { p: -1.5, kernel: 2 }],
  [[1, 2, 4, 5], { p: Number.POSITIVE_INFINITY, kernel: 2 }],
  [[1, 2, 4, 5], { p: Number.NEGATIVE_INFINITY, kernel: 2 }],
];

/**
 * The p-norm of each window, (Σ x^p)^(1 / p), as PyTorch computes it: x^p with its sign, the mean of what a window covers
 * times the whole window's size, and a gradient of zero where the sum is zero. x is [n, c, h, w] or [c, h, w].
 */
export const lpPool2d = defineComposition({
  name: 'lpPool2d',
  summary: 'y = (Σ x^p)^(1/p) over each window',
  inputs: ['x'],
  kinds: lpPool2dKinds,
  attributes: (options: LpPool2dOptions | undefined, { x }) => lpAttrs('lpPool2d', options, x, 2),
  compose: ({ x }, attrs) => lpOfPlanes(x, attrs),
  reference: ({ x }, attrs) => lpReference(x, lpPlan('lpPool2d', x, attrs, 2), attrs),
  samples: cases.map(([shape, options]) => ({
    inputs: { x: { shape, domain: [0.4, 2] as const, distinct: !Number.isFinite(options.p) } },
    options,
  })),
  errors: [
    ...slidingErrors('lpPool2d').flatMap(({ types, options, message }) =>
      options && !('padding' in options) ? [{ types, options: { p: 2, ...options }, message }] : [],
    ),
    {
      types: { x: f32([1, 1, 2, 2]) },
      options: { p: 0, kernel: 2 },
      message: 'lpPool2d: needs a power p that is not zero among its options, got 0',
    },
  ],
  tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
});
