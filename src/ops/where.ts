import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, type Value } from '../op.js';
import { showShape } from '../shape.js';
import { referenceOfThree, threeParams, triples } from './broadcast_three.js';
import { broadcastOrFail, pointwise } from './common.js';
import { scalar } from './fill.js';

/** Elements of `a` where `condition` holds, of `b` elsewhere; the three broadcast. Any dtype, the same for a and b. */
export const where = defineOp({
  name: 'where',
  summary: 'y = condition ? a : b',
  inputs: ['condition', 'a', 'b'],
  infer({ condition, a, b }) {
    expectDType('where', { condition }, 'bool');
    if (a.dtype !== b.dtype) {
      const shown = `a is ${a.dtype}${showShape(a.shape)}, b is ${b.dtype}${showShape(b.shape)}`;
      fail('where', `dtypes differ, ${shown}`);
    }
    return { shape: broadcastOrFail('where', { condition, a, b }), dtype: a.dtype };
  },
  reference: ({ condition, a, b }, _, [y]) =>
    referenceOfThree([condition, a, b], y!.shape, (c, p, q) => (c ? p : q)),
  backward: {
    condition: null,
    a: ({ grad, condition }): Value => where(condition, grad, scalar(0)),
    b: ({ grad, condition }): Value => where(condition, scalar(0), grad),
  },
  kernels: pointwise<'condition' | 'a' | 'b', object>(
    'where_u32',
    ['condition', 'a', 'b', 'output'],
    ({ types, output }) => ({ ...threeParams(output.shape, [types.condition, types.a, types.b]), value: 0 }),
  ),
  inPlace: ['a', 'b'],
  samples: [
    ...triples.map(([condition, a, b]) => ({
      inputs: { condition: { shape: condition, dtype: 'bool' as const }, a: { shape: a }, b: { shape: b } },
    })),
    ...(['i32', 'bool'] as const).map((dtype) => ({
      inputs: {
        condition: { shape: [2, 1, 5], dtype: 'bool' as const },
        a: { shape: [3, 5], dtype, domain: [-9, 9] as const },
        b: { shape: [3, 1], dtype, domain: [-9, 9] as const },
      },
    })),
  ],
  errors: [
    {
      types: {
        condition: { shape: [2], dtype: 'f32' },
        a: { shape: [2], dtype: 'f32' },
        b: { shape: [2], dtype: 'f32' },
      },
      message: 'where: condition must be bool, it is f32[2]',
    },
    {
      types: {
        condition: { shape: [2], dtype: 'bool' },
        a: { shape: [3], dtype: 'f32' },
        b: { shape: [], dtype: 'f32' },
      },
      message: "where: shapes don't broadcast, condition is [2], a is [3], b is []",
    },
    {
      types: {
        condition: { shape: [2], dtype: 'bool' },
        a: { shape: [2], dtype: 'f32' },
        b: { shape: [], dtype: 'i32' },
      },
      message: 'where: dtypes differ, a is f32[2], b is i32[]',
    },
  ],
});
