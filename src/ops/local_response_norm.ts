import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole } from '../kinds.js';
import { type ErrorCase, expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { add, mul, sub } from './binary.js';
import {
  type ChannelWindowOptions,
  channelWindowSum,
  expectPlanes,
  unitsOf,
  windowParams,
  windowSums,
} from './channel_window.js';
import { expectSameShape, expectWhole } from './common.js';
import { scalar } from './fill.js';
import { pow } from './pow.js';
import { square } from './unary.js';

export interface LocalResponseNormOptions {
  /** Channels that count: size / 2 before each one, rounded down, and the others from it on. */
  readonly size: number;
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1. */
  readonly k?: number;
}

export const localResponseNormKinds: Kinds<LocalResponseNormOptions> = {
  size: whole,
  alpha: number,
  beta: number,
  k: number,
};

type Attrs = Required<LocalResponseNormOptions>;

const complete = (name: string, options: LocalResponseNormOptions | undefined): Attrs => {
  if (!options) fail(name, 'needs options { size }');
  const { size, alpha = 1e-4, beta = 0.75, k = 1 } = options;
  return { size: expectWhole(name, 'size', size, 1), alpha, beta, k };
};

const windowOf = ({ size }: Attrs): ChannelWindowOptions => ({
  before: Math.floor(size / 2),
  after: Math.floor((size - 1) / 2),
});

const flipped = ({ before, after }: ChannelWindowOptions): ChannelWindowOptions => ({
  before: after,
  after: before,
});

const paramsOf = (x: Shape, attrs: Attrs) => ({
  ...windowParams(x, windowOf(attrs)),
  scale: attrs.alpha / attrs.size,
  beta: attrs.beta,
  k: attrs.k,
  slope: (-2 * attrs.alpha * attrs.beta) / attrs.size,
});

/** d = k + alpha / size Σ x² over each element's window. */
const divisors = (x: { readonly shape: Shape; readonly data: Float64Array }, attrs: Attrs): Float64Array =>
  windowSums(x.shape, windowOf(attrs), (i) => x.data[i]! ** 2).map(
    (total) => attrs.k + (attrs.alpha / attrs.size) * total,
  );

/**
 * Units of 2^-24 of d^-beta by which it may be off, next to so many for each unit of |beta ln d| (1 + |beta ln d| is in the
 * magnitude): d's own size + 4 (squares, sum, two scales, k) times beta; ln 2 ulp, or in WGSL 3 and 2^-21 near 1; the
 * product with beta 2; exp 3, or in WGSL 2 (3 + 2 |beta ln d|).
 */
const POWER = {
  wasm: ({ size, beta }: Attrs) => Math.abs(beta) * (size + 4) + 3 + 6,
  webgpu: ({ size, beta }: Attrs) => Math.abs(beta) * (size + 4 + 8) + 6 + 12,
} as const;

const forward = (backend: 'wasm' | 'webgpu') => ({
  name: 'local_response_norm_f32',
  launches: ({ types, attrs }: KernelCall<'x', Attrs>) => [
    {
      kernel: 'local_response_norm_f32',
      operands: ['x', 'output'],
      params: paramsOf(types.x.shape, attrs),
      units: unitsOf(types.x.shape, backend),
    },
  ],
});

const forwardTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps: ({ attrs }: KernelCall<'x', Attrs>) => POWER[backend](attrs) + 1,
    magnitude: 'declared',
  }) as const;

const cases: readonly (readonly [Shape, LocalResponseNormOptions])[] = [
  [[2, 5, 7], { size: 3 }],
  [[1, 6, 3, 5], { size: 4, alpha: 0.5, beta: 0.5, k: 2 }],
  [[2, 3, 4], { size: 5, alpha: 1, beta: 1.5, k: 0.5 }],
  [[1, 1, 1], { size: 1, alpha: 1 }],
];

const errors = (name: string, more: { readonly dy?: TensorType }) =>
  [
    { types: { x: f32([2, 3, 4]), ...more }, message: `${name}: needs options { size }` },
    {
      types: { x: f32([2, 3, 4]), ...more },
      options: { size: 0 },
      message: `${name}: size must be a whole number of at least 1, got 0`,
    },
    {
      types: { x: f32([2, 3]), ...more },
      options: { size: 3 },
      message: `${name}: x must be [batch, channels, ...] with at least 3 axes, it is [2,3]`,
    },
  ] satisfies ErrorCase<'x' | 'dy', LocalResponseNormOptions>[];

/** y = x / (k + alpha / size Σ x²)^beta over neighbouring channels, as torch.nn.functional.local_response_norm. */
export const localResponseNorm = defineOp({
  name: 'localResponseNorm',
  summary: 'y = x / (k + alpha / size Σ x²)^beta over neighbouring channels',
  inputs: ['x'],
  kinds: localResponseNormKinds,
  attributes: (options: LocalResponseNormOptions | undefined) => complete('localResponseNorm', options),
  infer({ x }) {
    expectPlanes('localResponseNorm', x);
    return x;
  },
  reference({ x }, attrs) {
    const d = divisors(x, attrs);
    return x.data.map((value, i) => value / d[i]! ** attrs.beta);
  },
  backward: { x: ({ grad, x, attrs }): Value => localResponseNormBackward(grad, x, attrs) },
  cost: ({ output, attrs }) => ({ flops: (2 * attrs.size + 20) * sizeOf(output.shape) }),
  kernels: { wasm: [forward('wasm')], webgpu: [forward('webgpu')] },
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape, domain: [-2, 2] as const } }, options })),
  errors: errors('localResponseNorm', {}),
  tolerance: { wasm: forwardTolerance('wasm'), webgpu: forwardTolerance('webgpu') },
  magnitude({ x }, attrs) {
    const d = divisors(x, attrs);
    return x.data.map(
      (value, i) => Math.abs(value / d[i]! ** attrs.beta) * (1 + Math.abs(attrs.beta * Math.log(d[i]!))),
    );
  },
});

/** First dy d^-beta and dy x d^(-beta - 1) element by element, then the latter's sums. */
const backward = (backend: 'wasm' | 'webgpu') => ({
  name: 'local_response_norm_backward_f32',
  temporaries: ({ types }: KernelCall<'dy' | 'x', Attrs>) => ({ shares: 4 * sizeOf(types.x.shape) }),
  launches({ types, attrs }: KernelCall<'dy' | 'x', Attrs>) {
    const params = paramsOf(types.x.shape, attrs);
    const units = unitsOf(types.x.shape, backend);
    return [
      {
        kernel: 'local_response_norm_shares_f32',
        operands: ['dy', 'x', 'output', 'shares'],
        params,
        units,
      },
      {
        kernel: 'local_response_norm_backward_f32',
        operands: ['x', 'shares', 'output'],
        params: { ...params, ...flipped(windowOf(attrs)) },
        units,
      },
    ];
  },
});

// A share has the power's error, d's for its quotient (5 units in WGSL) and two products; the sum and its two factors
// round size + 3 times.
const backwardTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps: ({ attrs }: KernelCall<'dy' | 'x', Attrs>) => POWER[backend](attrs) + 2 * attrs.size + 14,
    magnitude: 'declared',
  }) as const;

interface BackwardInputs {
  readonly dy: { readonly data: Float64Array };
  readonly x: { readonly data: Float64Array; readonly shape: Shape };
}

function backwardReference({ dy, x }: BackwardInputs, attrs: Attrs, positive: boolean): Float64Array {
  const { alpha, beta, size } = attrs;
  const d = divisors(x, attrs);
  const term = positive ? Math.abs : (value: number) => value;
  const grown = (i: number) => (positive ? 1 + Math.abs(beta * Math.log(d[i]!)) : 1);
  const shares = windowSums(
    x.shape,
    flipped(windowOf(attrs)),
    (i) => term(dy.data[i]! * x.data[i]!) * d[i]! ** (-beta - 1) * grown(i),
  );
  const slope = (-2 * alpha * beta) / size;
  return dy.data.map(
    (value, i) => term(value) * d[i]! ** -beta * grown(i) + term(slope * x.data[i]!) * shares[i]!,
  );
}

/** The tensors that second derivatives need; W sums over windows, V over those that an element lies in. */
function parts(x: Value, attrs: Attrs) {
  const { size, alpha, beta, k } = attrs;
  const window = windowOf(attrs);
  const W = (value: Value) => channelWindowSum(value, window);
  const V = (value: Value) => channelWindowSum(value, flipped(window));
  const d = add(mul(W(square(x)), scalar(alpha / size)), scalar(k));
  const power = (exponent: number) => pow(d, scalar(exponent));
  return { W, V, power, slope: scalar((-2 * alpha * beta) / size) };
}

/** dx = dy d^-beta - 2 alpha beta / size · x Σ dy x d^(-beta - 1), summed over the windows that x lies in. */
export const localResponseNormBackward = defineOp({
  name: 'localResponseNormBackward',
  summary: 'dx = dy d^-beta - 2 alpha beta / size · x Σ dy x d^(-beta - 1), d = k + alpha / size Σ x²',
  inputs: ['dy', 'x'],
  kinds: localResponseNormKinds,
  attributes: (options: LocalResponseNormOptions | undefined) =>
    complete('localResponseNormBackward', options),
  infer({ dy, x }) {
    expectPlanes('localResponseNormBackward', x);
    expectDType('localResponseNormBackward', { dy }, 'f32');
    expectSameShape('localResponseNormBackward', { dy, x });
    return x;
  },
  reference: (inputs, attrs) => backwardReference(inputs, attrs, false),
  backward: {
    // G d^-beta + slope x d^(-beta - 1) W(G x)
    dy({ grad, x, attrs }): Value {
      const { W, power, slope } = parts(x, attrs);
      const shared = mul(mul(x, slope), mul(power(-attrs.beta - 1), W(mul(grad, x))));
      return add(mul(grad, power(-attrs.beta)), shared);
    },
    // What the two x of the formula give, then what d gives: dL/dd = -beta G dy d^(-beta - 1) - (beta + 1) slope ·
    // W(G x) dy x d^(-beta - 2), dd/dx = 2 alpha / size x by V.
    x({ grad, dy, x, attrs }): Value {
      const { size, alpha, beta } = attrs;
      const { W, V, power, slope } = parts(x, attrs);
      const gathered = W(mul(grad, x));
      const low = power(-beta - 1);
      const direct = mul(slope, add(mul(grad, V(mul(mul(dy, x), low))), mul(gathered, mul(dy, low))));
      const first = mul(mul(grad, dy), mul(low, scalar(-beta)));
      const second = mul(mul(mul(gathered, dy), mul(x, power(-beta - 2))), mul(slope, scalar(beta + 1)));
      return add(direct, mul(mul(x, scalar((2 * alpha) / size)), V(sub(first, second))));
    },
  },
  cost: ({ output, attrs }) => ({ flops: (3 * attrs.size + 26) * sizeOf(output.shape) }),
  kernels: { wasm: [backward('wasm')], webgpu: [backward('webgpu')] },
  linear: ['dy'],
  samples: cases.map(([shape, options]) => ({
    inputs: { dy: { shape }, x: { shape, domain: [-2, 2] as const } },
    options,
  })),
  errors: [
    ...errors('localResponseNormBackward', { dy: f32([2, 3, 4]) }),
    {
      types: { dy: f32([2, 3, 5]), x: f32([2, 3, 4]) },
      options: { size: 3 },
      message: 'localResponseNormBackward: shapes differ, dy is [2,3,5], x is [2,3,4]',
    },
  ],
  tolerance: { wasm: backwardTolerance('wasm'), webgpu: backwardTolerance('webgpu') },
  magnitude: (inputs, attrs) => backwardReference(inputs, attrs, true),
});
