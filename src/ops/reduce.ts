import type { Value } from '../op.js';
import { div, mul } from './binary.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { countOf, oneIn101, type ReduceAttrs, type ReduceContext, reduce, spread } from './reduce_common.js';
import { byDType } from './reduce_kernels.js';

const total = (group: Float64Array): number => group.reduce((a, b) => a + b, 0);

/** Σ x over the axes; of i32 and bool in i32, which wraps. */
export const sum = reduce('sum', {
  summary: 'y = Σ x over the axes',
  dtypes: { f32: 'f32', i32: 'i32', bool: 'i32' },
  kernels: byDType('sum', { joins: true }),
  evaluate: (group, _, dtype) => (dtype === 'f32' ? total(group) : total(group) | 0),
  backward: (context) => spread(context, context.grad),
  linear: true,
  // One rounding for each addition.
  ulps: (count) => count + 1,
});

/** Σ x / n over the axes; NaN where there is nothing. */
export const mean = reduce('mean', {
  summary: 'y = Σ x / n over the axes',
  dtypes: { f32: 'f32' },
  kernels: [
    {
      kernel: 'sum_f32',
      joins: true,
      leaves: 1,
      rows: 'sum_rows_f32',
      params: ({ types, attrs }) => ({ scale: 1 / countOf(types.x.shape, attrs.axes) }),
    },
  ],
  evaluate: (group) => total(group) / group.length,
  backward(context) {
    const count = countOf(context.x.shape, context.attrs.axes);
    return mul(spread(context, context.grad), scalar(1 / Math.max(1, count)));
  },
  linear: true,
  ulps: (count) => count + 3,
});

/** The gradient goes to the elements that reach the extremum; ties share it equally, as PyTorch's amax does. */
function toExtremum({ grad, x, output, attrs, keep }: ReduceContext<ReduceAttrs>): Value {
  const reached = cast(equal(x, keep(output)), { dtype: 'f32' });
  const count = sum(reached, { axes: attrs.axes, keepDims: true });
  return div(mul(reached, keep(grad)), count);
}

/** NaN where there is one, as Math.max has it. */
const largest = (group: Float64Array) => group.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (group: Float64Array) => group.reduce((a, b) => Math.min(a, b), Infinity);

function extremum(name: string, kind: 'max' | 'min') {
  return reduce(name, {
    summary: kind === 'max' ? 'y = the largest x over the axes' : 'y = the smallest x over the axes',
    dtypes: { f32: 'f32', i32: 'i32' },
    kernels: byDType(kind, { joins: true }),
    empty: () => false,
    evaluate: kind === 'max' ? largest : smallest,
    backward: toExtremum,
    domain: { distinct: true },
    words: { i32: { domain: [-999, 999] } },
  });
}

/** The largest element over the axes; elements that reach it share its gradient equally. */
export const max = extremum('max', 'max');
/** The smallest element over the axes; elements that reach it share its gradient equally. */
export const min = extremum('min', 'min');
/** The same as `max`, under the name that PyTorch gives to a maximum over any axes. */
export const amax = extremum('amax', 'max');
/** The same as `min`, under the name that PyTorch gives to a minimum over any axes. */
export const amin = extremum('amin', 'min');

const f32OrBool = { f32: 'i32', i32: 'i32', bool: 'i32' } as const;

/** How many elements are not zero; NaN is not. */
export const countNonzero = reduce('countNonzero', {
  summary: 'y = how many x are not zero over the axes',
  dtypes: f32OrBool,
  kernels: byDType('count', { joinedBy: 'count_i32' }),
  evaluate: (group) => group.reduce((count, v) => count + Number(v !== 0), 0),
  backward: null,
  more: [{ inputs: { x: { shape: [37, 19], values: [0, 1, -0, 0.5, 0, 2, 3] } }, options: { axes: [1] } }],
});

/** Whether any element over the axes is true; false of nothing. */
export const any = reduce('any', {
  summary: 'y = whether any x is true over the axes',
  dtypes: { bool: 'bool' },
  kernels: [{ kernel: 'any_bool', leaves: 1 }],
  words: { bool: oneIn101(1, 0) },
  evaluate: (group) => Number(group.some(Boolean)),
  backward: null,
  more: [
    { inputs: { x: { shape: [4, 3], dtype: 'bool', values: [0, 0, 0, 1, 0, 0] } }, options: { axes: [1] } },
  ],
});

/** Whether all elements over the axes are true; true of nothing. */
export const all = reduce('all', {
  summary: 'y = whether all x are true over the axes',
  dtypes: { bool: 'bool' },
  kernels: [{ kernel: 'all_bool', leaves: 1 }],
  words: { bool: oneIn101(0, 1) },
  evaluate: (group) => Number(group.every(Boolean)),
  backward: null,
  more: [
    { inputs: { x: { shape: [4, 3], dtype: 'bool', values: [1, 1, 1, 0, 1, 1] } }, options: { axes: [1] } },
  ],
});
