/**
 * Negative log-likelihoods of normal and Poisson distributions. Kernels: assembly/loss_log.ts, shaders/loss_log.wgsl,
 * shaders/loss_log_backward.wgsl. Units of 2^-24 that kernels may be off: see loss_log.ts.
 */
import { fail } from '../errors.js';
import { flag, type Kinds, number } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { add, div, maximum, mul, sub } from './binary.js';
import { greater } from './compare.js';
import { scalar } from './fill.js';
import { defineLoss } from './loss_define.js';
import type { ReductionOptions } from './loss_spec.js';
import { reductionKinds } from './loss_spec.js';
import { powerSize } from './softmax.js';
import { exp, neg, square } from './unary.js';
import { where } from './where.js';

/** Kernels take a logarithm as one absolute unit more. */
const logSize = (v: number): number => 1 + Math.abs(v);

export interface GaussianNllLossOptions extends ReductionOptions {
  /** Whether the constant ln(2π) / 2 is added, default false. */
  readonly full?: boolean;
  /** The least that a variance counts, default 1e-6. Its gradient is as if it were not held back. */
  readonly eps?: number;
}

export const gaussianNllLossKinds: Kinds<GaussianNllLossOptions> = {
  ...reductionKinds,
  full: flag,
  eps: number,
};

const heldVariance = (c: Value, eps: number): Value => maximum(c, scalar(eps));

/** (ln v + (x - t)² / v) / 2, v = max(variance, eps); the variance is repeated over the shape of x. */
export const [gaussianNllLoss, gaussianNllLossBackward] = defineLoss<
  readonly ['x', 'target', 'variance'],
  { readonly full: boolean; readonly eps: number },
  GaussianNllLossOptions
>('gaussianNllLoss', {
  summary: 'y = (ln v + (x - target)² / v) / 2, v = max(variance, eps); each, mean or Σ',
  inputs: ['x', 'target', 'variance'],
  third: 'variance',
  kinds: gaussianNllLossKinds,
  attributes(options) {
    const { full = false, eps = 1e-6 } = options ?? {};
    if (!(eps > 0)) fail('gaussianNllLoss', `eps must be above 0, got ${eps}`);
    return { full, eps };
  },
  params: ({ full, eps }) => ({ a: eps, b: full ? 0.5 * Math.log(2 * Math.PI) : 0 }),
  evaluate({ x, t, c }, attrs) {
    const v = Math.max(c!, attrs.eps);
    return 0.5 * (Math.log(v) + (x - t) ** 2 / v) + (attrs.full ? 0.5 * Math.log(2 * Math.PI) : 0);
  },
  // The logarithm's 3 or 8, the square 3 and the quotient 1 or 5 (a held variance is a rounded one), the sums.
  ulps: { wasm: 8, webgpu: 12 },
  magnitude({ x, t, c }, { eps }) {
    const v = Math.max(c!, eps);
    return logSize(Math.log(v)) + (x - t) ** 2 / v + 1;
  },
  derivatives: {
    x: {
      kernel: '__x',
      evaluate: ({ x, t, c }, { eps }) => (x - t) / Math.max(c!, eps),
      ulps: { wasm: 3, webgpu: 7 },
      second: {
        x: (g, { c }, { eps }) => div(g, heldVariance(c!, eps)),
        target: (g, { c }, { eps }) => neg(div(g, heldVariance(c!, eps))),
        variance: (g, { x, t, c }, { eps }) => neg(div(mul(g, sub(x, t)), square(heldVariance(c!, eps)))),
      },
    },
    target: {
      kernel: '__x',
      sign: -1,
      evaluate: ({ x, t, c }, { eps }) => (t - x) / Math.max(c!, eps),
      ulps: { wasm: 3, webgpu: 7 },
      second: {
        x: (g, { c }, { eps }) => neg(div(g, heldVariance(c!, eps))),
        target: (g, { c }, { eps }) => div(g, heldVariance(c!, eps)),
        variance: (g, { x, t, c }, { eps }) => div(mul(g, sub(x, t)), square(heldVariance(c!, eps))),
      },
    },
    variance: {
      kernel: '__variance',
      evaluate({ x, t, c }, { eps }) {
        const v = Math.max(c!, eps);
        return 0.5 * (1 / v - ((x - t) / v) ** 2);
      },
      // 1 / v 2 or 6; the ratio 3 or 7, its square twice that and 1; the difference.
      ulps: { wasm: 8, webgpu: 16 },
      magnitude({ x, t, c }, { eps }) {
        const v = Math.max(c!, eps);
        return 0.5 * (1 / v + ((x - t) / v) ** 2);
      },
      second: {
        x: (g, { x, t, c }, { eps }) => neg(div(mul(g, sub(x, t)), square(heldVariance(c!, eps)))),
        target: (g, { x, t, c }, { eps }) => div(mul(g, sub(x, t)), square(heldVariance(c!, eps))),
        variance(g, { x, t, c }, { eps }) {
          const v = heldVariance(c!, eps);
          return div(mul(g, sub(div(square(sub(x, t)), v), scalar(0.5))), square(v));
        },
      },
    },
  },
  cases: [
    { fill: { variance: { domain: [0.3, 2] } } },
    { options: { full: true, eps: 1e-3 }, fill: { variance: { domain: [0.3, 2] } } },
  ],
  thirdShape: (shape) => (shape.length > 1 ? [...shape.slice(0, -1), 1] : shape),
  errors: [
    {
      types: { x: f32([2, 3]), target: f32([2, 3]), variance: f32([2]) },
      message: 'gaussianNllLoss: variance must broadcast to [2,3], it is [2]',
    },
    {
      types: { x: f32([2]), target: f32([2]), variance: f32([2]) },
      options: { eps: 0 },
      message: 'gaussianNllLoss: eps must be above 0, got 0',
    },
  ],
});

export interface PoissonNllLossOptions extends ReductionOptions {
  /** Whether x is the logarithm of the rate, default true. */
  readonly logInput?: boolean;
  /** Whether Stirling's approximation of ln(target!) is added where target > 1, default false. */
  readonly full?: boolean;
  /** Added to the rate before its logarithm, default 1e-8. */
  readonly eps?: number;
}

export const poissonNllLossKinds: Kinds<PoissonNllLossOptions> = {
  ...reductionKinds,
  logInput: flag,
  full: flag,
  eps: number,
};

const stirling = (t: number): number => (t > 1 ? t * Math.log(t) - t + 0.5 * Math.log(2 * Math.PI * t) : 0);

/** e^x - t x for the logarithm x of a rate, or x - t ln(x + eps) for a rate. */
export const [poissonNllLoss, poissonNllLossBackward] = defineLoss<
  readonly ['x', 'target'],
  { readonly logInput: boolean; readonly full: boolean; readonly eps: number },
  PoissonNllLossOptions
>('poissonNllLoss', {
  summary: 'y = e^x - target x, or x - target ln x; each, mean or Σ',
  inputs: ['x', 'target'],
  kinds: poissonNllLossKinds,
  attributes(options) {
    const { logInput = true, full = false, eps = 1e-8 } = options ?? {};
    return { logInput, full, eps };
  },
  params: ({ logInput, full, eps }) => ({ a: Number(logInput), b: eps, e: Number(full) }),
  evaluate: ({ x, t }, { logInput, full, eps }) =>
    (logInput ? Math.exp(x) - t * x : x - t * Math.log(x + eps)) + (full ? stirling(t) : 0),
  // A power 3, or 6 (1 + |x|), a logarithm 3 or 8 with its argument's 2; products and at most five sums.
  ulps: { wasm: 12, webgpu: 17 },
  magnitude({ x, t }, { logInput, full, eps }) {
    const size = Math.abs(t);
    const own = logInput
      ? powerSize(x) + size * Math.abs(x)
      : Math.abs(x) + size * logSize(Math.log(x + eps));
    if (!full || t <= 1) return own;
    return own + size * logSize(Math.log(t)) + size + logSize(Math.log(2 * Math.PI * t));
  },
  derivatives: {
    x: {
      kernel: '__x',
      evaluate: ({ x, t }, { logInput, eps }) => (logInput ? Math.exp(x) - t : 1 - t / (x + eps)),
      // The power's 3 or 6, or a sum and a quotient of 1 or 5; the difference.
      ulps: { wasm: 4, webgpu: 7 },
      magnitude: ({ x, t }, { logInput, eps }) =>
        logInput ? powerSize(x) + Math.abs(t) : 1 + Math.abs(t / (x + eps)),
      second: {
        x: (g, { x, t }, { logInput, eps }) =>
          logInput ? mul(g, exp(x)) : div(mul(g, t), square(add(x, scalar(eps)))),
        target: (g, { x }, { logInput, eps }) => neg(logInput ? g : div(g, add(x, scalar(eps)))),
      },
    },
    target: {
      kernel: '__target',
      evaluate: ({ x, t }, { logInput, full, eps }) =>
        -(logInput ? x : Math.log(x + eps)) + (full && t > 1 ? Math.log(t) + 0.5 / t : 0),
      ulps: { wasm: 7, webgpu: 15 },
      magnitude: ({ x, t }, { logInput, full, eps }) =>
        (logInput ? Math.abs(x) : logSize(Math.log(x + eps))) +
        (full && t > 1 ? logSize(Math.log(t)) + 0.5 / t : 0),
      second: {
        x: (g, { x }, { logInput, eps }) => neg(logInput ? g : div(g, add(x, scalar(eps)))),
        target(g, { t }, { full }) {
          if (!full) return null;
          const bend = div(sub(scalar(1), div(scalar(0.5), t)), t);
          return mul(g, where(greater(t, scalar(1)), bend, scalar(0)));
        },
      },
    },
  },
  cases: [
    {
      options: { logInput: false, eps: 1e-3 },
      fill: { x: { domain: [0.3, 2] }, target: { domain: [0, 5] } },
    },
    { fill: { x: { domain: [-2, 2] }, target: { domain: [0, 5] } } },
    { options: { full: true }, fill: { x: { domain: [-2, 2] }, target: { values: [2, 0.5, 3, 7, 5.5] } } },
    {
      options: { logInput: false, full: true },
      fill: { x: { domain: [0.3, 2] }, target: { values: [2, 0.5, 3, 7, 5.5] } },
    },
  ],
});
