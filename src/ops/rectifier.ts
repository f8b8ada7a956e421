import { LOST_POWER } from '../bounds.js';
import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { expectDType } from '../op.js';
import { mul } from './binary.js';
import { less, lessEqual } from './compare.js';
import { scalar } from './fill.js';
import { abs, exp } from './unary.js';
import { between, EXACT, signed, unary, unaryBackward } from './unary_template.js';
import { where } from './where.js';

/** dx = 0 where y <= 0, else dy. */
export const reluBackward = unaryBackward('reluBackward', {
  summary: 'dx = 0 where v ≤ 0, else dy; v = relu x',
  evaluate: (dy, y) => (y <= 0 ? 0 : dy),
  second: () => null,
  sample: signed,
});

export const relu = unary('relu', {
  summary: 'y = max(x, 0)',
  evaluate: (x) => (x < 0 ? 0 : x),
  backward: ({ grad, output }) => reluBackward(grad, output),
  sample: signed,
  tolerance: EXACT,
});

export interface LeakyReluOptions {
  /** Slope for x < 0, default 0.01. */
  readonly negativeSlope?: number;
}

export const leakyReluKinds: Kinds<LeakyReluOptions> = { negativeSlope: number };

const slope = (options?: LeakyReluOptions) => ({ negativeSlope: options?.negativeSlope ?? 0.01 });

/** dx = dy where x > 0, else slope dy. */
export const leakyReluBackward = unaryBackward('leakyReluBackward', {
  summary: 'dx = dy where v > 0, else negativeSlope · dy; v = x',
  kinds: leakyReluKinds,
  attributes: slope,
  options: [undefined, { negativeSlope: 0.2 }],
  params: ({ negativeSlope }) => ({ a: negativeSlope }),
  evaluate: (dy, x, { negativeSlope }) => (x > 0 ? dy : negativeSlope * dy),
  second: () => null,
  sample: signed,
});

export const leakyRelu = unary('leakyRelu', {
  summary: 'y = x where x > 0, else negativeSlope · x',
  kinds: leakyReluKinds,
  attributes: slope,
  options: [undefined, { negativeSlope: 0.2 }],
  params: ({ negativeSlope }) => ({ a: negativeSlope }),
  evaluate: (x, { negativeSlope }) => (x > 0 ? x : negativeSlope * x),
  backward: ({ grad, x, attrs }) => leakyReluBackward(grad, x, attrs),
  sample: signed,
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 3 } },
});

/** y = x where x > 0, else scale (e^(rate x) - 1). */
interface Exponential {
  readonly scale: number;
  readonly rate: number;
  /** Slope for x > 0. */
  readonly gain: number;
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_GAIN = 1.0507009873554805;

/** Value and slope of the three exponential units. */
const bent = (x: number, { scale, rate, gain }: Exponential) =>
  x > 0 ? gain * x : scale * Math.expm1(rate * x);
const bentSlope = (x: number, { scale, rate, gain }: Exponential) =>
  x <= 0 ? scale * rate * Math.exp(rate * x) : gain;
const growth = (x: number, { rate }: Exponential) => (x <= 0 ? 1 + Math.abs(rate * x) : 1);

// The argument is rounded twice and lifted by exp's slope: 2 |z| units of the result at most, z = rate x. Below it are
// expm1's 15 units, in WGSL 22 (1 + |z|), or exp's 4, in WGSL 6 (1 + |z|), and roundings of scale and products.
const unitTolerance = { wasm: { ulps: 20 }, webgpu: { ulps: 27 } };
const slopeTolerance = { wasm: { ulps: 8 }, webgpu: { ulps: 11 } };

/** The op and its gradient for one kernel: `own` is its options' meaning. */
function exponentialUnit<A extends object, U>(
  name: string,
  kernel: string,
  summary: { readonly forward: string; readonly backward: string },
  own: {
    readonly kinds?: Kinds<U>;
    readonly attributes: (name: string) => (options?: U) => A;
    readonly options: readonly (U | undefined)[];
    readonly shape: (attrs: A) => Exponential;
    readonly wrong?: (name: string) => readonly { readonly options: U; readonly message: string }[];
  },
) {
  const params = (attrs: A) => ({ a: own.shape(attrs).scale, b: own.shape(attrs).rate });
  const refusals = (op: string) => (own.wrong ? { wrong: own.wrong(op) } : {});
  const backward = unaryBackward<A, U>(`${name}Backward`, {
    summary: summary.backward,
    kinds: own.kinds!,
    attributes: own.attributes(`${name}Backward`),
    options: own.options,
    kernel: `${kernel}_backward`,
    params,
    evaluate: (dy, x, attrs) => dy * bentSlope(x, own.shape(attrs)),
    second({ grad, dy, v, attrs }) {
      const { scale, rate } = own.shape(attrs);
      const inside = lessEqual(v, scalar(0));
      // Masked before exp, which would overflow where it does not count.
      const power = exp(where(inside, mul(v, scalar(rate)), scalar(0)));
      const curve = mul(power, scalar(scale * rate * rate));
      return mul(mul(grad, dy), where(inside, curve, scalar(0)));
    },
    sample: signed,
    tolerance: slopeTolerance,
    magnitude(x, attrs) {
      const shape = own.shape(attrs);
      // e^(rate x) below the normal numbers loses what its factors then multiply.
      const lost = LOST_POWER * (1 + Math.abs(shape.scale * shape.rate));
      return Math.abs(bentSlope(x, shape)) * growth(x, shape) + lost;
    },
    ...refusals(`${name}Backward`),
  });
  const forward = unary<A, U>(name, {
    summary: summary.forward,
    kinds: own.kinds!,
    attributes: own.attributes(name),
    options: own.options,
    kernel,
    params,
    evaluate: (x, attrs) => bent(x, own.shape(attrs)),
    backward: ({ grad, x, attrs }) => backward(grad, x, attrs as unknown as U),
    sample: signed,
    tolerance: unitTolerance,
    magnitude: (x, attrs) => bent(x, own.shape(attrs)) * growth(x, own.shape(attrs)),
    ...refusals(name),
  });
  return { forward, backward };
}

export interface EluOptions {
  /** What negative x tend to is -alpha; default 1. */
  readonly alpha?: number;
}

export const eluKinds: Kinds<EluOptions> = { alpha: number };

const alphaOf = () => (options?: EluOptions) => ({ alpha: options?.alpha ?? 1 });

/** Exponential linear unit (Clevert, Unterthiner and Hochreiter, 2015). */
const eluPair = exponentialUnit(
  'elu',
  'elu',
  {
    forward: 'y = x where x > 0, else alpha (e^x - 1)',
    backward: 'dx = dy where v > 0, else dy alpha e^v; v = x',
  },
  {
    kinds: eluKinds,
    attributes: alphaOf,
    options: [undefined, { alpha: 0.7 }],
    shape: ({ alpha }) => ({ scale: alpha, rate: 1, gain: 1 }),
  },
);
export const elu = eluPair.forward;
export const eluBackward = eluPair.backward;

const celuAlpha = (name: string) => (options?: EluOptions) => {
  const alpha = options?.alpha ?? 1;
  if (alpha === 0) fail(name, 'alpha must not be 0');
  return { alpha };
};

/** The exponential unit whose slope is continuous for any alpha (Barron, 2017). */
const celuPair = exponentialUnit(
  'celu',
  'elu',
  {
    forward: 'y = x where x > 0, else alpha (e^(x / alpha) - 1)',
    backward: 'dx = dy where v > 0, else dy e^(v / alpha); v = x',
  },
  {
    kinds: eluKinds,
    attributes: celuAlpha,
    options: [undefined, { alpha: 0.7 }],
    shape: ({ alpha }) => ({ scale: alpha, rate: 1 / alpha, gain: 1 }),
    wrong: (name) => [{ options: { alpha: 0 }, message: `${name}: alpha must not be 0` }],
  },
);
export const celu = celuPair.forward;
export const celuBackward = celuPair.backward;

/** Self-normalising unit (Klambauer et al., 2017). */
const seluPair = exponentialUnit<Record<never, never>, undefined>(
  'selu',
  'selu',
  {
    forward: 'y = 1.0507 x where x > 0, else 1.7581 (e^x - 1)',
    backward: 'dx = 1.0507 dy where v > 0, else 1.7581 dy e^v; v = x',
  },
  {
    attributes: () => () => ({}),
    options: [undefined],
    shape: () => ({ scale: SELU_GAIN * SELU_ALPHA, rate: 1, gain: SELU_GAIN }),
  },
);
export const selu = seluPair.forward;
export const seluBackward = seluPair.backward;

export interface HardtanhOptions {
  /** Lower bound, default -1. */
  readonly minVal?: number;
  /** Upper bound, default 1. */
  readonly maxVal?: number;
}

export const hardtanhKinds: Kinds<HardtanhOptions> = { minVal: number, maxVal: number };

const bounds = (name: string) => (options?: HardtanhOptions) => {
  const { minVal = -1, maxVal = 1 } = options ?? {};
  if (minVal > maxVal) fail(name, `minVal ${minVal} is above maxVal ${maxVal}`);
  return { minVal, maxVal };
};
/** Off the kinks at ±1, -0.5, 0.25, 3, -3 and 6 by more than a step of the gradient check. */
const offKinks = { values: [-1.3, 0.4, -0.7, 1.6, 0.1, 6.3, -0.2, 4.5, -3.4, 2.1, -2.2] };

// Constants and products round once each.
export const hardtanhBackward = unaryBackward('hardtanhBackward', {
  summary: 'dx = 0 where v ≤ minVal or v ≥ maxVal, else dy; v = x',
  kinds: hardtanhKinds,
  attributes: bounds('hardtanhBackward'),
  options: [undefined, { minVal: -0.5, maxVal: 0.25 }],
  params: ({ minVal, maxVal }) => ({ a: minVal, b: maxVal }),
  evaluate: (dy, x, { minVal, maxVal }) => (x <= minVal || x >= maxVal ? 0 : dy),
  second: () => null,
  sample: offKinks,
  tolerance: EXACT,
  wrong: [{ options: { minVal: 2 }, message: 'hardtanhBackward: minVal 2 is above maxVal 1' }],
});

/** x between two bounds; the gradient is zero at and beyond them. */
export const hardtanh = unary('hardtanh', {
  summary: 'y = min(max(x, minVal), maxVal)',
  kinds: hardtanhKinds,
  attributes: bounds('hardtanh'),
  options: [undefined, { minVal: -0.5, maxVal: 0.25 }],
  kernel: 'clamp',
  params: ({ minVal, maxVal }) => ({ a: minVal, b: maxVal }),
  evaluate: (x, { minVal, maxVal }) => between(x, minVal, maxVal),
  backward: ({ grad, x, attrs }) => hardtanhBackward(grad, x, attrs),
  sample: offKinks,
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
  wrong: [{ options: { minVal: 2 }, message: 'hardtanh: minVal 2 is above maxVal 1' }],
});

const sixth = (x: number) => between(x, 0, 6);

export const relu6 = defineComposition({
  name: 'relu6',
  summary: 'y = min(max(x, 0), 6)',
  inputs: ['x'],
  attributes(_: undefined, { x }) {
    expectDType('relu6', { x }, 'f32');
    return {};
  },
  compose: ({ x }) => hardtanh(x, { minVal: 0, maxVal: 6 }),
  reference: ({ x }) => x.data.map(sixth),
  samples: [
    { inputs: { x: { shape: [4099], ...offKinks } } },
    { inputs: { x: { shape: [2, 5], ...offKinks } } },
  ],
  errors: [{ types: { x: { shape: [2], dtype: 'i32' } }, message: 'relu6: x must be f32, it is i32[2]' }],
  tolerance: EXACT,
});

export const hardsigmoidBackward = unaryBackward('hardsigmoidBackward', {
  summary: 'dx = dy / 6 where -3 < v < 3, else 0; v = x',
  evaluate: (dy, x) => (x > -3 && x < 3 ? dy / 6 : 0),
  second: () => null,
  sample: offKinks,
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 2 } },
});

// Sum, constant and product.
export const hardsigmoid = unary('hardsigmoid', {
  summary: 'y = min(max(x + 3, 0), 6) / 6',
  evaluate: (x) => sixth(x + 3) / 6,
  backward: ({ grad, x }) => hardsigmoidBackward(grad, x),
  sample: offKinks,
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 3 } },
});

export const hardswishBackward = unaryBackward('hardswishBackward', {
  summary: 'dx = 0 where v ≤ -3, dy where v ≥ 3, else dy (v / 3 + 1/2); v = x',
  evaluate: (dy, x) => (x <= -3 ? 0 : x < 3 ? dy * (x / 3 + 0.5) : dy),
  second: ({ grad, dy, v }) => where(less(abs(v), scalar(3)), mul(mul(grad, dy), scalar(1 / 3)), scalar(0)),
  sample: offKinks,
  magnitude: (x) => Math.abs(x) / 3 + 0.5,
});

/** Piecewise quadratic stand-in for silu (Howard et al., 2019). */
export const hardswish = unary('hardswish', {
  summary: 'y = x min(max(x + 3, 0), 6) / 6',
  evaluate: (x) => (x * sixth(x + 3)) / 6,
  backward: ({ grad, x }) => hardswishBackward(grad, x),
  sample: offKinks,
  tolerance: { wasm: { ulps: 4 }, webgpu: { ulps: 4 } },
});
