import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import {
  type BackwardContext,
  expectDType,
  f32,
  type SampleInput,
  type Tolerance,
  type Value,
} from '../op.js';
import { div, mul, sub } from './binary.js';
import { elementwise, expectSameShape, snake } from './common.js';
import { greaterEqual, lessEqual } from './compare.js';
import { full } from './fill.js';
import { where } from './where.js';

type UnaryContext<A> = BackwardContext<A> & { readonly x: Value };
type UnaryTolerance = { readonly [K in 'wasm' | 'webgpu']: Omit<Tolerance<unknown>, 'magnitude'> };

const scalar = (value: number) => full({ shape: [], value });

/** Sizes round the four lanes of a vector: 1, 3, 4, 5, a prime and more than one block. */
const shapes: readonly (readonly number[])[] = [[], [3], [4], [5], [2, 17], [4099]];

interface UnarySpec<A extends object, U> {
  readonly summary: string;
  readonly attributes?: (options: U | undefined) => A;
  readonly options?: readonly (U | undefined)[];
  /** Kernel parameters `a` and `b`. */
  readonly params?: (attrs: A) => { a?: number; b?: number };
  readonly evaluate: (x: number, attrs: A) => number;
  readonly backward: (context: UnaryContext<A>) => Value | null;
  readonly sample?: Omit<SampleInput, 'shape'>;
  readonly linear?: boolean;
  readonly tolerance?: UnaryTolerance;
  /** What the tolerance's units are of, where it is not |y|. */
  readonly magnitude?: (x: number) => number;
}

/** Tolerances in units of the output, or of a declared magnitude. */
function tolerances(own: UnaryTolerance | undefined, ulps: number, declared: boolean) {
  const magnitude = declared ? ('declared' as const) : ('output' as const);
  const { wasm = { ulps }, webgpu = { ulps } } = own ?? {};
  return { wasm: { ...wasm, magnitude }, webgpu: { ...webgpu, magnitude } };
}

/** y = f(x), element by element, f32. */
function unary<A extends object = Record<never, never>, U = undefined>(name: string, spec: UnarySpec<A, U>) {
  const options = spec.options ?? [undefined];
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    attributes: (given: U | undefined) => spec.attributes?.(given) ?? ({} as A),
    infer({ x }) {
      expectDType(name, { x }, 'f32');
      return x;
    },
    reference: ({ x }, attrs) => x.data.map((value) => spec.evaluate(value, attrs)),
    backward: { x: spec.backward },
    cost: ({ output }) => ({ flops: output.shape.reduce((a, b) => a * b, 1) }),
    kernels: elementwise<'x', A>(`${snake(name)}_f32`, ['x', 'output'], ({ output, attrs }) => {
      const { a = 0, b = 0 } = spec.params?.(attrs) ?? {};
      return { size: output.shape.reduce((p, q) => p * q, 1), a, b };
    }),
    inPlace: ['x'],
    linear: spec.linear ? ['x'] : [],
    samples: shapes.flatMap((shape) =>
      options.map((option) => ({ inputs: { x: { shape, ...spec.sample } }, options: option as U })),
    ),
    errors: [
      {
        types: { x: { shape: [2, 3], dtype: 'i32' } },
        options: options[0] as U,
        message: `${name}: x must be f32, it is i32[2,3]`,
      },
    ],
    tolerance: tolerances(spec.tolerance, 1, spec.magnitude !== undefined),
    magnitude: ({ x }) => x.data.map((value) => spec.magnitude!(value)),
  });
}

interface BackwardSpec<A extends object, U> {
  readonly summary: string;
  /** What the second input holds: the op's input or its output. */
  readonly reads: 'x' | 'y';
  readonly attributes?: (options: U | undefined) => A;
  readonly options?: readonly (U | undefined)[];
  readonly params?: (attrs: A) => { a?: number; b?: number };
  /** dx, linear in dy. */
  readonly evaluate: (dy: number, v: number, attrs: A) => number;
  /** The gradient with respect to v, given grad (of dx), dy and v; null where it is zero almost everywhere. */
  readonly second: (context: { grad: Value; dy: Value; v: Value; attrs: A }) => Value | null;
  readonly sample?: Omit<SampleInput, 'shape'>;
  readonly tolerance?: UnaryTolerance;
  /** Whether the tolerance's units are of |dy|, not of |dx|. */
  readonly relativeToDy?: boolean;
}

/** dx = dy * f'(v), where v is the op's input or its output. */
function unaryBackward<A extends object = Record<never, never>, U = undefined>(
  name: string,
  spec: BackwardSpec<A, U>,
) {
  const options = spec.options ?? [undefined];
  const op = defineOp({
    name,
    summary: spec.summary,
    inputs: ['dy', 'v'],
    attributes: (given: U | undefined) => spec.attributes?.(given) ?? ({} as A),
    infer({ dy, v }) {
      expectDType(name, { dy, v }, 'f32');
      expectSameShape(name, { dy, v });
      return v;
    },
    reference: ({ dy, v }, attrs) => v.data.map((value, i) => spec.evaluate(dy.data[i]!, value, attrs)),
    backward: {
      dy: ({ grad, v, attrs }): Value => op(grad, v, attrs as unknown as U),
      v: ({ grad, dy, v, attrs }): Value | null => spec.second({ grad, dy, v, attrs }),
    },
    kernels: elementwise<'dy' | 'v', A>(`${snake(name)}_f32`, ['dy', 'v', 'output'], ({ output, attrs }) => {
      const { a = 0, b = 0 } = spec.params?.(attrs) ?? {};
      return { size: output.shape.reduce((p, q) => p * q, 1), a, b };
    }),
    inPlace: ['dy', 'v'],
    linear: ['dy'],
    samples: shapes.flatMap((shape) =>
      options.map((option) => ({
        inputs: { dy: { shape }, v: { shape, ...spec.sample } },
        options: option as U,
      })),
    ),
    errors: [
      {
        types: { dy: f32([3]), v: f32([2, 3]) },
        options: options[0] as U,
        message: `${name}: shapes differ, dy is [3], v is [2,3]`,
      },
    ],
    tolerance: tolerances(spec.tolerance, 4, spec.relativeToDy ?? false),
    magnitude: ({ dy }) => dy.data,
  });
  return op;
}

/** Away from a kink at zero. */
const signed = { domain: [0.1, 3], signed: true } as const;

export const neg = unary('neg', {
  summary: 'y = -x',
  evaluate: (x) => -x,
  backward: ({ grad }): Value => neg(grad),
  linear: true,
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

/** The sign: -1, 0 or 1. Its gradient is zero almost everywhere. */
export const sign = unary('sign', {
  summary: 'y = -1, 0 or 1',
  evaluate: Math.sign,
  backward: () => null,
  sample: signed,
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

export const abs = unary('abs', {
  summary: 'y = |x|',
  evaluate: Math.abs,
  backward: ({ grad, x }) => mul(grad, sign(x)),
  sample: signed,
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

// WGSL allows exp an error of 3 + 2|x| ulp (of 2^-23), so 2 * (3 + 2 * 4) units of 2^-24 on this domain.
export const exp = unary('exp', {
  summary: 'y = e^x',
  evaluate: Math.exp,
  backward: ({ grad, output }) => mul(grad, output),
  sample: { domain: [-4, 4] },
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 22 } },
});

// WGSL allows log 3 ulp outside [0.5, 2] and 2^-21 absolute inside.
export const log = unary('log', {
  summary: 'y = ln x',
  evaluate: Math.log,
  backward: ({ grad, x }) => div(grad, x),
  sample: { domain: [0.2, 9] },
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 6, floor: 2 ** -21 } },
});

// WGSL inherits sqrt's error from 1 / inverseSqrt: 2 ulp and 2.5 ulp.
export const sqrt = unary('sqrt', {
  summary: 'y = √x',
  evaluate: Math.sqrt,
  backward: ({ grad, output }) => div(grad, mul(output, scalar(2))),
  sample: { domain: [0.2, 9] },
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 10 } },
});

export const square = unary('square', {
  summary: 'y = x²',
  evaluate: (x) => x * x,
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

/** dx = dy (1 - y²). */
export const tanhBackward = unaryBackward('tanhBackward', {
  summary: 'dx = dy (1 - v²), v = tanh x',
  reads: 'y',
  evaluate: (dy, y) => dy * (1 - y * y),
  second: ({ grad, dy, v }) => mul(mul(mul(grad, dy), scalar(-2)), v),
  sample: { domain: [-0.9, 0.9] },
});

export const tanh = unary('tanh', {
  summary: 'y = tanh x',
  evaluate: Math.tanh,
  backward: ({ grad, output }) => tanhBackward(grad, output),
  sample: { domain: [-5, 5] },
  tolerance: { wasm: { ulps: 6 }, webgpu: { ulps: 40, floor: 1e-7 } },
});

/** dx = dy y (1 - y). */
export const sigmoidBackward = unaryBackward('sigmoidBackward', {
  summary: 'dx = dy v (1 - v), v = sigmoid x',
  reads: 'y',
  evaluate: (dy, y) => dy * y * (1 - y),
  second: ({ grad, dy, v }) => mul(mul(grad, dy), sub(scalar(1), mul(v, scalar(2)))),
  sample: { domain: [0.05, 0.95] },
});

export const sigmoid = unary('sigmoid', {
  summary: 'y = 1 / (1 + e^-x)',
  evaluate: (x) => 1 / (1 + Math.exp(-x)),
  backward: ({ grad, output }) => sigmoidBackward(grad, output),
  sample: { domain: [-8, 8] },
  // exp's error at |x| = 8 passes through 1 / (1 + e): at most 2 * (3 + 16) units, and the division's 5.
  tolerance: { wasm: { ulps: 6 }, webgpu: { ulps: 44 } },
});

/** dx = dy where y > 0, else 0. */
export const reluBackward = unaryBackward('reluBackward', {
  summary: 'dx = dy where v > 0, else 0; v = relu x',
  reads: 'y',
  evaluate: (dy, y) => (y > 0 ? dy : 0),
  second: () => null,
  sample: signed,
});

export const relu = unary('relu', {
  summary: 'y = max(x, 0)',
  evaluate: (x) => (x > 0 ? x : Number.isNaN(x) ? x : 0),
  backward: ({ grad, output }) => reluBackward(grad, output),
  sample: signed,
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

export interface LeakyReluOptions {
  /** Slope for x < 0, default 0.01. */
  readonly negativeSlope?: number;
}

const slope = (options?: LeakyReluOptions) => ({ negativeSlope: options?.negativeSlope ?? 0.01 });

/** dx = dy where x > 0, else slope dy. */
export const leakyReluBackward = unaryBackward('leakyReluBackward', {
  summary: 'dx = dy where v > 0, else negativeSlope · dy; v = x',
  reads: 'x',
  attributes: slope,
  options: [undefined, { negativeSlope: 0.2 }],
  params: ({ negativeSlope }) => ({ a: negativeSlope }),
  evaluate: (dy, x, { negativeSlope }) => (x > 0 ? dy : negativeSlope * dy),
  second: () => null,
  sample: signed,
});

export const leakyRelu = unary('leakyRelu', {
  summary: 'y = x where x > 0, else negativeSlope · x',
  attributes: slope,
  options: [undefined, { negativeSlope: 0.2 }],
  params: ({ negativeSlope }) => ({ a: negativeSlope }),
  evaluate: (x, { negativeSlope }) => (x > 0 ? x : negativeSlope * x),
  backward: ({ grad, x, attrs }) => leakyReluBackward(grad, x, attrs),
  sample: signed,
  tolerance: { wasm: { ulps: 3 }, webgpu: { ulps: 3 } },
});

const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);

/** The error function in double precision: Taylor series below 3, continued fraction above. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 200; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}

const normalCdf = (x: number) => 0.5 * (1 + erf(x * Math.SQRT1_2));
const normalPdf = (x: number) => INV_SQRT_2PI * Math.exp(-0.5 * x * x);

/** dx = dy (Φ(x) + x φ(x)), with Φ and φ the normal distribution and its density. */
export const geluBackward = unaryBackward('geluBackward', {
  summary: 'dx = dy (Φ(v) + v φ(v)), v = x',
  reads: 'x',
  evaluate: (dy, x) => dy * (normalCdf(x) + x * normalPdf(x)),
  // d/dx (Φ + x φ) = φ (2 - x²)
  second({ grad, dy, v }) {
    const density = mul(exp(mul(square(v), scalar(-0.5))), scalar(INV_SQRT_2PI));
    return mul(mul(grad, dy), mul(density, sub(scalar(2), square(v))));
  },
  sample: { domain: [-4, 4] },
  // Φ is off by 4 units of 1 (half of erf's 6, see gelu), in WGSL by 9; |x| φ(x) <= 0.25 times exp's error and its
  // argument's brings 2, in WGSL 3; their sum is at most 1.13 and rounds once, the product too.
  tolerance: { wasm: { ulps: 8 }, webgpu: { ulps: 15 } },
  relativeToDy: true,
});

/** Gaussian error linear unit, the exact form with erf (Hendrycks and Gimpel, 2016). */
export const gelu = unary('gelu', {
  summary: 'y = x Φ(x), Φ the normal distribution',
  evaluate: (x) => x * normalCdf(x),
  backward: ({ grad, x }) => geluBackward(grad, x),
  sample: { domain: [-4, 4] },
  // 1 + erf cancels for negative x, so units are of |x|: on wasm half of erf's 6, of its rounded argument's 0.8 and of
  // one product, and the sum; in WGSL erfc's polynomial, exp and quotient leave 9 units of Φ, and the product 1.
  tolerance: { wasm: { ulps: 5 }, webgpu: { ulps: 10 } },
  magnitude: Math.abs,
});

export interface ClampOptions {
  /** Lower bound, default -Infinity. */
  readonly min?: number;
  /** Upper bound, default Infinity. */
  readonly max?: number;
}

export const clamp = unary('clamp', {
  summary: 'y = min(max(x, min), max)',
  attributes(options?: ClampOptions) {
    const { min = -Infinity, max = Infinity } = options ?? {};
    if (min > max) fail('clamp', `min ${min} is above max ${max}`);
    return { min, max };
  },
  options: [{ min: -0.55, max: 0.55 }, { min: 0 }],
  params: ({ min, max }) => ({ a: min, b: max }),
  evaluate: (x, { min, max }) => Math.min(Math.max(x, min), max),
  backward({ grad, x, attrs: { min, max } }) {
    const zero = scalar(0);
    const above = min === -Infinity ? grad : where(greaterEqual(x, scalar(min)), grad, zero);
    return max === Infinity ? above : where(lessEqual(x, scalar(max)), above, zero);
  },
  sample: { values: [-0.9, -0.5, 0.1, 0.2, 0.7, -0.6, 0.5] },
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
});
