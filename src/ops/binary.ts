import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import {
  type BackwardContext,
  type ErrorCase,
  expectDType,
  f32,
  type Sample,
  type SampleInput,
  type TensorType,
  type Tolerance,
  type Value,
} from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { binaryParams, broadcastBinary, broadcastOrFail, expectNumbers, pointwise, snake } from './common.js';
import { equal, greater, less } from './compare.js';
import { scalar } from './fill.js';
import { where } from './where.js';

type BinaryContext = BackwardContext<object> & { readonly a: Value; readonly b: Value };

interface BinarySpec {
  readonly summary: string;
  readonly evaluate: (a: number, b: number) => number;
  /** The same on i32, for an op that takes both. */
  readonly integer?: (a: number, b: number) => number;
  /** What to do with i32 operands, for an op that takes none. */
  readonly advice?: string;
  /** Whether i32 kernels report a b of 0. */
  readonly divides?: boolean;
  /** Gradients in the shape of the output; the walk sums over what was broadcast. A rule gives null for zero. */
  readonly backward: {
    readonly a: (context: BinaryContext) => Value | null;
    readonly b: (context: BinaryContext) => Value | null;
  };
  readonly linear?: readonly ('a' | 'b')[];
  readonly a?: Omit<SampleInput, 'shape'>;
  readonly b?: Omit<SampleInput, 'shape'>;
  readonly samples?: readonly Sample<'a' | 'b', object>[];
  readonly tolerance?: { readonly [K in 'wasm' | 'webgpu']: Tolerance<unknown> };
  /** Of one element, where the tolerance asks for it. */
  readonly magnitude?: (a: number, b: number) => number;
}

type BinaryTypes = { readonly a: TensorType; readonly b: TensorType };

/** Shapes of pairs: equal, scalar on either side, row, column, outer, and ranks that differ. */
const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[4099], [4099]],
  [[17], []],
  [[], [2, 3]],
  [[3, 5], [5]],
  [
    [7, 11],
    [7, 1],
  ],
  [
    [3, 1],
    [1, 11],
  ],
  [
    [2, 3, 1, 5],
    [3, 4, 1],
  ],
];

/** Both ends of i32 among small numbers, none of them 0. */
const WHOLE_A = [7, -7, 2147483647, -2147483648, 1, 46341, -5];
const WHOLE_B = [3, -2, 2147483647, -1, 5];

function inferBinary(name: string, spec: BinarySpec, { a, b }: BinaryTypes): TensorType {
  if (!spec.integer) {
    const whole = [a, b].some(({ dtype }) => dtype === 'i32');
    if (whole && spec.advice) {
      const shown = `a is ${a.dtype}${showShape(a.shape)}, b is ${b.dtype}${showShape(b.shape)}`;
      fail(name, `takes f32 alone, ${shown}; ${spec.advice}`);
    }
    expectDType(name, { a, b }, 'f32');
  } else expectNumbers(name, a, b);
  return { shape: broadcastOrFail(name, { a, b }), dtype: a.dtype };
}

/** One variant per dtype. */
function variants(name: string, spec: BinarySpec, backend: 'wasm' | 'webgpu') {
  return (spec.integer ? (['f32', 'i32'] as const) : (['f32'] as const)).map((dtype) => {
    const reports = spec.divides && dtype === 'i32' ? ['fault'] : [];
    const [base] = pointwise<'a' | 'b', object>(
      `${snake(name)}_${dtype}`,
      ['a', 'b', 'output', ...reports],
      binaryParams,
    )[backend];
    return { ...base!, when: ({ types }: { readonly types: BinaryTypes }) => types.a.dtype === dtype };
  });
}

const zeroAt = ({ a, b }: BinaryTypes, _: object, [at]: readonly [number, number]): string =>
  `element ${at} of b is 0, a is i32${showShape(a.shape)}, b is i32${showShape(b.shape)}`;

/** Whole numbers that are broadcast in every way. */
const WHOLES: readonly { a: SampleInput; b: SampleInput }[] = [
  {
    a: { shape: [67, 63], dtype: 'i32', values: WHOLE_A },
    b: { shape: [63], dtype: 'i32', values: WHOLE_B },
  },
  {
    a: { shape: [7, 11], dtype: 'i32', values: WHOLE_A },
    b: { shape: [7, 1], dtype: 'i32', values: WHOLE_B },
  },
  {
    a: { shape: [7, 1], dtype: 'i32', values: WHOLE_A },
    b: { shape: [11], dtype: 'i32', values: WHOLE_B },
  },
  {
    a: { shape: [2, 3, 1, 5], dtype: 'i32', values: WHOLE_A },
    b: { shape: [3, 4, 1], dtype: 'i32', values: WHOLE_B },
  },
];

function errorsOf(name: string, spec: BinarySpec): ErrorCase<'a' | 'b', object>[] {
  return [
    {
      types: { a: f32([2, 3]), b: f32([2]) },
      message: `${name}: shapes don't broadcast, a is [2,3], b is [2]`,
    },
    {
      types: { a: f32([2, 3]), b: { shape: [3], dtype: 'i32' } },
      message: spec.integer
        ? `${name}: dtypes differ, a is f32[2,3], b is i32[3]`
        : spec.advice
          ? `${name}: takes f32 alone, a is f32[2,3], b is i32[3]; ${spec.advice}`
          : `${name}: b must be f32, it is i32[3]`,
    },
    {
      types: { a: { shape: [2], dtype: 'bool' }, b: { shape: [2], dtype: 'bool' } },
      message: `${name}: a must be ${spec.integer ? 'f32 or i32' : 'f32'}, it is bool[2]`,
    },
  ];
}

/** y = f(a, b), element by element, with NumPy's broadcasting: of f32, where it makes sense of i32. */
export function binary(name: string, spec: BinarySpec) {
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['a', 'b'],
    infer: (types) => inferBinary(name, spec, types),
    reference({ a, b }, attrs, [y]) {
      if (a.dtype !== 'i32') return broadcastBinary(a, b, y!.shape, spec.evaluate);
      const zero = spec.divides && sizeOf(y!.shape) > 0 ? b.data.indexOf(0) : -1;
      if (zero >= 0) fail(name, zeroAt({ a, b }, attrs, [zero, 0]));
      return broadcastBinary(a, b, y!.shape, spec.integer!);
    },
    backward: spec.backward,
    kernels: { wasm: variants(name, spec, 'wasm'), webgpu: variants(name, spec, 'webgpu') },
    inPlace: ['a', 'b'],
    linear: spec.linear ?? [],
    ...(spec.divides && { fault: zeroAt }),
    samples: [
      ...shapes.map(([a, b]) => ({
        inputs: { a: { shape: a, ...spec.a }, b: { shape: b, ...spec.b } },
      })),
      ...(spec.integer ? WHOLES.map((inputs) => ({ inputs })) : []),
      ...(spec.samples ?? []),
    ],
    errors: errorsOf(name, spec),
    tolerance: spec.tolerance ?? { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
    magnitude: ({ a, b }, _, [y]) => broadcastBinary(a, b, y!.shape, spec.magnitude!),
  });
}

export const add = binary('add', {
  summary: 'y = a + b',
  evaluate: (a, b) => a + b,
  integer: (a, b) => (a + b) | 0,
  backward: { a: ({ grad }) => grad, b: ({ grad }) => grad },
});

export const sub = binary('sub', {
  summary: 'y = a - b',
  evaluate: (a, b) => a - b,
  integer: (a, b) => (a - b) | 0,
  backward: { a: ({ grad }) => grad, b: ({ grad }) => mul(grad, scalar(-1)) },
});

export const mul = binary('mul', {
  summary: 'y = a · b',
  evaluate: (a, b) => a * b,
  integer: Math.imul,
  backward: { a: ({ grad, b }) => mul(grad, b), b: ({ grad, a }) => mul(grad, a) },
  linear: ['a', 'b'],
});

export const div = binary('div', {
  summary: 'y = a / b',
  evaluate: (a, b) => a / b,
  advice: 'cast() to f32, or use floorDivide',
  backward: {
    a: ({ grad, b }) => div(grad, b),
    b: ({ grad, b, output }) => mul(mul(grad, div(output, b)), scalar(-1)),
  },
  linear: ['a'],
  b: { domain: [0.3, 2], signed: true },
  // WGSL allows division 2.5 ulp of 2^-23.
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 5 } },
});

/** The share of the gradient that goes to an operand; ties are split, as in PyTorch. */
const share = (grad: Value, loses: Value, ties: Value): Value =>
  mul(grad, where(loses, scalar(0), where(ties, scalar(0.5), scalar(1))));

export const maximum = binary('maximum', {
  summary: 'y = max(a, b)',
  evaluate: Math.max,
  integer: Math.max,
  backward: {
    a: ({ grad, a, b }) => share(grad, less(a, b), equal(a, b)),
    b: ({ grad, a, b }) => share(grad, greater(a, b), equal(a, b)),
  },
  a: { distinct: true },
  // Off the grid of a by a quarter of its spacing or more, whatever the sizes.
  b: { distinct: true, domain: [-1, 1.005] },
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});

export const minimum = binary('minimum', {
  summary: 'y = min(a, b)',
  evaluate: Math.min,
  integer: Math.min,
  backward: {
    a: ({ grad, a, b }) => share(grad, greater(a, b), equal(a, b)),
    b: ({ grad, a, b }) => share(grad, less(a, b), equal(a, b)),
  },
  a: { distinct: true },
  // Off the grid of a by a quarter of its spacing or more, whatever the sizes.
  b: { distinct: true, domain: [-1, 1.005] },
  tolerance: { wasm: { ulps: 0 }, webgpu: { ulps: 0 } },
});
