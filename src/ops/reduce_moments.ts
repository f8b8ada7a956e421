import { LOST_POWER } from '../bounds.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { div, mul, sub } from './binary.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { mean } from './reduce.js';
import {
  countOf,
  type ReduceAttrs,
  type ReduceContext,
  type ReduceOptions,
  reduce,
  reduceKinds,
  reduceSamples,
} from './reduce_common.js';
import { sumUnits } from './softmax.js';
import { exp } from './unary.js';
import { where } from './where.js';

export interface VarianceOptions extends ReduceOptions {
  /** What is taken off the count of elements before dividing by it, default 1; 0 for the population's variance. */
  readonly correction?: number;
}

export const varianceKinds: Kinds<VarianceOptions> = { ...reduceKinds, correction: number };

interface VarianceAttrs extends ReduceAttrs {
  readonly correction: number;
}

/** 1 / (n - correction), infinite where nothing is left: 0 times it is NaN, as PyTorch has it. */
const share = (count: number, correction: number): number => 1 / Math.max(0, count - correction);

const average = (group: Float64Array): number => group.reduce((a, b) => a + b, 0) / group.length;

/** From the first element's distance on, so that equal elements give exactly 0. */
function varianceOf(group: Float64Array, { correction }: VarianceAttrs): number {
  const distances = group.map((v) => v - group[0]!);
  const centre = average(distances);
  return distances.reduce((total, v) => total + (v - centre) ** 2, 0) * share(group.length, correction);
}

/**
 * Bounds both kernels' errors in units of 2^-24 =: u. With s = |x - x₀| for the first element x₀ and d = |x - mean|, the
 * mean of x - x₀ is off by some δ <= (n + 2) u s̄, the same for all elements, and each x - x₀ by u s, each difference by
 * u d: Σ (d + error)² is off by 2 u Σ d s + 2 u Σ d² + n δ², for Σ d = 0 takes out what is linear in δ. Adding squares
 * costs n u Σ d² more, the square and the scale 3.
 *
 * A GPU may join p >= 8 parts of c elements, whose own means m are off by δ <= (c + 1) u s̄: what is linear in δ, 2 c |m - mean| δ
 * of each, does not cancel. As |m - mean| s̄ <= 2 Σ d² / c + Σ d s / c it is at most 4 (c + 1) u of these terms, and the sums
 * cost c + p: with c <= n / 8 + 1 and n >= 2048 that is less than n.
 */
function varianceMagnitude(group: Float64Array, { correction }: VarianceAttrs): number {
  const centre = average(group);
  const n = group.length;
  const distance = average(group.map((v) => Math.abs(v - group[0]!)));
  const terms = group.reduce(
    (total, v) => total + (v - centre) ** 2 + Math.abs(v - centre) * Math.abs(v - group[0]!),
    0,
  );
  return (terms + 2 ** -24 * n * (n + 2) * distance ** 2) * share(n, correction);
}
const varianceUlps = (count: number) => count + 8;

/** d variance / dx = 2 (x - mean) / (n - correction). */
function varianceGradient(grad: Value, { x, attrs, keep }: ReduceContext<VarianceAttrs>): Value {
  const { axes, correction } = attrs;
  const count = countOf(x.shape, axes);
  const centred = sub(x, mean(x, { axes, keepDims: true }));
  return mul(mul(keep(grad), scalar(2 * share(count, correction))), centred);
}

const correctionOf = (name: string) => (options: VarianceOptions | undefined) => {
  const correction = options?.correction ?? 1;
  if (!Number.isFinite(correction)) fail(name, `correction must be a finite number, got ${correction}`);
  return { correction };
};

const correctionError = (name: string) => ({
  types: { x: f32([3]) },
  options: { correction: Infinity },
  message: `${name}: correction must be a finite number, got Infinity`,
});

/** Outputs of one wasm unit where they are neighbours: assembly/reduce_moments.ts has the same number. */
const COLUMNS = 128;

const moments = (kernel: string) => [
  {
    kernel,
    columns: COLUMNS,
    side: true,
    leaves: 3,
    params: ({ types, attrs }: { types: { x: { shape: readonly number[] } }; attrs: VarianceAttrs }) => ({
      scale: share(countOf(types.x.shape, attrs.axes), attrs.correction),
    }),
  },
];

/** Samples of at least two elements per output, one of them far from zero. */
const samples = [
  ...reduceSamples<VarianceOptions>()
    .filter((_, i) => i !== 5)
    .map((sample, i) => (i === 1 ? { ...sample, options: { ...sample.options, correction: 0 } } : sample)),
  {
    inputs: { x: { shape: [3, 67], domain: [1000, 1001] as const } },
    options: { axes: 1, correction: 0.5 },
  },
  { inputs: { x: { shape: [3, 133] } }, options: { axes: 0 } },
  { inputs: { x: { shape: [2, 3, 6] } }, options: { axes: 1 } },
];

/** Σ (x - mean)² / (n - correction) over the axes, in two passes. */
export const variance = reduce<VarianceAttrs, VarianceOptions>('variance', {
  summary: 'y = Σ (x - mean)² / (n - correction) over the axes',
  dtypes: { f32: 'f32' },
  kernels: moments('variance_f32'),
  kinds: varianceKinds,
  attributes: correctionOf('variance'),
  evaluate: varianceOf,
  backward: (context) => varianceGradient(context.grad, context),
  samples,
  errors: [correctionError('variance')],
  ulps: varianceUlps,
  magnitude: varianceMagnitude,
});

/** The square root of `variance`; where it is 0, its gradient is 0. */
export const std = reduce<VarianceAttrs, VarianceOptions>('std', {
  summary: 'y = √(Σ (x - mean)² / (n - correction)) over the axes',
  dtypes: { f32: 'f32' },
  kernels: moments('std_f32'),
  kinds: varianceKinds,
  attributes: correctionOf('std'),
  evaluate: (group, attrs) => Math.sqrt(varianceOf(group, attrs)),
  backward(context) {
    const { grad, output } = context;
    const zero = equal(output, scalar(0));
    const doubled = mul(where(zero, scalar(1), output), scalar(2));
    return varianceGradient(where(zero, scalar(0), div(grad, doubled)), context);
  },
  samples,
  errors: [correctionError('std')],
  // A root halves relative errors; its own is 1 unit on wasm, in WGSL that of 1 / inverseSqrt: 2 ulp and 2.5 ulp.
  ulps: (count, _, backend) => varianceUlps(count) / 2 + (backend === 'wasm' ? 1 : 9),
  // With what squares, their sum and its scale lose below the normal numbers, 2^-126 each, a variance v is off by
  // e = u (n + 8) M, its root by e / 2√v or, where v is
  // no larger than that, by √e.
  magnitude(group, attrs) {
    const v = varianceOf(group, attrs);
    if (v === 0) return 0;
    const m = varianceMagnitude(group, attrs) + 3 * LOST_POWER * share(group.length, attrs.correction);
    const unit = 2 ** -24 * varianceUlps(group.length);
    return v > unit * m ? m / Math.sqrt(v) : 2 * Math.sqrt(m / unit);
  },
});

function logSumExpOf(group: Float64Array): number {
  const top = group.reduce((a, b) => Math.max(a, b), -Infinity);
  const shift = Math.abs(top) === Infinity ? 0 : top;
  return shift + Math.log(group.reduce((total, v) => total + Math.exp(v - shift), 0));
}

/** ln Σ e^x over the axes, from the largest element on, so that it can't overflow. */
export const logSumExp = reduce('logSumExp', {
  summary: 'y = ln Σ e^x over the axes',
  dtypes: { f32: 'f32' },
  kernels: [{ kernel: 'log_sum_exp_f32', side: true, leaves: 3 }],
  evaluate: logSumExpOf,
  backward: ({ grad, x, output, keep }) => mul(exp(sub(x, keep(output))), keep(grad)),
  domain: { domain: [-4, 4] },
  more: [
    {
      inputs: { x: { shape: [3, 5], values: [1000, 999, 998.5, 1000, 990, -1000, -1001, -1000] } },
      options: { axes: 1 },
    },
  ],
  // A relative error of Σ is an absolute one of ln Σ; ln's own are 8 units near 1 (WGSL: 2^-21 within [½, 2]), else 6; the
  // sum with the largest element adds one of the result.
  ulps: (count, _, backend) => sumUnits(backend, count) + 9,
  magnitude(group) {
    const top = group.reduce((a, b) => Math.max(a, b), -Infinity);
    const y = logSumExpOf(group);
    return 1 + Math.abs(y) + (Number.isFinite(top) ? Math.abs(y - top) : 0);
  },
});
