/**
 * An op of one's own: the gate of a SwiGLU layer, silu(a) b in one pass over memory (Shazeer, "GLU Variants Improve
 * Transformer", 2020). Its gradient with respect to `a` is an op with kernels too.
 */
import { defineOp, elementwise, expectDType, expectSameShape, ops, sizeOf, type Value } from 'weft';

export { kernels } from './kernels.js';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const scalar = (value: number): Value => ops.full({ shape: [], value });
const f32 = (shape: readonly number[]) => ({ shape, dtype: 'f32' }) as const;

/** Sizes round the four lanes of a vector, a prime, and more than one block of 512. */
const SHAPES = [[], [3], [4], [2, 17], [4099]];

/** silu''(a) = s (1 - s) (2 + a (1 - 2 s)) with s = 1 / (1 + e^-a). */
function siluCurvature(a: Value): Value {
  const s = ops.sigmoid(a);
  const rest = ops.sub(scalar(1), s);
  return ops.mul(ops.mul(s, rest), ops.add(scalar(2), ops.mul(a, ops.sub(rest, s))));
}

export const swiGluBackward = defineOp({
  name: 'swiGluBackward',
  summary: "da = dy b silu'(a)",
  inputs: ['dy', 'a', 'b'],
  infer({ dy, a, b }) {
    expectDType('swiGluBackward', { dy, a, b }, 'f32');
    expectSameShape('swiGluBackward', { dy, a, b });
    return a;
  },
  reference: ({ dy, a, b }) =>
    a.data.map((x, i) => {
      const s = sigmoid(x);
      return dy.data[i]! * b.data[i]! * s * (1 + x * (1 - s));
    }),
  backward: {
    dy: ({ grad, a, b }): Value => swiGluBackward(grad, a, b),
    a: ({ grad, dy, a, b }) => ops.mul(ops.mul(grad, dy), ops.mul(b, siluCurvature(a))),
    b: ({ grad, dy, a }): Value => swiGluBackward(dy, a, grad),
  },
  cost: ({ output }) => ({ flops: 9 * sizeOf(output.shape) }),
  kernels: elementwise('swi_glu_backward_f32', ['dy', 'a', 'b', 'output'], ({ output }) => ({
    size: sizeOf(output.shape),
  })),
  inPlace: ['dy', 'a', 'b'],
  linear: ['dy', 'b'],
  samples: SHAPES.map((shape) => ({
    inputs: { dy: { shape }, a: { shape, domain: [-4, 4] }, b: { shape } },
  })),
  errors: [
    {
      types: { dy: f32([3]), a: f32([2, 3]), b: f32([2, 3]) },
      message: 'swiGluBackward: shapes differ, dy is [3], a is [2,3], b is [2,3]',
    },
  ],
  // Let e be the relative error of s in units of 2^-24: 6 on wasm, 28 on webgpu, as derived for swiGlu below. Then that
  // of 1 - s is at most e s + (1 - s), absolute; through the product with a, the sum with 1 and the last four products
  // this makes at most (e + 6) units of |dy b| s (1 + |a|).
  tolerance: { wasm: { ulps: 12, magnitude: 'declared' }, webgpu: { ulps: 34, magnitude: 'declared' } },
  magnitude: ({ dy, a, b }) =>
    a.data.map((x, i) => Math.abs(dy.data[i]! * b.data[i]!) * sigmoid(x) * (1 + Math.abs(x))),
});

export const swiGlu = defineOp({
  name: 'swiGlu',
  summary: 'y = silu(a) b, silu(a) = a / (1 + e^-a)',
  inputs: ['a', 'b'],
  infer({ a, b }) {
    expectDType('swiGlu', { a, b }, 'f32');
    expectSameShape('swiGlu', { a, b });
    return a;
  },
  reference: ({ a, b }) => a.data.map((x, i) => x * sigmoid(x) * b.data[i]!),
  backward: {
    a: ({ grad, a, b }) => swiGluBackward(grad, a, b),
    b: ({ grad, a }): Value => swiGlu(a, grad),
  },
  cost: ({ output }) => ({ flops: 4 * sizeOf(output.shape) }),
  kernels: elementwise('swi_glu_f32', ['a', 'b', 'output'], ({ output }) => ({ size: sizeOf(output.shape) })),
  inPlace: ['a', 'b'],
  linear: ['b'],
  samples: SHAPES.map((shape) => ({ inputs: { a: { shape, domain: [-4, 4] }, b: { shape } } })),
  errors: [
    {
      types: { a: { shape: [2, 3], dtype: 'i32' }, b: f32([2, 3]) },
      message: 'swiGlu: a must be f32, it is i32[2,3]',
    },
    { types: { a: f32([3]), b: f32([2, 3]) }, message: 'swiGlu: shapes differ, a is [3], b is [2,3]' },
  ],
  // Units of 2^-24. wasm: e^-|a| is within 2 ulp, 4 units, which s passes on at most in full; sum, quotient and two
  // products round once each. webgpu: WGSL allows e^-a 3 + 2|a| ulp, 22 units at |a| = 4, and a quotient 2.5 ulp, 5
  // units; the sum and the product round once each.
  tolerance: { wasm: { ulps: 8 }, webgpu: { ulps: 29 } },
});
