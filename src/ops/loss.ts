/** Losses that are pieces of polynomials. Kernels: assembly/loss.ts, shaders/loss.wgsl, shaders/loss_backward.wgsl. */
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { mul, sub } from './binary.js';
import { greater, less, lessEqual } from './compare.js';
import { scalar } from './fill.js';
import { defineLoss } from './loss_define.js';
import type { Derivative, LossAttrs, Operands, ReductionOptions } from './loss_spec.js';
import { reductionKinds } from './loss_spec.js';
import { abs } from './unary.js';
import { where } from './where.js';

const signOf = (d: number): number => Number(d > 0) - Number(d < 0);
const scaled = (g: Value, by: number) => mul(g, scalar(by));

/** A grid of hundredths, and one off it by a quarter: differences keep clear of hundredths. */
const onGrid = { distinct: true } as const;
const offGrid = { distinct: true, domain: [-1, 1.005] } as const;
const APART = { x: onGrid, target: offGrid };

/** Derivatives of a function of x - target: opposite numbers. */
function ofDifference<A extends LossAttrs>(
  one: Omit<Derivative<A>, 'second' | 'kernel' | 'sign'>,
  curvature: ((g: Value, difference: Value, attrs: A) => Value) | null,
): { readonly x: Derivative<A>; readonly target: Derivative<A> } {
  const bend =
    (by: number) =>
    (g: Value, { x, t }: Operands, attrs: A) =>
      curvature?.(by === 1 ? g : scaled(g, by), sub(x, t), attrs) ?? null;
  const opposite = (value: number) => -value;
  return {
    x: { ...one, second: { x: bend(1), target: bend(-1) } },
    target: {
      ...one,
      sign: -1,
      evaluate: (point, attrs) => opposite(one.evaluate(point, attrs)),
      second: { x: bend(-1), target: bend(1) },
    },
  };
}

/** (x - target)², f32, for x and target of one shape. */
export const [mseLoss, mseLossBackward] = defineLoss<readonly ['x', 'target'], LossAttrs>('mseLoss', {
  summary: 'y = (x - target)², each, mean or Σ',
  inputs: ['x', 'target'],
  evaluate: ({ x, t }) => (x - t) ** 2,
  // The difference rounds once, its square again.
  ulps: { wasm: 3, webgpu: 3 },
  derivatives: ofDifference({ evaluate: ({ x, t }) => 2 * (x - t), ulps: { wasm: 1, webgpu: 1 } }, (g) =>
    scaled(g, 2),
  ),
  cases: [{ fill: {} }],
});

/** |x - target|. */
export const [l1Loss, l1LossBackward] = defineLoss<readonly ['x', 'target'], LossAttrs>('l1Loss', {
  summary: 'y = |x - target|, each, mean or Σ',
  inputs: ['x', 'target'],
  evaluate: ({ x, t }) => Math.abs(x - t),
  ulps: { wasm: 1, webgpu: 1 },
  derivatives: ofDifference({ evaluate: ({ x, t }) => signOf(x - t), ulps: { wasm: 0, webgpu: 0 } }, null),
  cases: [{ fill: APART }],
});

export interface SmoothL1LossOptions extends ReductionOptions {
  /** Where the parabola becomes a line, at least 0; default 1. */
  readonly beta?: number;
}

export const smoothL1LossKinds: Kinds<SmoothL1LossOptions> = { ...reductionKinds, beta: number };

/** d² / 2β where d = |x - target| < β, else d - β / 2. */
export const [smoothL1Loss, smoothL1LossBackward] = defineLoss<
  readonly ['x', 'target'],
  { readonly beta: number },
  SmoothL1LossOptions
>('smoothL1Loss', {
  summary: 'y = d² / 2β where d = |x - target| < β, else d - β / 2; each, mean or Σ',
  inputs: ['x', 'target'],
  kinds: smoothL1LossKinds,
  attributes(options) {
    const { beta = 1 } = options ?? {};
    if (!(beta >= 0)) fail('smoothL1Loss', `beta must be at least 0, got ${beta}`);
    return { beta };
  },
  params: ({ beta }) => ({ a: beta }),
  evaluate({ x, t }, { beta }) {
    const d = Math.abs(x - t);
    return d < beta ? (0.5 * d * d) / beta : d - 0.5 * beta;
  },
  // Of the parabola: the square 3, β 1, the quotient 1 or WGSL's 5. Of the line: d, β and the difference 1 each.
  ulps: { wasm: 5, webgpu: 9 },
  magnitude: ({ x, t }, { beta }) =>
    Math.abs(x - t) < beta ? (0.5 * (x - t) ** 2) / beta : Math.abs(x - t) + 0.5 * beta,
  derivatives: ofDifference<{ readonly beta: number }>(
    {
      evaluate: ({ x, t }, { beta }) => (Math.abs(x - t) < beta ? (x - t) / beta : signOf(x - t)),
      ulps: { wasm: 3, webgpu: 7 },
    },
    (g, d, { beta }) => where(less(abs(d), scalar(beta)), scaled(g, beta > 0 ? 1 / beta : 0), scalar(0)),
  ),
  cases: [{ fill: APART }, { options: { beta: 0.25 }, fill: APART }, { options: { beta: 0 }, fill: APART }],
  errors: [
    {
      types: { x: f32([2]), target: f32([2]) },
      options: { beta: -1 },
      message: 'smoothL1Loss: beta must be at least 0, got -1',
    },
  ],
});

export interface HuberLossOptions extends ReductionOptions {
  /** Where the parabola becomes a line, above 0; default 1. */
  readonly delta?: number;
}

export const huberLossKinds: Kinds<HuberLossOptions> = { ...reductionKinds, delta: number };

/** d² / 2 where d = |x - target| <= δ, else δ (d - δ / 2). */
export const [huberLoss, huberLossBackward] = defineLoss<
  readonly ['x', 'target'],
  { readonly delta: number },
  HuberLossOptions
>('huberLoss', {
  summary: 'y = d² / 2 where d = |x - target| ≤ δ, else δ (d - δ / 2); each, mean or Σ',
  inputs: ['x', 'target'],
  kinds: huberLossKinds,
  attributes(options) {
    const { delta = 1 } = options ?? {};
    if (!(delta > 0)) fail('huberLoss', `delta must be above 0, got ${delta}`);
    return { delta };
  },
  params: ({ delta }) => ({ a: delta }),
  evaluate({ x, t }, { delta }) {
    const d = Math.abs(x - t);
    return d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
  },
  // Of the line: d, δ and the difference 1 each, the product with a rounded δ 2.
  ulps: { wasm: 5, webgpu: 5 },
  magnitude({ x, t }, { delta }) {
    const d = Math.abs(x - t);
    return d <= delta ? 0.5 * d * d : delta * (d + 0.5 * delta);
  },
  derivatives: ofDifference<{ readonly delta: number }>(
    {
      evaluate: ({ x, t }, { delta }) => (Math.abs(x - t) <= delta ? x - t : delta * signOf(x - t)),
      ulps: { wasm: 2, webgpu: 2 },
    },
    (g, d, { delta }) => where(lessEqual(abs(d), scalar(delta)), g, scalar(0)),
  ),
  cases: [{ fill: APART }, { options: { delta: 0.25 }, fill: APART }],
  errors: [
    {
      types: { x: f32([2]), target: f32([2]) },
      options: { delta: 0 },
      message: 'huberLoss: delta must be above 0, got 0',
    },
  ],
});

export interface MarginOptions extends ReductionOptions {
  readonly margin?: number;
}

export const marginKinds: Kinds<MarginOptions> = { ...reductionKinds, margin: number };

const SIGNS = { values: [1, -1, -1, 1, -1] };

/** x where target is 1, max(margin - x, 0) where it is -1; margin 1 by default. The target has no gradient. */
export const [hingeEmbeddingLoss, hingeEmbeddingLossBackward] = defineLoss<
  readonly ['x', 'target'],
  { readonly margin: number },
  MarginOptions
>('hingeEmbeddingLoss', {
  summary: 'y = x where target is 1, max(margin - x, 0) where it is -1; each, mean or Σ',
  inputs: ['x', 'target'],
  kinds: marginKinds,
  attributes: (options) => ({ margin: options?.margin ?? 1 }),
  params: ({ margin }) => ({ a: margin }),
  evaluate: ({ x, t }, { margin }) => (t === 1 ? 0 : Math.max(margin - x, 0)) + (t === -1 ? 0 : x),
  ulps: { wasm: 3, webgpu: 3 },
  magnitude: ({ x }, { margin }) => Math.abs(x) + Math.abs(margin),
  derivatives: {
    x: {
      evaluate: ({ x, t }, { margin }) => (t !== 1 && margin - x > 0 ? -1 : 0) + (t === -1 ? 0 : 1),
      ulps: { wasm: 0, webgpu: 0 },
    },
  },
  cases: [
    { fill: { x: offGrid, target: SIGNS } },
    { options: { margin: 0.5 }, fill: { x: offGrid, target: SIGNS } },
  ],
});

/** Whether margin - target (x1 - x2) is positive: g there, 0 elsewhere. */
const whereShort = (g: Value, { x, t, c }: Operands, margin: number): Value =>
  where(greater(sub(scalar(margin), mul(c!, sub(x, t))), scalar(0)), g, scalar(0));

/** max(margin - target (x1 - x2), 0): how far x1 falls short of ranking above x2 (target 1) or below it (-1). */
export const [marginRankingLoss, marginRankingLossBackward] = defineLoss<
  readonly ['x1', 'x2', 'target'],
  { readonly margin: number },
  MarginOptions
>('marginRankingLoss', {
  summary: 'y = max(margin - target (x1 - x2), 0), each, mean or Σ',
  inputs: ['x1', 'x2', 'target'],
  third: 'target',
  thirdShape: (shape) => shape,
  kinds: marginKinds,
  attributes: (options) => ({ margin: options?.margin ?? 0 }),
  params: ({ margin }) => ({ a: margin }),
  evaluate: ({ x, t, c }, { margin }) => Math.max(margin - c! * (x - t), 0),
  // The difference, its product, margin and the sum round once each.
  ulps: { wasm: 4, webgpu: 4 },
  magnitude: ({ x, t, c }, { margin }) => Math.abs(margin) + Math.abs(c! * (x - t)),
  derivatives: {
    x1: {
      evaluate: ({ x, t, c }, { margin }) => (margin - c! * (x - t) > 0 ? -c! : 0),
      ulps: { wasm: 0, webgpu: 0 },
      second: { target: (g, operands, { margin }) => whereShort(scaled(g, -1), operands, margin) },
    },
    x2: {
      sign: -1,
      evaluate: ({ x, t, c }, { margin }) => (margin - c! * (x - t) > 0 ? c! : 0),
      ulps: { wasm: 0, webgpu: 0 },
      second: { target: (g, operands, { margin }) => whereShort(g, operands, margin) },
    },
    target: {
      kernel: '__target',
      evaluate: ({ x, t, c }, { margin }) => (margin - c! * (x - t) > 0 ? t - x : 0),
      ulps: { wasm: 1, webgpu: 1 },
      second: {
        x1: (g, operands, { margin }) => whereShort(scaled(g, -1), operands, margin),
        x2: (g, operands, { margin }) => whereShort(g, operands, margin),
      },
    },
  },
  cases: [
    { fill: { x1: onGrid, x2: offGrid, target: SIGNS } },
    { options: { margin: 0.5 }, fill: { x1: onGrid, x2: offGrid, target: SIGNS } },
  ],
});
