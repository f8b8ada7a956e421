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
import { broadcastShapes, broadcastStrides, showShape } from '../shape.js';
import { broadcastBinary, elementwise, snake, walkParams } from './common.js';
import { equal, greater, less } from './compare.js';
import { full } from './fill.js';
import { where } from './where.js';

type BinaryContext = BackwardContext<object> & { readonly a: Value; readonly b: Value };

interface BinarySpec {
  readonly summary: string;
  readonly evaluate: (a: number, b: number) => number;
  /** Gradients in the shape of the output; the walk sums over what was broadcast. */
  readonly backward: {
    readonly a: (context: BinaryContext) => Value;
    readonly b: (context: BinaryContext) => Value;
  };
  readonly linear?: readonly ('a' | 'b')[];
  readonly a?: Omit<SampleInput, 'shape'>;
  readonly b?: Omit<SampleInput, 'shape'>;
  readonly tolerance?: { readonly [K in 'wasm' | 'webgpu']: Tolerance<unknown> };
}

const scalar = (value: number) => full({ shape: [], value });

/** Shapes of pairs: equal, scalar on either side, row, column, outer, and ranks that differ. */
const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[4099], [4099]],
  [[17], []],
  [[], [2, 3]],
  [[3, 5], [5]],
  [
    [7, 4],
    [7, 1],
  ],
  [
    [3, 1],
    [1, 9],
  ],
  [
    [2, 3, 1, 5],
    [3, 4, 1],
  ],
];

/** y = f(a, b), element by element, f32, with NumPy's broadcasting. */
export function binary(name: string, spec: BinarySpec) {
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['a', 'b'],
    infer({ a, b }) {
      expectDType(name, { a, b }, 'f32');
      const shape = broadcastShapes(a.shape, b.shape);
      if (!shape)
        fail(name, `shapes don't broadcast, a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`);
      return f32(shape);
    },
    reference: ({ a, b }, _, [y]) => broadcastBinary(a, b, y!.shape, spec.evaluate),
    backward: spec.backward,
    kernels: elementwise<'a' | 'b', object>(`${snake(name)}_f32`, ['a', 'b', 'output'], ({ types, output }) =>
      walkParams(output.shape, {
        aStrides: broadcastStrides(types.a.shape, output.shape),
        bStrides: broadcastStrides(types.b.shape, output.shape),
      }),
    ),
    inPlace: ['a', 'b'],
    linear: spec.linear ?? [],
    samples: shapes.map(([a, b]) => ({
      inputs: { a: { shape: a, ...spec.a }, b: { shape: b, ...spec.b } },
    })),
    errors: [
      {
        types: { a: f32([2, 3]), b: f32([2]) },
        message: `${name}: shapes don't broadcast, a is [2,3], b is [2]`,
      },
      {
        types: { a: f32([2, 3]), b: { shape: [3], dtype: 'i32' } },
        message: `${name}: b must be f32, it is i32[3]`,
      },
    ],
    tolerance: spec.tolerance ?? { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
  });
}

export const add = binary('add', {
  summary: 'y = a + b',
  evaluate: (a, b) => a + b,
  backward: { a: ({ grad }) => grad, b: ({ grad }) => grad },
});

export const sub = binary('sub', {
  summary: 'y = a - b',
  evaluate: (a, b) => a - b,
  backward: { a: ({ grad }) => grad, b: ({ grad }) => mul(grad, scalar(-1)) },
});

export const mul = binary('mul', {
  summary: 'y = a · b',
  evaluate: (a, b) => a * b,
  backward: { a: ({ grad, b }) => mul(grad, b), b: ({ grad, a }) => mul(grad, a) },
  linear: ['a', 'b'],
});

export const div = binary('div', {
  summary: 'y = a / b',
  evaluate: (a, b) => a / b,
  backward: {
    a: ({ grad, b }) => div(grad, b),
    b: ({ grad, b, output }) => mul(mul(grad, div(output, b)), scalar(-1)),
  },
  linear: ['a'],
  b: { domain: [0.3, 2], signed: true },
  // WGSL allows division 2.5 ulp of 2^-23.
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 5 } },
});

/** The share of the gradient that goes to the operand that wins; ties are split, as in PyTorch. */
const winner = (grad: Value, wins: Value, ties: Value): Value =>
  mul(grad, where(wins, scalar(1), where(ties, scalar(0.5), scalar(0))));

export const maximum = binary('maximum', {
  summary: 'y = max(a, b)',
  evaluate: Math.max,
  backward: {
    a: ({ grad, a, b }) => winner(grad, greater(a, b), equal(a, b)),
    b: ({ grad, a, b }) => winner(grad, less(a, b), equal(a, b)),
  },
  a: { distinct: true },
  // Off the grid of a by a quarter of its spacing or more, whatever the sizes.
  b: { distinct: true, domain: [-1, 1.005] },
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

export const minimum = binary('minimum', {
  summary: 'y = min(a, b)',
  evaluate: Math.min,
  backward: {
    a: ({ grad, a, b }) => winner(grad, less(a, b), equal(a, b)),
    b: ({ grad, a, b }) => winner(grad, greater(a, b), equal(a, b)),
  },
  a: { distinct: true },
  // Off the grid of a by a quarter of its spacing or more, whatever the sizes.
  b: { distinct: true, domain: [-1, 1.005] },
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});
