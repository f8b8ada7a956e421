import { defineOp } from '../define.js';
import { expectDType } from '../op.js';
import { binaryParams, broadcastBinary, broadcastOrFail, pointwise, snake } from './common.js';
import { EXACT, unary } from './unary_template.js';

const VALUES = { values: [1, Infinity, NaN, -0.5, -Infinity, 0, 3e38, NaN, Infinity, -1e-30, NaN] };

/** Whether each element is NaN. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: PyTorch's name in camelCase.
export const isNaN = unary('isNaN', {
  summary: 'y = whether x is NaN',
  kernel: 'is_nan',
  makes: 'bool',
  evaluate: (x) => Number(Number.isNaN(x)),
  backward: null,
  sample: VALUES,
  tolerance: EXACT,
});

/** Whether each element is +Infinity or -Infinity. */
export const isInfinite = unary('isInfinite', {
  summary: 'y = whether x is ±Infinity',
  makes: 'bool',
  evaluate: (x) => Number(Math.abs(x) === Infinity),
  backward: null,
  sample: VALUES,
  tolerance: EXACT,
});

/** Whether each element is neither NaN nor infinite. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: PyTorch's name in camelCase.
export const isFinite = unary('isFinite', {
  summary: 'y = whether x is a finite number',
  makes: 'bool',
  evaluate: (x) => Number(Number.isFinite(x)),
  backward: null,
  sample: VALUES,
  tolerance: EXACT,
});

export const logicalNot = unary('logicalNot', {
  summary: 'y = not x',
  takes: 'bool',
  evaluate: (x) => 1 - x,
  backward: null,
  tolerance: EXACT,
});

/** y = a relation b of two bool tensors, element by element, with broadcasting. */
function logical(name: string, summary: string, holds: (a: number, b: number) => number) {
  const bool = (shape: readonly number[]) => ({ shape, dtype: 'bool' as const });
  return defineOp({
    name,
    summary,
    inputs: ['a', 'b'],
    infer({ a, b }) {
      expectDType(name, { a, b }, 'bool');
      return bool(broadcastOrFail(name, { a, b }));
    },
    reference: ({ a, b }, _, [y]) => broadcastBinary(a, b, y!.shape, holds),
    backward: { a: null, b: null },
    kernels: pointwise<'a' | 'b', object>(`${snake(name)}_bool`, ['a', 'b', 'output'], binaryParams),
    inPlace: ['a', 'b'],
    samples: [
      { inputs: { a: bool([4099]), b: bool([4099]) } },
      { inputs: { a: bool([]), b: bool([5]) } },
      { inputs: { a: bool([2, 1, 5]), b: bool([3, 1]) } },
      { inputs: { a: bool([7, 19]), b: bool([7, 1]) } },
      { inputs: { a: bool([7, 1]), b: bool([19]) } },
    ],
    errors: [
      {
        types: { a: bool([2]), b: bool([3]) },
        message: `${name}: shapes don't broadcast, a is [2], b is [3]`,
      },
      {
        types: { a: bool([2]), b: { shape: [2], dtype: 'f32' } },
        message: `${name}: b must be bool, it is f32[2]`,
      },
    ],
  });
}

export const logicalAnd = logical('logicalAnd', 'y = a and b', (a, b) => a & b);
export const logicalOr = logical('logicalOr', 'y = a or b', (a, b) => a | b);
export const logicalXor = logical('logicalXor', 'y = a or b, but not both', (a, b) => a ^ b);
