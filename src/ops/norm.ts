import { LOST_POWER } from '../bounds.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import type { KernelCall, Sample, Value } from '../op.js';
import { f32 } from '../op.js';
import { div, mul } from './binary.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { POWER_UNITS, pow, powerError } from './pow.js';
import { sum } from './reduce.js';
import {
  type ReduceAttrs,
  type ReduceContext,
  type ReduceOptions,
  reduce,
  reduceKinds,
} from './reduce_common.js';
import { abs, sign } from './unary.js';
import { where } from './where.js';

export interface NormOptions extends ReduceOptions {
  /** The order, default 2: (Σ |x|^p)^(1/p); Infinity the largest |x|, -Infinity the smallest, 0 how many are not zero. */
  readonly p?: number;
}

export const normKinds: Kinds<NormOptions> = { ...reduceKinds, p: number };

interface NormAttrs extends ReduceAttrs {
  readonly p: number;
}

function normOf(group: Float64Array, { p }: NormAttrs): number {
  const sizes = group.map(Math.abs);
  if (p === Infinity) return sizes.reduce((a, b) => Math.max(a, b), 0);
  if (p === -Infinity) return sizes.reduce((a, b) => Math.min(a, b), Infinity);
  if (p === 0) return sizes.reduce((count, v) => count + Number(v !== 0), 0);
  return sizes.reduce((total, v) => total + v ** p, 0) ** (1 / p);
}

/** a / b, and 0 where b is 0, with finite gradients there too. */
function ratio(a: Value, b: Value): Value {
  const zero = equal(b, scalar(0));
  return where(zero, scalar(0), div(a, where(zero, scalar(1), b)));
}

/** The gradient goes to the elements that reach the norm; ties share it equally. */
function toExtremum({ grad, x, output, attrs, keep }: ReduceContext<NormAttrs>): Value {
  const reached = cast(equal(abs(x), keep(output)), { dtype: 'f32' });
  const count = sum(reached, { axes: attrs.axes, keepDims: true });
  return mul(mul(sign(x), reached), div(keep(grad), count));
}

/** dx = sign(x) |x|^(p - 1) y^(1 - p) dy, and 0 where x is 0: PyTorch's choice of a subgradient. */
function powerGradient({ grad, x, output, attrs: { p }, keep }: ReduceContext<NormAttrs>): Value {
  const zero = equal(x, scalar(0));
  const power = pow(where(zero, scalar(1), abs(x)), scalar(p - 1));
  const slopes = where(zero, scalar(0), mul(sign(x), power));
  const share =
    p < 1
      ? mul(grad, pow(output, scalar(1 - p)))
      : ratio(grad, pow(where(equal(output, scalar(0)), scalar(1), output), scalar(p - 1)));
  return mul(slopes, keep(share));
}

function backward(context: ReduceContext<NormAttrs>): Value | null {
  const { grad, x, output, keep } = context;
  const { p } = context.attrs;
  if (p === 0) return null;
  if (p === 1) return mul(sign(x), keep(grad));
  if (p === 2) return mul(x, keep(ratio(grad, output)));
  return Number.isFinite(p) ? powerGradient(context) : toExtremum(context);
}

const kernelOf = (p: number): string => {
  const names: Readonly<Record<string, string>> = {
    0: 'norm_zero',
    1: 'norm_one',
    2: 'norm_two',
    Infinity: 'norm_max',
    '-Infinity': 'norm_min',
  };
  return `${names[String(p)] ?? 'norm_power'}_f32`;
};
const kernels = [0, 1, 2, Infinity, -Infinity, 3].map((p) => ({
  kernel: kernelOf(p),
  leaves: 1,
  joins: !Number.isFinite(p),
  when: ({ attrs }: KernelCall<'x', NormAttrs>) => kernelOf(attrs.p) === kernelOf(p),
  params: ({ attrs }: KernelCall<'x', NormAttrs>) => ({ power: Number.isFinite(attrs.p) ? attrs.p : 0 }),
}));

/** Units that a power is off by beside what grows with its exponent, see powerError. */
const power = { wasm: 2, webgpu: POWER_UNITS } as const;

const isPower = (p: number): boolean => p !== 0 && p !== 1 && p !== 2 && Number.isFinite(p);

/**
 * What a power norm's errors grow by. The error of Σ |x|^p is that of each power, see powerError, and |E| more for p as an f32,
 * by its share of the sum; the root divides it by p and adds that of its own power, with |E| for p and 5 |E| for WGSL's 1 / p.
 * Powers below what f32 holds are lost.
 */
export function normGrowth(group: Float64Array, p: number): number {
  if (!isPower(p)) return 1;
  const sizes = group.map(Math.abs).filter((v) => v !== 0 || p < 0);
  const powers = sizes.map((v) => v ** p);
  const total = powers.reduce((a, b) => a + b, 0);
  if (!(total > 0 && total < Infinity)) return 1;
  const terms = sizes.reduce((sum, v, i) => sum + (powers[i]! / total) * powerError(v, p), 0);
  const lost = (group.length * LOST_POWER) / total;
  return (terms + lost) / Math.abs(p) + powerError(total, 1 / p);
}

/** Units of normGrowth times the norm. */
export function normUnits(count: number, p: number, backend: 'wasm' | 'webgpu'): number {
  if (p === 0 || !Number.isFinite(p)) return 0;
  if (p === 1) return count;
  // A root halves relative errors; WGSL's is that of 1 / inverseSqrt: 2 ulp and 2.5 ulp.
  if (p === 2) return (count + 1) / 2 + (backend === 'wasm' ? 1 : 9);
  // The powers, 1 and 5 for what is said of p above, n roundings of the sum, which the root divides by p.
  return power[backend] + 1 + (backend === 'wasm' ? 0 : 5) + count / Math.abs(p) + 1;
}

const samples: readonly Sample<'x', NormOptions>[] = [
  ...[0, 1, 2, Infinity, -Infinity, 3, 1.5, 0.5, -1.5].flatMap((p): Sample<'x', NormOptions>[] => {
    const fill = Number.isFinite(p)
      ? ({ domain: [0.3, 2], signed: true } as const)
      : ({ domain: [20, 22], distinct: true } as const);
    return [
      { inputs: { x: { shape: [67, 3], ...fill } }, options: { p, axes: 0, keepDims: true } },
      { inputs: { x: { shape: [2, 3, 5], ...fill } }, options: { p, axes: [0, -1] } },
      { inputs: { x: { shape: [97, 17], ...fill } }, options: { p, axes: 1 } },
    ];
  }),
  // Powers up to 2^30, and an exponent that is no f32.
  { inputs: { x: { shape: [7, 5], values: [0.3, 900, -30, 2, 1.01, -7] } }, options: { p: 3, axes: 1 } },
  {
    inputs: { x: { shape: [7, 5], values: [0.3, 900, -30, 2, 1.01, -7] } },
    options: { p: 1.1, axes: 1 },
  },
  { inputs: { x: { shape: [5, 3], values: [0, 2, -1, 0] } }, options: { p: 0 } },
  { inputs: { x: { shape: [37, 19], values: [0, 2, -1, 0, 0, 1, 3] } }, options: { p: 0, axes: -1 } },
  { inputs: { x: { shape: [4099] } } },
];

/** The p-norm of the elements over the axes, as PyTorch's linalg.vector_norm. */
export const norm = reduce<NormAttrs, NormOptions>('norm', {
  summary: 'y = (Σ |x|^p)^(1/p) over the axes',
  dtypes: { f32: 'f32' },
  kernels,
  kinds: normKinds,
  attributes(options) {
    const p = options?.p ?? 2;
    if (typeof p !== 'number' || Number.isNaN(p)) fail('norm', `p must be a number, got ${p}`);
    return { p };
  },
  empty: ({ p }) => p >= 0 && p !== Infinity,
  evaluate: normOf,
  backward,
  samples,
  errors: [
    {
      types: { x: f32([2, 0]) },
      options: { p: Infinity, axes: 1 },
      message: "norm: can't reduce an empty axis, x is [2,0]",
    },
    { types: { x: f32([2]) }, options: { p: Number.NaN }, message: 'norm: p must be a number, got NaN' },
  ],
  ulps: (count, { p }, backend) => normUnits(count, p, backend),
  magnitude: (group, attrs) => normOf(group, attrs) * normGrowth(group, attrs.p),
  floor: 2 ** -126,
});
