import { binary, mul, sub } from './binary.js';
import { equal, greaterEqual } from './compare.js';
import { scalar } from './fill.js';
import { logicalAnd } from './logical.js';
import { log } from './unary.js';
import { where } from './where.js';

/** C's pow, as in PyTorch: 1^b = 1 and (-1)^±Infinity = 1, where JavaScript has NaN. */
const power = (a: number, b: number) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

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
  // WGSL takes a^b as exp2(b log2 a): log2's 3 ulp times |b log2 a| <= 6, exp2's 3 + 2 * 6, in units of 2^-24.
  tolerance: { wasm: { ulps: 4 }, webgpu: { ulps: 2 * (3 * 6 + 15) } },
});
