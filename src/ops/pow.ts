import { binary, mul, sub } from './binary.js';
import { equal } from './compare.js';
import { full } from './fill.js';
import { log } from './unary.js';
import { where } from './where.js';

const scalar = (value: number) => full({ shape: [], value });

export const pow = binary('pow', {
  summary: 'y = a^b',
  evaluate: (a, b) => a ** b,
  backward: {
    a: ({ grad, a, b }) => mul(grad, mul(b, pow(a, sub(b, scalar(1))))),
    // At a = 0 the output is constant in b > 0: the gradient is zero, though ln 0 is not finite.
    b: ({ grad, a, output }) => mul(grad, mul(output, where(equal(a, scalar(0)), scalar(0), log(a)))),
  },
  a: { domain: [0.3, 2] },
  b: { domain: [-3, 3] },
  // WGSL takes a^b as exp2(b log2 a): log2's 3 ulp times |b log2 a| <= 6, exp2's 3 + 2 * 6, in units of 2^-24.
  tolerance: { wasm: { ulps: 4 }, webgpu: { ulps: 2 * (3 * 6 + 15) } },
});
