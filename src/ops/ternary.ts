import { LOST_POWER } from '../bounds.js';
import { defineOp } from '../define.js';
import { type Kinds, number } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { div, mul, sub } from './binary.js';
import { referenceOfThree, threeParams, triples } from './broadcast_three.js';
import { broadcastOrFail, pointwise } from './common.js';
import { scalar } from './fill.js';

/** a + weight (b - a), taken from the nearer end so that weights 0 and 1 give a and b, as in PyTorch. */
export const lerp = defineOp({
  name: 'lerp',
  summary: 'y = a + weight (b - a)',
  inputs: ['a', 'b', 'weight'],
  infer(types) {
    expectDType('lerp', types, 'f32');
    return f32(broadcastOrFail('lerp', types));
  },
  reference: ({ a, b, weight }, _, [y]) =>
    referenceOfThree([a, b, weight], y!.shape, (p, q, w) =>
      Math.abs(w) < 0.5 ? p + w * (q - p) : q - (q - p) * (1 - w),
    ),
  backward: {
    a: ({ grad, weight }) => mul(grad, sub(scalar(1), weight)),
    b: ({ grad, weight }) => mul(grad, weight),
    weight: ({ grad, a, b }) => mul(grad, sub(b, a)),
  },
  kernels: pointwise<'a' | 'b' | 'weight', object>(
    'lerp_f32',
    ['a', 'b', 'weight', 'output'],
    ({ types, output }) => ({ ...threeParams(output.shape, [types.a, types.b, types.weight]), value: 0 }),
  ),
  inPlace: ['a', 'b', 'weight'],
  samples: triples.map(([a, b, weight]) => ({
    inputs: { a: { shape: a }, b: { shape: b }, weight: { shape: weight, domain: [-0.2, 1.2] } },
  })),
  errors: [
    {
      types: { a: f32([2]), b: f32([3]), weight: f32([]) },
      message: "lerp: shapes don't broadcast, a is [2], b is [3], weight is []",
    },
    {
      types: { a: f32([2]), b: f32([2]), weight: { shape: [2], dtype: 'i32' } },
      message: 'lerp: weight must be f32, it is i32[2]',
    },
  ],
  // Difference, 1 - weight, product and sum.
  tolerance: { wasm: { ulps: 4, magnitude: 'declared' }, webgpu: { ulps: 4, magnitude: 'declared' } },
  magnitude: ({ a, b, weight }, _, [y]) =>
    referenceOfThree([a, b, weight], y!.shape, (p, q, w) => (Math.abs(p) + Math.abs(q)) * (1 + Math.abs(w))),
});

export interface AddcOptions {
  /** Factor of what is added, default 1. */
  readonly value?: number;
}

export const addcKinds: Kinds<AddcOptions> = { value: number };

interface AddcAttrs {
  readonly value: number;
}

type Operands = 'x' | 'a' | 'b';
type Types = { readonly [K in Operands]: TensorType };

const scaleOf = (options?: AddcOptions): AddcAttrs => ({ value: options?.value ?? 1 });

const inferAddc = (name: string) => (types: Types) => {
  expectDType(name, types, 'f32');
  return f32(broadcastOrFail(name, types));
};

const addcKernels = (kernel: string) =>
  pointwise<Operands, AddcAttrs>(
    kernel,
    ['x', 'a', 'b', 'output'],
    ({ types, output, attrs }: KernelCall<Operands, AddcAttrs>) => ({
      ...threeParams(output.shape, [types.x, types.a, types.b]),
      value: attrs.value,
    }),
  );

const addcSamples = (b: { domain?: readonly [number, number]; signed?: boolean }) =>
  triples.map(([x, a, last], i) => ({
    inputs: { x: { shape: x }, a: { shape: a }, b: { shape: last, ...b } },
    options: i === 0 ? undefined : { value: -0.7 },
  }));

const addcErrors = (name: string) => [
  {
    types: { x: f32([2]), a: f32([3]), b: f32([]) },
    message: `${name}: shapes don't broadcast, x is [2], a is [3], b is []`,
  },
  {
    types: { x: f32([2]), a: f32([2]), b: { shape: [2], dtype: 'i32' as const } },
    message: `${name}: b must be f32, it is i32[2]`,
  },
];

/** x + value a b, the three with broadcasting. */
export const addcmul = defineOp({
  name: 'addcmul',
  summary: 'y = x + value · a · b',
  inputs: ['x', 'a', 'b'],
  kinds: addcKinds,
  attributes: scaleOf,
  infer: inferAddc('addcmul'),
  reference: ({ x, a, b }, { value }, [y]) =>
    referenceOfThree([x, a, b], y!.shape, (p, q, r) => p + value * q * r),
  backward: {
    x: ({ grad }) => grad,
    a: ({ grad, b, attrs: { value } }): Value => mul(mul(grad, scalar(value)), b),
    b: ({ grad, a, attrs: { value } }): Value => mul(mul(grad, scalar(value)), a),
  },
  kernels: addcKernels('addcmul_f32'),
  inPlace: ['x', 'a', 'b'],
  samples: addcSamples({}),
  errors: addcErrors('addcmul'),
  // The value, two products and the sum. What value a loses below the normal numbers is multiplied by b.
  tolerance: { wasm: { ulps: 4, magnitude: 'declared' }, webgpu: { ulps: 4, magnitude: 'declared' } },
  magnitude: ({ x, a, b }, { value }, [y]) =>
    referenceOfThree(
      [x, a, b],
      y!.shape,
      (p, q, r) => Math.abs(p) + (Math.abs(value * q) + LOST_POWER) * Math.abs(r),
    ),
});

/** x + value a / b, the three with broadcasting. */
export const addcdiv = defineOp({
  name: 'addcdiv',
  summary: 'y = x + value · a / b',
  inputs: ['x', 'a', 'b'],
  kinds: addcKinds,
  attributes: scaleOf,
  infer: inferAddc('addcdiv'),
  reference: ({ x, a, b }, { value }, [y]) =>
    referenceOfThree([x, a, b], y!.shape, (p, q, r) => p + (value * q) / r),
  backward: {
    x: ({ grad }) => grad,
    a: ({ grad, b, attrs: { value } }): Value => div(mul(grad, scalar(value)), b),
    b: ({ grad, a, b, attrs: { value } }): Value => div(mul(mul(grad, scalar(-value)), a), mul(b, b)),
  },
  kernels: addcKernels('addcdiv_f32'),
  inPlace: ['x', 'a', 'b'],
  samples: addcSamples({ domain: [0.3, 2], signed: true }),
  errors: addcErrors('addcdiv'),
  // The value, a product, the quotient (5 units in WGSL) and the sum. What value a loses is divided by b.
  tolerance: { wasm: { ulps: 4, magnitude: 'declared' }, webgpu: { ulps: 8, magnitude: 'declared' } },
  magnitude: ({ x, a, b }, { value }, [y]) =>
    referenceOfThree(
      [x, a, b],
      y!.shape,
      (p, q, r) => Math.abs(p) + (Math.abs(value * q) + LOST_POWER) / Math.abs(r),
    ),
});
