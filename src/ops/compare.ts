import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import type { KernelCall } from '../op.js';
import { broadcastShapes, broadcastStrides, showShape } from '../shape.js';
import { broadcastBinary, elementwise, snake, walkParams } from './common.js';

/** Whether a relation holds, element by element, with broadcasting; both operands f32 or both i32; the result is bool. */
function compare(name: string, symbol: string, holds: (a: number, b: number) => boolean) {
  const kernel = snake(name);
  const variants = (backend: 'wasm' | 'webgpu') =>
    (['f32', 'i32'] as const).map((dtype) => {
      const [base] = elementwise<'a' | 'b', object>(
        `${kernel}_${dtype}`,
        ['a', 'b', 'output'],
        ({ types, output }) =>
          walkParams(output.shape, {
            aStrides: broadcastStrides(types.a.shape, output.shape),
            bStrides: broadcastStrides(types.b.shape, output.shape),
          }),
      )[backend];
      return { ...base!, when: ({ types }: KernelCall<'a' | 'b', object>) => types.a.dtype === dtype };
    });
  return defineOp({
    name,
    summary: `y = a ${symbol} b`,
    inputs: ['a', 'b'],
    infer({ a, b }) {
      if (a.dtype !== b.dtype) {
        fail(
          name,
          `dtypes differ, a is ${a.dtype}${showShape(a.shape)}, b is ${b.dtype}${showShape(b.shape)}`,
        );
      }
      if (a.dtype === 'bool') fail(name, `a must be f32 or i32, it is bool${showShape(a.shape)}`);
      const shape = broadcastShapes(a.shape, b.shape);
      if (!shape)
        fail(name, `shapes don't broadcast, a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`);
      return { shape, dtype: 'bool' as const };
    },
    reference: ({ a, b }, _, [y]) => broadcastBinary(a, b, y!.shape, (p, q) => Number(holds(p, q))),
    backward: { a: null, b: null },
    kernels: { wasm: variants('wasm'), webgpu: variants('webgpu') },
    samples: [
      { inputs: { a: { shape: [4099] }, b: { shape: [] } } },
      { inputs: { a: { shape: [2, 1, 5], values: [1, 2, 3, 4] }, b: { shape: [3, 1], values: [2, 3, 4] } } },
      {
        inputs: {
          a: { shape: [3, 5], dtype: 'i32', domain: [0, 2] },
          b: { shape: [3, 5], dtype: 'i32', domain: [0, 2] },
        },
      },
    ],
    errors: [
      {
        types: { a: { shape: [2], dtype: 'f32' }, b: { shape: [3], dtype: 'f32' } },
        message: `${name}: shapes don't broadcast, a is [2], b is [3]`,
      },
      {
        types: { a: { shape: [2], dtype: 'f32' }, b: { shape: [2], dtype: 'i32' } },
        message: `${name}: dtypes differ, a is f32[2], b is i32[2]`,
      },
    ],
  });
}

export const equal = compare('equal', '=', (a, b) => a === b);
export const notEqual = compare('notEqual', '≠', (a, b) => a !== b);
export const less = compare('less', '<', (a, b) => a < b);
export const lessEqual = compare('lessEqual', '≤', (a, b) => a <= b);
export const greater = compare('greater', '>', (a, b) => a > b);
export const greaterEqual = compare('greaterEqual', '≥', (a, b) => a >= b);
