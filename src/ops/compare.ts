import { defineOp } from '../define.js';
import type { DType } from '../dtype.js';
import type { KernelCall } from '../op.js';
import type { Shape } from '../shape.js';
import { binaryParams, broadcastBinary, broadcastOrFail, expectNumbers, pointwise, snake } from './common.js';

const of = (shape: Shape, dtype: DType) => ({ shape, dtype });

/** A bool is a word of 0 or 1, which the i32 kernel compares. */
const variants = (name: string, backend: 'wasm' | 'webgpu') =>
  (['f32', 'i32'] as const).map((dtype) => {
    const kernel = `${snake(name)}_${dtype}`;
    const [base] = pointwise<'a' | 'b', object>(kernel, ['a', 'b', 'output'], binaryParams)[backend];
    const when = ({ types }: KernelCall<'a' | 'b', object>) =>
      (types.a.dtype === 'f32') === (dtype === 'f32');
    return { ...base!, when };
  });

/** Equal, a row, a column on either side, ranks that differ: with values that repeat, each relation holds here and there. */
const shapes: readonly (readonly [Shape, Shape])[] = [
  [[7, 19], [19]],
  [
    [7, 19],
    [7, 1],
  ],
  [[7, 1], [19]],
  [
    [2, 1, 5],
    [3, 1],
  ],
];

/** Whether a relation holds, element by element, with broadcasting; both operands of one dtype; the result is bool. */
function compare(name: string, symbol: string, holds: (a: number, b: number) => boolean, takesBool = false) {
  const bools = { a: of([2, 17], 'bool'), b: of([17], 'bool') };
  return defineOp({
    name,
    summary: `y = a ${symbol} b`,
    inputs: ['a', 'b'],
    infer({ a, b }) {
      if (!takesBool || a.dtype !== 'bool' || b.dtype !== 'bool') expectNumbers(name, a, b);
      return of(broadcastOrFail(name, { a, b }), 'bool');
    },
    reference: ({ a, b }, _, [y]) => broadcastBinary(a, b, y!.shape, (p, q) => Number(holds(p, q))),
    backward: { a: null, b: null },
    kernels: { wasm: variants(name, 'wasm'), webgpu: variants(name, 'webgpu') },
    samples: [
      { inputs: { a: { shape: [4099] }, b: { shape: [] } } },
      ...(['f32', 'i32'] as const).flatMap((dtype) =>
        shapes.map(([a, b]) => ({
          inputs: {
            a: { shape: a, dtype, values: [1, 2, 3, 4, 2, 1, 3] },
            b: { shape: b, dtype, values: [2, 3, 1, 4, 2] },
          },
        })),
      ),
      ...(takesBool ? [{ inputs: bools }] : []),
    ],
    errors: [
      ...(takesBool ? [] : [{ types: bools, message: `${name}: a must be f32 or i32, it is bool[2,17]` }]),
      {
        types: { a: of([2], 'f32'), b: of([3], 'f32') },
        message: `${name}: shapes don't broadcast, a is [2], b is [3]`,
      },
      {
        types: { a: of([2], 'f32'), b: of([2], 'i32') },
        message: `${name}: dtypes differ, a is f32[2], b is i32[2]`,
      },
    ],
  });
}

export const equal = compare('equal', '=', (a, b) => a === b, true);
export const notEqual = compare('notEqual', '≠', (a, b) => a !== b, true);
export const less = compare('less', '<', (a, b) => a < b);
export const lessEqual = compare('lessEqual', '≤', (a, b) => a <= b);
export const greater = compare('greater', '>', (a, b) => a > b);
export const greaterEqual = compare('greaterEqual', '≥', (a, b) => a >= b);
