import type { Value } from '../op.js';
import { add, binary, div, mul } from './binary.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { neg, square } from './unary.js';
import { where } from './where.js';

/** The remainder with the sign of b, as PyTorch's and Python's. */
function floorRemainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && b < 0 !== rest < 0 ? rest + b : rest;
}

/** PyTorch's (Python's) floor division: exact where the quotient is, by way of the remainder. */
function floorQuotient(a: number, b: number): number {
  if (b === 0) return a / b;
  const rest = a % b;
  const quotient = (a - rest) / b - (rest !== 0 && b < 0 !== rest < 0 ? 1 : 0);
  if (quotient === 0) return 0;
  const below = Math.floor(quotient);
  return quotient - below > 0.5 ? below + 1 : below;
}

/** Every quotient of the two is 0.05 or more off a whole number. */
const uneven = {
  a: { values: [5.3, -7.7, 0.8, -0.4, 10.1] },
  b: { values: [2, -3, 1.5] },
};

/** ⌊a / b⌋. The gradient is zero. An i32 b of 0 is a data error. */
export const floorDivide = binary('floorDivide', {
  summary: 'y = ⌊a / b⌋',
  evaluate: floorQuotient,
  integer: (a, b) => Math.floor(a / b) | 0,
  divides: true,
  backward: { a: () => null, b: () => null },
  ...uneven,
  // (a - remainder) / b is near a whole number, to which it is rounded: exact below 2^20, else off by the difference's
  // rounding and the quotient's (5 units in WGSL).
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 7 } },
});

/** a - b ⌊a / b⌋, with the sign of b. An i32 b of 0 is a data error. */
export const remainder = binary('remainder', {
  summary: 'y = a - b ⌊a / b⌋',
  evaluate: floorRemainder,
  integer: (a, b) => floorRemainder(a, b) | 0,
  divides: true,
  backward: { a: ({ grad }) => grad, b: ({ grad, a, b }) => neg(mul(grad, floorDivide(a, b))) },
  ...uneven,
});

/** The angle of the point (b, a) from the first axis, in radians from -π to π. */
export const atan2 = binary('atan2', {
  summary: 'y = angle of (b, a), -π..π',
  evaluate: Math.atan2,
  advice: 'cast() to f32',
  backward: {
    a: ({ grad, a, b }) => mul(grad, overSquares(b, a, b)),
    b: ({ grad, a, b }) => neg(mul(grad, overSquares(a, a, b))),
  },
  a: { domain: [0.2, 2], signed: true },
  b: { domain: [0.2, 2], signed: true },
  // C's own on wasm. In WGSL a quotient of 5 units; where it is turned by π/4 another one, which leaves 6 units of 1 in an
  // angle of 0.39 or more, 16 of its own; the polynomial 2, and two sums.
  tolerance: { wasm: { ulps: 4 }, webgpu: { ulps: 20 } },
});

/** x / (a² + b²), 0 where both are 0. */
function overSquares(x: Value, a: Value, b: Value): Value {
  const squares = add(square(a), square(b));
  const origin = equal(squares, scalar(0));
  return where(origin, scalar(0), div(x, squares));
}

/** 0 where a < 0, b where a = 0, 1 where a > 0. The gradient is zero. */
export const heaviside = binary('heaviside', {
  summary: 'y = 0, b or 1 where a < 0, = 0, > 0',
  evaluate: (a, b) => (a === 0 ? b : Number(a > 0)),
  backward: { a: () => null, b: () => null },
  a: { domain: [0.1, 2], signed: true },
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});
