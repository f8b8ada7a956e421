/**
 * Losses of probabilities and rates, with logarithms and powers. Kernels: assembly/loss_log.ts, shaders/loss_log.wgsl,
 * shaders/loss_log_backward.wgsl.
 *
 * Units of 2^-24 that kernels may be off: a logarithm 3 relative on wasm; in WGSL 6, or 8 absolute within [½, 2]. A power
 * e^v 3 on wasm, 2 (3 + 2 |v|) in WGSL. ln(1 + e^-|z|) 8 absolute on wasm: the power's 3, its sum's 1, the logarithm's 3 of
 * at most 0.7, and one when it is added to max(z, 0); in WGSL, as |z| e^-|z| < 0.4, 8 + 1 + 8 + 1. The sigmoid
 * 6 of itself on wasm and 12 (1 + |z|) in WGSL, see activation.ts.
 */

import { flag, type Kinds, oneOf } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { sigmoid } from './activation.js';
import { add, div, maximum, mul, sub } from './binary.js';
import { greater } from './compare.js';
import { scalar } from './fill.js';
import { defineLoss } from './loss_define.js';
import type { LossAttrs, Operands } from './loss_spec.js';
import { powerSize } from './softmax.js';
import { exp, neg, square } from './unary.js';
import { where } from './where.js';

const scaled = (g: Value, by: number) => mul(g, scalar(by));

/** Kernels take a logarithm of 1 ± something as one absolute unit more. */
const logSize = (v: number): number => 1 + Math.abs(v);
const clampedLog = (v: number): number => Math.max(v, -100);
const logOf = (p: number): number => clampedLog(Math.log(p));
const logOfRest = (p: number): number => clampedLog(Math.log1p(-p));
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
const sigmoidOf = (z: number): number => (z < 0 ? Math.exp(z) : 1) / (1 + Math.exp(-Math.abs(z)));

/** The least that p (1 - p) counts as a divisor: PyTorch's, an f32. */
const LEAST = Math.fround(1e-12);
const varianceOf = (p: Value): Value => maximum(mul(p, sub(scalar(1), p)), scalar(LEAST));

/** -(t ln p + (1 - t) ln(1 - p)) for probabilities p, weighted; logarithms below -100 count as -100. */
export const [binaryCrossEntropy, binaryCrossEntropyBackward] = defineLoss<
  readonly ['p', 'target', 'weight?'],
  LossAttrs
>('binaryCrossEntropy', {
  summary: 'y = -weight (target ln p + (1 - target) ln(1 - p)), each, mean or Σ',
  inputs: ['p', 'target', 'weight?'],
  evaluate: ({ x, t }) => (t - 1) * logOfRest(x) - t * logOf(x),
  // The logarithm's 3 or 8, that of 1 - p one more, target - 1, both products and their difference.
  ulps: { wasm: 7, webgpu: 12 },
  magnitude: ({ x, t }) => Math.abs(t - 1) * logSize(logOfRest(x)) + Math.abs(t) * logSize(logOf(x)),
  derivatives: {
    p: {
      kernel: '__x',
      evaluate: ({ x, t }) => (x - t) / Math.max((1 - x) * x, LEAST),
      // Two differences, the product, the quotient: 1, or WGSL's 5.
      ulps: { wasm: 4, webgpu: 8 },
      second: {
        // 1 / q - (p - t) (1 - 2p) / q², or 1 / 1e-12 where q = p (1 - p) is below that.
        p(g, { x: p, t }) {
          const q = varianceOf(p);
          const bend = div(mul(sub(p, t), sub(scalar(1), scaled(p, 2))), q);
          const inside = greater(q, scalar(LEAST));
          return div(mul(g, sub(scalar(1), where(inside, bend, scalar(0)))), q);
        },
        target: (g, { x: p }) => neg(div(g, varianceOf(p))),
      },
    },
    target: {
      kernel: '__target',
      evaluate: ({ x }) => logOfRest(x) - logOf(x),
      ulps: { wasm: 5, webgpu: 10 },
      magnitude: ({ x }) => logSize(logOfRest(x)) + logSize(logOf(x)),
      second: { p: (g, { x: p }) => neg(div(g, varianceOf(p))) },
    },
  },
  cases: [{ fill: { p: { domain: [0.1, 0.9] }, target: { domain: [0, 1] } } }],
});

/** (posWeight - 1) σ - posWeight, the derivative by logits and target. */
function mixed(g: Value, { x, c }: Operands): Value {
  return c ? mul(g, sub(mul(sub(c, scalar(1)), sigmoid(x)), c)) : neg(g);
}

/**
 * Binary cross-entropy of sigmoid(x), computed without overflow: (1 - t) x + (1 + (posWeight - 1) t) ln(1 + e^-x), times
 * weight. posWeight, [classes] for example, and weight are repeated over the shape of x.
 */
export const [bceWithLogits, bceWithLogitsBackward] = defineLoss<
  readonly ['x', 'target', 'weight?', 'posWeight?'],
  LossAttrs
>('bceWithLogits', {
  summary: 'y = weight ((1 - target) x + (1 + (posWeight - 1) target) ln(1 + e^-x)), each, mean or Σ',
  inputs: ['x', 'target', 'weight?', 'posWeight?'],
  third: 'posWeight',
  evaluate: ({ x, t, c }) => (1 - t) * x + (c === null ? 1 : (c - 1) * t + 1) * softplus(-x),
  // ln(1 + e^-x) 8 or 18, its factor 3, two products and the sum.
  ulps: { wasm: 14, webgpu: 24 },
  magnitude: ({ x, t, c }) =>
    Math.abs((1 - t) * x) + (Math.abs((c ?? 1) - 1) * Math.abs(t) + 1) * (1 + softplus(-x)),
  derivatives: {
    x: {
      kernel: '__x',
      evaluate: ({ x, t, c }) => ((c ?? 1) * t + 1 - t) * sigmoidOf(x) - (c ?? 1) * t,
      // The sigmoid's 6 or 12, its factor 3, the product and the difference.
      ulps: { wasm: 11, webgpu: 17 },
      magnitude: ({ x, t, c }) =>
        (Math.abs((c ?? 1) * t) + 1 + Math.abs(t)) * powerSize(x, sigmoidOf(x)) + Math.abs((c ?? 1) * t),
      second: {
        x(g, { x, t, c }) {
          const s = sigmoid(x);
          const slope = mul(g, mul(s, sub(scalar(1), s)));
          return c ? mul(slope, add(mul(sub(c, scalar(1)), t), scalar(1))) : slope;
        },
        target: mixed,
      },
    },
    target: {
      kernel: '__target',
      evaluate: ({ x, c }) => (c === null ? -x : c * softplus(-x) - softplus(x)),
      ulps: { wasm: 10, webgpu: 20 },
      magnitude: ({ x, c }) => (1 + Math.abs(c ?? 1)) * (1 + Math.abs(x)),
      second: { x: mixed },
    },
  },
  cases: [
    {
      fill: { x: { domain: [-6, 6] }, target: { domain: [0, 1] }, posWeight: { domain: [0.5, 3] } },
    },
    {
      fill: { x: { domain: [-60, 60] }, target: { domain: [0, 1] }, posWeight: { domain: [0.5, 3] } },
    },
  ],
});

export interface KlDivOptions {
  /** Whether the target holds logarithms of probabilities, default false. */
  readonly logTarget?: boolean;
  /** 'batchMean' is the sum divided by the size of the first axis; default 'mean', over all elements. */
  readonly reduction?: 'none' | 'mean' | 'sum' | 'batchMean';
}

export const klDivKinds: Kinds<KlDivOptions> = {
  logTarget: flag,
  reduction: oneOf('none', 'mean', 'sum', 'batchMean'),
};

/** The Kullback-Leibler divergence t (ln t - x) of x, logarithms of probabilities, from target. */
export const [klDiv, klDivBackward] = defineLoss<
  readonly ['x', 'target'],
  { readonly logTarget: boolean },
  KlDivOptions
>('klDiv', {
  summary: 'y = target (ln target - x), x logarithms of probabilities; each, mean, mean over the batch or Σ',
  inputs: ['x', 'target'],
  kinds: klDivKinds,
  attributes: (options) => ({ logTarget: options?.logTarget ?? false }),
  params: ({ logTarget }) => ({ a: Number(logTarget) }),
  evaluate({ x, t }, { logTarget }) {
    if (logTarget) return Math.exp(t) * (t - x);
    return (t === 0 ? 0 : t * Math.log(t)) - t * x;
  },
  // The logarithm's 3 or 8, or the power's 3 or 6 (1 + |t|); products and differences.
  ulps: { wasm: 6, webgpu: 11 },
  magnitude: ({ x, t }, { logTarget }) =>
    logTarget
      ? powerSize(t) * Math.abs(t - x)
      : Math.abs(t) * (t === 0 ? 0 : logSize(Math.log(t))) + Math.abs(t * x),
  derivatives: {
    x: {
      kernel: '__x',
      evaluate: ({ t }, { logTarget }) => (logTarget ? -Math.exp(t) : -t),
      ulps: { wasm: 3, webgpu: 6 },
      magnitude: ({ t }, { logTarget }) => (logTarget ? powerSize(t) : Math.abs(t)),
      second: { target: (g, { t }, { logTarget }) => neg(logTarget ? mul(g, exp(t)) : g) },
    },
    target: {
      kernel: '__target',
      evaluate({ x, t }, { logTarget }) {
        if (logTarget) return Math.exp(t) * (t - x + 1);
        return t === 0 ? Number.NaN : Math.log(t) + 1 - x;
      },
      ulps: { wasm: 6, webgpu: 11 },
      magnitude: ({ x, t }, { logTarget }) =>
        logTarget ? powerSize(t) * (Math.abs(t - x) + 1) : logSize(Math.log(t)) + 1 + Math.abs(x),
      second: {
        x: (g, { t }, { logTarget }) => neg(logTarget ? mul(g, exp(t)) : g),
        target: (g, { x, t }, { logTarget }) =>
          logTarget ? mul(g, mul(exp(t), add(sub(t, x), scalar(2)))) : div(g, t),
      },
    },
  },
  cases: [
    { fill: { x: { domain: [-3, 0] }, target: { domain: [0.1, 1] } } },
    { options: { logTarget: true }, fill: { x: { domain: [-3, 0] }, target: { domain: [-3, 0] } } },
    {
      options: { reduction: 'batchMean' },
      fill: { x: { domain: [-3, 0] }, target: { domain: [0.1, 1] } },
    },
  ],
  errors: [
    {
      types: { x: f32([]), target: f32([]) },
      options: { reduction: 'batchMean' },
      message: "klDiv: 'batchMean' needs a batch axis, x is []",
    },
  ],
});

/** ln(1 + e^(-target x)), target ±1, which has no gradient. */
export const [softMarginLoss, softMarginLossBackward] = defineLoss<readonly ['x', 'target'], LossAttrs>(
  'softMarginLoss',
  {
    summary: 'y = ln(1 + e^(-target x)), each, mean or Σ',
    inputs: ['x', 'target'],
    evaluate: ({ x, t }) => softplus(-t * x),
    // The product rounds by a unit of |tx|, ln(1 + e^z) by 8 or 18 of 1 + |z|.
    ulps: { wasm: 9, webgpu: 19 },
    magnitude: ({ x, t }) => 1 + Math.abs(t * x),
    derivatives: {
      x: {
        evaluate: ({ x, t }) => -t * sigmoidOf(-t * x),
        // The sigmoid's own, |tx| for its rounded argument, the product.
        ulps: { wasm: 8, webgpu: 14 },
        magnitude: ({ x, t }) => Math.abs(t) * powerSize(t * x, sigmoidOf(-t * x)),
        second: {
          x(g, { x, t }) {
            const s = sigmoid(neg(mul(t, x)));
            return mul(g, mul(square(t), mul(s, sub(scalar(1), s))));
          },
        },
      },
    },
    cases: [
      { fill: { x: { domain: [-6, 6] }, target: { values: [1, -1, -1, 1, -1] } } },
      { fill: { x: { domain: [-60, 60] }, target: { values: [1, -1, -1, 1, -1] } } },
    ],
  },
);
