import { LOST } from '../bounds.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import type { TensorType, Value } from '../op.js';
import { showShape } from '../shape.js';
import { add, div, mul } from './binary.js';
import { greater, less } from './compare.js';
import { errorFunction } from './erf.js';
import { scalar } from './fill.js';
import { between, EXACT, signed, unary } from './unary_template.js';
import { where } from './where.js';

export const neg = unary('neg', {
  summary: 'y = -x',
  evaluate: (x) => -x,
  integer: (x) => -x | 0,
  backward: ({ grad }): Value => neg(grad),
  linear: true,
  tolerance: EXACT,
});

/** The sign: -1, 0 or 1; 0 for NaN. Its gradient is zero. */
export const sign = unary('sign', {
  summary: 'y = -1, 0 or 1',
  evaluate: (x) => Math.sign(x) || 0,
  integer: Math.sign,
  backward: () => null,
  sample: signed,
  tolerance: EXACT,
});

export const abs = unary('abs', {
  summary: 'y = |x|',
  evaluate: Math.abs,
  integer: (x) => Math.abs(x) | 0,
  backward: ({ grad, x }) => mul(grad, sign(x)),
  sample: signed,
  tolerance: EXACT,
});

// WGSL allows exp an error of 3 + 2|x| ulp (of 2^-23), so 6 + 4|x| units of 2^-24.
export const exp = unary('exp', {
  summary: 'y = e^x',
  evaluate: Math.exp,
  backward: ({ grad, output }) => mul(grad, output),
  sample: { domain: [-4, 4] },
  tolerance: { wasm: { ulps: 3, magnitude: 'output' }, webgpu: { ulps: 6 } },
  magnitude: (x) => Math.exp(x) * (1 + Math.abs(x)),
});

/** e^x - 1, right for small x too. */
export const expm1 = unary('expm1', {
  summary: 'y = e^x - 1',
  evaluate: Math.expm1,
  backward: ({ grad, output }) => mul(grad, add(output, scalar(1))),
  sample: { domain: [-4, 4] },
  // Beyond |x| = ln 2 / 2 the difference lifts exp's error (4 units on wasm) by at most √2 / (√2 - 1) = 3.42 and rounds
  // once; below, the polynomial's error and roundings are less than that.
  tolerance: { wasm: { ulps: 15, magnitude: 'output' }, webgpu: { ulps: 22 } },
  magnitude: (x) => Math.abs(Math.expm1(x)) * (1 + Math.abs(x)),
});

// WGSL allows log 3 ulp outside [0.5, 2] and 2^-21 absolute inside.
export const log = unary('log', {
  summary: 'y = ln x',
  evaluate: Math.log,
  backward: ({ grad, x }) => div(grad, x),
  sample: { domain: [0.2, 9] },
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 6, floor: 2 ** -21 } },
});

/** ln(1 + x), right for small x too. */
export const log1p = unary('log1p', {
  summary: 'y = ln(1 + x)',
  evaluate: Math.log1p,
  backward: ({ grad, x }) => div(grad, add(x, scalar(1))),
  sample: { domain: [-0.8, 9] },
  // For 1 + x outside [√½, √2] the sum's rounding is one unit of 1 in a logarithm of at least 0.34, and so are WGSL's 8
  // in log; on wasm log adds 4. Inside, the polynomial's error and roundings are less than that.
  tolerance: { wasm: { ulps: 8 }, webgpu: { ulps: 27 } },
});

// WGSL inherits sqrt's error from 1 / inverseSqrt: 2 ulp and 2.5 ulp.
export const sqrt = unary('sqrt', {
  summary: 'y = √x',
  evaluate: Math.sqrt,
  backward: ({ grad, output }) => div(grad, mul(output, scalar(2))),
  sample: { domain: [0.2, 9] },
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 10 } },
});

// Root and quotient round once each; WGSL allows inverseSqrt 2 ulp.
export const rsqrt = unary('rsqrt', {
  summary: 'y = 1 / √x',
  evaluate: (x) => 1 / Math.sqrt(x),
  backward: ({ grad, output }) => mul(mul(grad, scalar(-0.5)), mul(output, mul(output, output))),
  sample: { domain: [0.2, 9] },
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 4 } },
});

// WGSL allows division 2.5 ulp.
export const reciprocal = unary('reciprocal', {
  summary: 'y = 1 / x',
  evaluate: (x) => 1 / x,
  backward: ({ grad, output }): Value => neg(mul(grad, mul(output, output))),
  sample: signed,
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 5 } },
});

export const square = unary('square', {
  summary: 'y = x²',
  evaluate: (x) => x * x,
  integer: (x) => Math.imul(x, x),
  backward: ({ grad, x }) => mul(mul(grad, scalar(2)), x),
});

export const sin = unary('sin', {
  summary: 'y = sin x, x in radians',
  evaluate: Math.sin,
  backward: ({ grad, x }): Value => mul(grad, cos(x)),
  sample: { domain: [-30, 30] },
  // The webgpu kernel reduces x in three steps of f32: an absolute error of |x| 2^-24 2^-8 and the polynomial's own.
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 4, floor: 3e-7 } },
});

export const cos = unary('cos', {
  summary: 'y = cos x, x in radians',
  evaluate: Math.cos,
  backward: ({ grad, x }): Value => neg(mul(grad, sin(x))),
  sample: { domain: [-30, 30] },
  tolerance: { wasm: { ulps: 2 }, webgpu: { ulps: 4, floor: 3e-7 } },
});

export const tan = unary('tan', {
  summary: 'y = tan x, x in radians',
  evaluate: Math.tan,
  backward: ({ grad, output }) => mul(grad, add(scalar(1), mul(output, output))),
  sample: { domain: [-1.4, 1.4] },
  // f64 on wasm. In WGSL sine and cosine as above, 3e-7 = 5 units of the angle, which tan lifts by 1 + y², 4 units of
  // each of the two and the quotient's 5 of y <= 1 + y².
  tolerance: { wasm: { ulps: 2, magnitude: 'output' }, webgpu: { ulps: 18 } },
  magnitude: (x) => 1 + Math.tan(x) ** 2,
});

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** The error function 2/√π ∫ e^(-t²) dt from 0 to x, right for small x too. */
export const erf = unary('erf', {
  summary: 'y = erf x',
  evaluate: errorFunction,
  backward: ({ grad, x }) => mul(grad, mul(exp(neg(square(x))), scalar(TWO_OVER_SQRT_PI))),
  sample: { domain: [-4, 4] },
  // A quotient of polynomials whose terms have one sign, but for one that is small: two roundings in each of 6 + 5 steps
  // (6 + 4 in WGSL) and one per coefficient of the last, product, quotient (5 in WGSL); WGSL's fit is off by 4 units.
  // Where x times the upper polynomial lies below the normal numbers, what is lost is divided by the lower one's least,
  // 0.01426: 70.1 times as much; the quotient loses once more.
  tolerance: {
    wasm: { ulps: 28, floor: 72 * LOST.wasm },
    webgpu: { ulps: 32, floor: 72 * LOST.webgpu },
  },
});

export const floor = unary('floor', {
  summary: 'y = the largest whole number ≤ x',
  evaluate: Math.floor,
  backward: () => null,
  sample: { values: [0.5, -0.5, 1.2, -1.2, 2.7, -2.7, 100.4] },
  tolerance: EXACT,
});

export const ceil = unary('ceil', {
  summary: 'y = the smallest whole number ≥ x',
  evaluate: Math.ceil,
  backward: () => null,
  sample: { values: [0.5, -0.5, 1.2, -1.2, 2.7, -2.7, 100.4] },
  tolerance: EXACT,
});

/** The nearest whole number in f64, halves to the even one. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** The nearest whole number, halves to the even one. */
export const round = unary('round', {
  summary: 'y = the nearest whole number, halves to even',
  evaluate: halfToEven,
  backward: () => null,
  sample: { values: [0.3, -0.3, 1.2, -1.2, 2.7, -2.7, 100.4] },
  tolerance: EXACT,
});

export const trunc = unary('trunc', {
  summary: 'y = x without its fraction',
  evaluate: Math.trunc,
  backward: () => null,
  sample: { values: [0.5, -0.5, 1.2, -1.2, 2.7, -2.7, 100.4] },
  tolerance: EXACT,
});

export interface ClampOptions {
  /** Lower bound, default none. */
  readonly min?: number;
  /** Upper bound, default none; where it is below `min` every element becomes it. */
  readonly max?: number;
}

export const clampKinds: Kinds<ClampOptions> = { min: number, max: number };

interface ClampAttrs {
  readonly min: number;
  readonly max: number;
}

function clampBounds({ min, max }: ClampAttrs, dtype: DType) {
  const ends = dtype === 'i32' ? [-2147483648, 2147483647] : [-Infinity, Infinity];
  return { a: min === -Infinity ? ends[0]! : min, b: max === Infinity ? ends[1]! : max };
}

function checkBounds(x: TensorType, bounds: ClampAttrs): void {
  if (x.dtype !== 'i32') return;
  for (const [key, value] of Object.entries(clampBounds(bounds, 'i32'))) {
    if ((value | 0) !== value)
      fail('clamp', `${key === 'a' ? 'min' : 'max'} ${value} is no i32, x is i32${showShape(x.shape)}`);
  }
}

/** min(max(x, min), max). The gradient is zero at and beyond the bounds. */
export const clamp = unary('clamp', {
  summary: 'y = min(max(x, min), max)',
  kinds: clampKinds,
  attributes(options?: ClampOptions): ClampAttrs {
    const { min, max } = options ?? {};
    if (min === undefined && max === undefined) fail('clamp', 'needs min, max or both');
    return { min: min ?? -Infinity, max: max ?? Infinity };
  },
  options: [{ min: -0.55, max: 0.55 }, { min: 0 }, { max: 3 }, { min: -2, max: 5 }],
  params: clampBounds,
  evaluate: (x, { min, max }) => between(x, min, max),
  integer: (x, { min, max }) => between(x, min, max),
  check: checkBounds,
  backward({ grad, x, attrs: { min, max } }) {
    const zero = scalar(0);
    const above = min === -Infinity ? grad : where(greater(x, scalar(min)), grad, zero);
    return max === Infinity ? above : where(less(x, scalar(max)), above, zero);
  },
  sample: { values: [-0.9, -0.5, 0.1, 0.2, 0.7, -0.6, 0.5] },
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
  wrong: [{ message: 'clamp: needs min, max or both' }],
  errors: [
    {
      types: { x: { shape: [2], dtype: 'i32' } },
      options: { min: 0.5 },
      message: 'clamp: min 0.5 is no i32, x is i32[2]',
    },
  ],
});
