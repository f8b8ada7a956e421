import { binary, mul, sub } from './binary.js';
import { equal, greaterEqual } from './compare.js';
import { scalar } from './fill.js';
import { logicalAnd } from './logical.js';
import { log } from './unary.js';
import { where } from './where.js';

/** C's pow, as in PyTorch: 1^b = 1 and (-1)^±Infinity = 1, where JavaScript has NaN. */
const power = (a: number, b: number) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

/** Units of powerError. */
export const POWER_UNITS = 9;

/**
 * What a WGSL a^b = exp2(E), E = b log2 a, is relatively off by, in units of POWER_UNITS · 2^-24. log2 is off by 3 ulp, 6
 * units, or by 2^-21, 8 units of 1, where |a| lies within [½, 2]; the product rounds once: 7 |E| or 8 |b| + |E| units of E,
 * times ln 2 < 0.7 for the power; exp2 is off by 3 + 2 |E| ulp, 6 + 4 |E| units. Together less than 9 (1 + |E| + |b|), and
 * |b| only near 1. What is large there, b of many thousands, grows by more than the first order.
 */
export function powerError(a: number, b: number): number {
  const size = Math.abs(a);
  if (size === 0 || size === 1 || b === 0 || !Number.isFinite(size) || !Number.isFinite(b)) return 1;
  const near = size >= 0.5 && size <= 2 ? Math.abs(b) : 0;
  const unit = POWER_UNITS * 2 ** -24;
  return Math.expm1(unit * (1 + Math.abs(b * Math.log2(size)) + near)) / unit;
}

export const pow = binary('pow', {
  summary: 'y = a^b',
  evaluate: power,
  advice: 'cast() to f32',
  backward: {
    // Where b = 0 the output is constant in a, though a^-1 may not be finite.
    a: ({ grad, a, b }) =>
      mul(grad, where(equal(b, scalar(0)), scalar(0), mul(b, pow(a, sub(b, scalar(1)))))),
    // At a = 0 the output is constant in b >= 0, though ln 0 is not finite.
    b({ grad, a, b, output }) {
      const constant = logicalAnd(equal(a, scalar(0)), greaterEqual(b, scalar(0)));
      return mul(grad, where(constant, scalar(0), mul(output, log(a))));
    },
  },
  a: { domain: [0.3, 2] },
  b: { domain: [-3, 3] },
  samples: [
    {
      inputs: {
        a: { shape: [37], values: [0.6, 1.001, 1.9, 40, 80] },
        b: { shape: [11, 1], values: [-5, -0.3, 1e-2, 2.5, 6] },
      },
    },
  ],
  tolerance: {
    wasm: { ulps: 4, floor: 2 ** -149 },
    webgpu: { ulps: POWER_UNITS, magnitude: 'declared', floor: 2 ** -126 },
  },
  magnitude: (a, b) => Math.abs(power(a, b)) * powerError(a, b),
});
