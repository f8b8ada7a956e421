import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type Value } from '../op.js';
import { broadcastShapes, broadcastStrides, forEachOffset, showShape, sizeOf } from '../shape.js';
import { elementwise, walkParams } from './common.js';
import { full } from './fill.js';

/** Elements of `a` where `condition` holds, of `b` elsewhere; the three broadcast. */
export const where = defineOp({
  name: 'where',
  summary: 'y = condition ? a : b',
  inputs: ['condition', 'a', 'b'],
  infer({ condition, a, b }) {
    expectDType('where', { condition }, 'bool');
    expectDType('where', { a, b }, 'f32');
    const values = broadcastShapes(a.shape, b.shape);
    const shape = values && broadcastShapes(condition.shape, values);
    if (!shape) {
      const shapes = `condition is ${showShape(condition.shape)}, a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`;
      fail('where', `shapes don't broadcast, ${shapes}`);
    }
    return f32(shape);
  },
  reference({ condition, a, b }, _, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    const strides = [condition, a, b].map(({ shape }) => broadcastStrides(shape, y!.shape));
    forEachOffset(y!.shape, strides, (i, [c, p, q]) => {
      out[i] = condition.data[c!] ? a.data[p!]! : b.data[q!]!;
    });
    return out;
  },
  backward: {
    condition: null,
    a: ({ grad, condition }): Value => where(condition, grad, full({ shape: [], value: 0 })),
    b: ({ grad, condition }): Value => where(condition, full({ shape: [], value: 0 }), grad),
  },
  kernels: elementwise<'condition' | 'a' | 'b', object>(
    'where_f32',
    ['condition', 'a', 'b', 'output'],
    ({ types, output }) =>
      walkParams(output.shape, {
        cStrides: broadcastStrides(types.condition.shape, output.shape),
        aStrides: broadcastStrides(types.a.shape, output.shape),
        bStrides: broadcastStrides(types.b.shape, output.shape),
      }),
  ),
  samples: [
    { inputs: { condition: { shape: [4099], dtype: 'bool' }, a: { shape: [4099] }, b: { shape: [4099] } } },
    { inputs: { condition: { shape: [3, 1], dtype: 'bool' }, a: { shape: [2, 1, 5] }, b: { shape: [] } } },
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
  ],
});
