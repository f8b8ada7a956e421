import { LOST_POWER } from '../bounds.js';
import type { Value } from '../op.js';
import { mul } from './binary.js';
import { permute, reshape } from './layout.js';
import { countOf, oneIn101, reduce, reduceSamples } from './reduce_common.js';
import { byDType } from './reduce_kernels.js';
import { exclusiveProducts } from './scan.js';

/** x with the reduced axes as one, where `axis` says, and the way back. */
function joined(x: Value, axes: readonly number[]) {
  if (axes.length === 1) return { rows: x, axis: axes[0]!, back: (y: Value) => y };
  const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...others, ...axes];
  const turned = permute(x, { axes: order });
  const rows = reshape(turned, {
    shape: [...others.map((axis) => x.shape[axis]!), countOf(x.shape, axes)],
  });
  const back = (y: Value) =>
    permute(reshape(y, { shape: turned.shape }), { axes: order.map((_, axis) => order.indexOf(axis)) });
  return { rows, axis: others.length, back };
}

const factors = { domain: [0.9, 1.1], signed: true } as const;

/** The product over the axes, 1 of nothing; of i32 and bool in i32, which wraps. */
export const prod = reduce('prod', {
  summary: 'y = Π x over the axes',
  dtypes: { f32: 'f32', i32: 'i32', bool: 'i32' },
  kernels: byDType('prod'),
  evaluate: (group, _, dtype) =>
    dtype === 'f32' ? group.reduce((a, b) => a * b, 1) : group.reduce(Math.imul, 1),
  // Each element's gradient is the product of all others, made without division: right also where some are zero.
  backward({ grad, x, attrs, keep }) {
    const { rows, axis, back } = joined(x, attrs.axes);
    return mul(keep(grad), back(exclusiveProducts(rows, axis)));
  },
  words: { i32: { values: [3, -5, 7, 9, -11, 13, 17, 1, -1, 5, 15] }, bool: oneIn101(0, 1) },
  // Few enough factors for central differences in f64 to be good to 1e-7.
  samples: [
    { inputs: { x: { shape: [131], ...factors } } },
    ...reduceSamples({ ...factors }).slice(1),
    { inputs: { x: { shape: [3, 4], values: [2, 0, 3, -1, 0, 5, 0, 2, 1, 2, 3, 4] } }, options: { axes: 1 } },
    { inputs: { x: { shape: [2, 3, 2], values: [2, 0, 3, -1, 1.5] } }, options: { axes: [0, 2] } },
  ],
  ulps: (count) => count,
  // What a product below the normal numbers loses, of any part of the elements, grows with the others.
  magnitude: (group) =>
    Math.abs(group.reduce((a, b) => a * b, 1)) +
    LOST_POWER * group.reduce((a, b) => a * Math.max(1, Math.abs(b)), 1),
});
