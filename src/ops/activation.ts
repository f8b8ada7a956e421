import { LOST, LOST_POWER } from '../bounds.js';
import { fail } from '../errors.js';
import { type Kinds, number, oneOf } from '../kinds.js';
import type { Value } from '../op.js';
import { add, div, mul, sub } from './binary.js';
import { greater } from './compare.js';
import { errorFunction } from './erf.js';
import { scalar } from './fill.js';
import { abs, exp, neg, sign, square } from './unary.js';
import { signed, unary, unaryBackward } from './unary_template.js';
import { where } from './where.js';

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
/** ln(1 + e^x). */
const softPositive = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** What WGSL's error of e^x grows by, see exp. */
const growth = (x: number): number => 1 + Math.abs(x);

/**
 * Where x sigmoid(x) and its like still count: below -128 they are less than what a sigmoid below the normal numbers loses,
 * so many times.
 */
const REACH = 128;
const floors = { wasm: REACH * LOST.wasm, webgpu: REACH * LOST.webgpu };
/** What a lost sigmoid adds to the magnitude of slopes, in which it stands alone and with x. */
const lostSlope = (x: number): number => LOST_POWER * (1 + Math.min(Math.abs(x), REACH));

/** dx = dy (1 - y²). */
export const tanhBackward = unaryBackward('tanhBackward', {
  summary: 'dx = dy (1 - v²), v = tanh x',
  evaluate: (dy, y) => dy * (1 - y * y),
  second: ({ grad, dy, v }) => mul(mul(mul(grad, dy), scalar(-2)), v),
  sample: { domain: [-0.9, 0.9] },
});

export const tanh = unary('tanh', {
  summary: 'y = tanh x',
  evaluate: Math.tanh,
  backward: ({ grad, output }) => tanhBackward(grad, output),
  sample: { domain: [-5, 5] },
  // On wasm t / (t + 1) with t = (e^2x - 1) / 2: t's two units count at most twice, where t is near -1/2; sum and quotient
  // round once each. In WGSL a polynomial below 0.625, 5 units; above, 1 - 2 / (e + 1) with e = e^2|x| >= 3.49 carries e's
  // error (6 + 8 |x|) times 2 e / (e + 1)² <= 0.35, the quotient's (5) times 2 / (e + 1) <= 0.45 and the difference's, of a
  // result of 0.55 or more.
  tolerance: { wasm: { ulps: 6 }, webgpu: { ulps: 14 } },
});

/** dx = dy y (1 - y). */
export const sigmoidBackward = unaryBackward('sigmoidBackward', {
  summary: 'dx = dy v (1 - v), v = sigmoid x',
  evaluate: (dy, y) => dy * y * (1 - y),
  second: ({ grad, dy, v }) => mul(mul(grad, dy), sub(scalar(1), mul(v, scalar(2)))),
  sample: { domain: [0.05, 0.95] },
});

// 1 / (1 + e) or e / (1 + e) of e = e^-|x|: e's error (4 units on wasm, 6 (1 + |x|) in WGSL), sum and quotient.
export const sigmoid = unary('sigmoid', {
  summary: 'y = 1 / (1 + e^-x)',
  evaluate: logistic,
  backward: ({ grad, output }) => sigmoidBackward(grad, output),
  sample: { domain: [-8, 8] },
  tolerance: { wasm: { ulps: 6, magnitude: 'output' }, webgpu: { ulps: 12 } },
  magnitude: (x) => logistic(x) * growth(x),
});

/** dx = dy sigmoid(-x). */
export const logSigmoidBackward = unaryBackward('logSigmoidBackward', {
  summary: 'dx = dy sigmoid(-v), v = x',
  evaluate: (dy, x) => dy * logistic(-x),
  second: ({ grad, dy, v }): Value => neg(sigmoidBackward(mul(grad, dy), sigmoid(v))),
  sample: { domain: [-8, 8] },
  // sigmoid's error and the product's, and dy times what a sigmoid below the normal numbers loses.
  tolerance: { wasm: { ulps: 7 }, webgpu: { ulps: 13 } },
  magnitude: (x) => logistic(-x) * growth(x) + lostSlope(0),
});

/** ln sigmoid(x), right for any x. */
export const logSigmoid = unary('logSigmoid', {
  summary: 'y = ln(1 / (1 + e^-x))',
  evaluate: (x) => -softPositive(-x),
  backward: ({ grad, x }) => logSigmoidBackward(grad, x),
  sample: { domain: [-8, 8] },
  // ln(1 + e) of e = e^-|x| carries e's error (4 units; 6 (1 + |x|) in WGSL) and the polynomial's with its roundings, 8; the
  // sum with |x|, of one sign, rounds once.
  tolerance: { wasm: { ulps: 13, magnitude: 'output' }, webgpu: { ulps: 15 } },
  magnitude: (x) => softPositive(-x) * growth(x),
});

export interface SoftplusOptions {
  /** Default 1; the larger, the closer to relu. */
  readonly beta?: number;
  /** Default 20: where beta x is above it, y = x. */
  readonly threshold?: number;
}

export const softplusKinds: Kinds<SoftplusOptions> = { beta: number, threshold: number };

const bend = (name: string) => (options?: SoftplusOptions) => {
  const { beta = 1, threshold = 20 } = options ?? {};
  if (beta === 0) fail(name, 'beta must not be 0');
  return { beta, threshold };
};
const bends: readonly (SoftplusOptions | undefined)[] = [undefined, { beta: 2, threshold: 5.5 }];

// beta x rounds once, which the factor 1 + |beta x| and one unit more allow for.
export const softplusBackward = unaryBackward('softplusBackward', {
  summary: 'dx = dy sigmoid(beta v), or dy where beta v > threshold; v = x',
  kinds: softplusKinds,
  attributes: bend('softplusBackward'),
  options: bends,
  params: ({ beta, threshold }) => ({ a: beta, b: threshold }),
  evaluate: (dy, x, { beta, threshold }) => (x * beta > threshold ? dy : dy * logistic(x * beta)),
  second({ grad, dy, v, attrs: { beta, threshold } }) {
    const z = mul(v, scalar(beta));
    const inner = mul(sigmoidBackward(mul(grad, dy), sigmoid(z)), scalar(beta));
    return where(greater(z, scalar(threshold)), scalar(0), inner);
  },
  sample: { domain: [-2.5, 2.5] },
  tolerance: { wasm: { ulps: 8 }, webgpu: { ulps: 14 } },
  magnitude: (x, { beta }) => logistic(x * beta) * growth(x * beta) + lostSlope(0),
  wrong: [{ options: { beta: 0 }, message: 'softplusBackward: beta must not be 0' }],
});

/** ln(1 + e^(beta x)) / beta, right for any x. */
export const softplus = unary('softplus', {
  summary: 'y = ln(1 + e^(beta x)) / beta, or x where beta x > threshold',
  kinds: softplusKinds,
  attributes: bend('softplus'),
  options: bends,
  params: ({ beta, threshold }) => ({ a: beta, b: threshold }),
  evaluate: (x, { beta, threshold }) => (x * beta > threshold ? x : softPositive(x * beta) / beta),
  backward: ({ grad, x, attrs }) => softplusBackward(grad, x, attrs),
  sample: { domain: [-2.5, 2.5] },
  // As logSigmoid, with beta x rounded and a quotient (5 in WGSL).
  tolerance: { wasm: { ulps: 15 }, webgpu: { ulps: 21 } },
  magnitude: (x, { beta }) => (softPositive(x * beta) / Math.abs(beta)) * growth(x * beta),
  wrong: [{ options: { beta: 0 }, message: 'softplus: beta must not be 0' }],
});

export const siluBackward = unaryBackward('siluBackward', {
  summary: 'dx = dy s (1 + v (1 - s)), s = sigmoid v, v = x',
  evaluate: (dy, x) => dy * (logistic(x) * (1 + x * (1 - logistic(x)))),
  // s (1 - s) (2 + x (1 - 2 s))
  second({ grad, dy, v }) {
    const s = sigmoid(v);
    const bracket = add(scalar(2), mul(v, sub(scalar(1), mul(s, scalar(2)))));
    return mul(sigmoidBackward(mul(grad, dy), s), bracket);
  },
  sample: { domain: [-6, 6] },
  // Two sigmoids, three products and a sum.
  tolerance: { wasm: { ulps: 16 }, webgpu: { ulps: 28 } },
  magnitude: (x) => logistic(x) * (1 + Math.abs(x) * (1 - logistic(x))) * growth(x) + lostSlope(x),
});

/** Sigmoid linear unit, also called swish (Elfwing, Uchibe and Doya, 2017). */
export const silu = unary('silu', {
  summary: 'y = x sigmoid x',
  evaluate: (x) => x * logistic(x),
  backward: ({ grad, x }) => siluBackward(grad, x),
  sample: { domain: [-6, 6] },
  tolerance: {
    wasm: { ulps: 7, magnitude: 'output', floor: floors.wasm },
    webgpu: { ulps: 13, floor: floors.webgpu },
  },
  magnitude: (x) => Math.abs(x) * logistic(x) * growth(x),
});

// t = n / (n + 2) with n = e (e + 2), e = e^x.
export const mishBackward = unaryBackward('mishBackward', {
  summary: 'dx = dy (t + v s (1 - t²)), t = tanh(softplus v), s = sigmoid v, v = x',
  evaluate(dy, x) {
    const t = Math.tanh(softPositive(x));
    return dy * (t + x * logistic(x) * (1 - t * t));
  },
  // (1 - t²) s (2 + x (1 - s - 2 t s))
  second({ grad, dy, v }) {
    const s = sigmoid(v);
    const t = tanh(softplus(v));
    const slope = mul(tanhBackward(mul(grad, dy), t), s);
    const inner = sub(sub(scalar(1), s), mul(mul(t, s), scalar(2)));
    return mul(slope, add(scalar(2), mul(v, inner)));
  },
  sample: { domain: [-6, 6] },
  // e's error enters at most three times; up to ten roundings, in WGSL two quotients of 5 units among them.
  tolerance: { wasm: { ulps: 22 }, webgpu: { ulps: 38 } },
  magnitude(x) {
    const t = Math.tanh(softPositive(x));
    return (t + Math.abs(x) * logistic(x) * (1 - t * t)) * growth(x) + lostSlope(x);
  },
});

/** Mish (Misra, 2019). */
export const mish = unary('mish', {
  summary: 'y = x tanh(ln(1 + e^x))',
  evaluate: (x) => x * Math.tanh(softPositive(x)),
  backward: ({ grad, x }) => mishBackward(grad, x),
  sample: { domain: [-6, 6] },
  // e's error enters twice; up to six roundings, in WGSL a quotient of 5 units among them.
  tolerance: {
    wasm: { ulps: 14, magnitude: 'output', floor: floors.wasm },
    webgpu: { ulps: 24, floor: floors.webgpu },
  },
  magnitude: (x) => Math.abs(x) * Math.tanh(softPositive(x)) * growth(x),
});

export const softsignBackward = unaryBackward('softsignBackward', {
  summary: 'dx = dy / (1 + |v|)², v = x',
  evaluate: (dy, x) => dy / (1 + Math.abs(x)) ** 2,
  second({ grad, dy, v }) {
    const size = add(abs(v), scalar(1));
    return mul(mul(grad, dy), div(mul(sign(v), scalar(-2)), mul(size, square(size))));
  },
  sample: signed,
  // The sum twice, its square and a quotient.
  tolerance: { wasm: { ulps: 4 }, webgpu: { ulps: 8 } },
});

export const softsign = unary('softsign', {
  summary: 'y = x / (1 + |x|)',
  evaluate: (x) => x / (1 + Math.abs(x)),
  backward: ({ grad, x }) => softsignBackward(grad, x),
  sample: signed,
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 6 } },
});

export interface GeluOptions {
  /** 'none' (default) is the exact form with erf, 'tanh' its approximation. */
  readonly approximate?: 'none' | 'tanh';
}

export const geluKinds: Kinds<GeluOptions> = { approximate: oneOf('none', 'tanh') };

interface GeluAttrs {
  readonly approximate: 'none' | 'tanh';
}

const approximation = (options?: GeluOptions): GeluAttrs => ({ approximate: options?.approximate ?? 'none' });
const approximations: readonly GeluOptions[] = [{ approximate: 'none' }, { approximate: 'tanh' }];
const notAForm = (name: string) => [
  {
    options: { approximate: 'erf' as 'none' },
    message: `${name}: approximate must be one of none, tanh, got 'erf'`,
  },
];
const isTanh = ({ approximate }: GeluAttrs): boolean => approximate === 'tanh';
const isExact = (attrs: GeluAttrs): boolean => !isTanh(attrs);
/** Tolerances of the two forms. */
const either =
  (exact: number, tanhForm: number) =>
  ({ attrs }: { attrs: GeluAttrs }): number =>
    isTanh(attrs) ? tanhForm : exact;

const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const normalCdf = (x: number) => 0.5 * (1 + errorFunction(x * Math.SQRT1_2));
const normalPdf = (x: number) => INV_SQRT_2PI * Math.exp(-0.5 * x * x);

/** x Φ(x) ≈ x sigmoid(2 K (x + C x³)). */
const K = Math.sqrt(2 / Math.PI);
const C = 0.044715;
const twice = (x: number) => 2 * K * (x + C * x ** 3);
const twiceSlope = (x: number) => 2 * K * (1 + 3 * C * x * x);

/** Second derivative of the approximation: p (2 t' + x ((1 - 2 s) t'² + t'')), t = 2 K (x + C x³), p = s (1 - s). */
function tanhSecond(scale: Value, x: Value): Value {
  const squared = square(x);
  const t = mul(mul(x, scalar(2 * K)), add(scalar(1), mul(squared, scalar(C))));
  const slope = mul(add(scalar(1), mul(squared, scalar(3 * C))), scalar(2 * K));
  const s = sigmoid(t);
  const curve = add(mul(sub(scalar(1), mul(s, scalar(2))), square(slope)), mul(x, scalar(12 * K * C)));
  return mul(sigmoidBackward(scale, s), add(mul(slope, scalar(2)), mul(x, curve)));
}

/** dx = dy (Φ(x) + x φ(x)), with Φ and φ the normal distribution and its density, or their approximation. */
export const geluBackward = unaryBackward('geluBackward', {
  summary: 'dx = dy (Φ(v) + v φ(v)), v = x',
  kinds: geluKinds,
  attributes: approximation,
  options: approximations,
  kernels: { gelu_backward: isExact, gelu_tanh_backward: isTanh },
  evaluate(dy, x, attrs) {
    if (isExact(attrs)) return dy * (normalCdf(x) + x * normalPdf(x));
    const s = logistic(twice(x));
    return dy * (s + x * s * (1 - s) * twiceSlope(x));
  },
  // d/dx (Φ + x φ) = φ (2 - x²)
  second({ grad, dy, v, attrs }) {
    if (isTanh(attrs)) return tanhSecond(mul(grad, dy), v);
    const density = mul(exp(mul(square(v), scalar(-0.5))), scalar(INV_SQRT_2PI));
    return mul(mul(grad, dy), mul(density, sub(scalar(2), square(v))));
  },
  sample: { domain: [-4, 4] },
  // Units are of dy. Φ is off by 4 units of 1 (half of erf's 6, see gelu), in WGSL by 9; |x| φ(x) <= 0.25 times exp's error
  // and its argument's brings 2, in WGSL 3; their sum is at most 1.13 and rounds once, the product too. The approximation:
  // sigmoid is off by 7 (WGSL 10); x t' s (1 - s) <= 3 |t| s (1 - s) has a relative error of twice sigmoid's 6 + 5 |t|
  // (12 + 9 |t|), and |t| s (1 - s) <= 0.23, t² s (1 - s) <= 0.44.
  tolerance: { wasm: { ulps: either(8, 30) }, webgpu: { ulps: either(15, 55) } },
  magnitude: () => 1,
  wrong: notAForm('geluBackward'),
});

/** Gaussian error linear unit (Hendrycks and Gimpel, 2016). */
export const gelu = unary('gelu', {
  summary: 'y = x Φ(x), Φ the normal distribution',
  kinds: geluKinds,
  attributes: approximation,
  options: approximations,
  kernels: { gelu: isExact, gelu_tanh: isTanh },
  evaluate: (x, attrs) => x * (isTanh(attrs) ? logistic(twice(x)) : normalCdf(x)),
  backward: ({ grad, x, attrs }) => geluBackward(grad, x, attrs),
  sample: { domain: [-4, 4] },
  // Units are of |x|. 1 + erf cancels for negative x: on wasm half of erf's 7 near ±1, or of 5 and its rounded
  // argument's 0.8 elsewhere, half of one product, and the sum; in WGSL erfc's polynomial, exp and quotient leave 9 units
  // of Φ, and the product 1. The approximation: sigmoid's 6 units or, in WGSL, 5 and at most 4 of exp, and
  // 5 |t| s (1 - s) <= 1.2 of the argument's.
  tolerance: { wasm: { ulps: either(5, 9) }, webgpu: { ulps: either(10, 12) } },
  magnitude: Math.abs,
  wrong: notAForm('gelu'),
});
