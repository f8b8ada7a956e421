import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type Launch, type Value } from '../op.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { expectSameShape } from './common.js';
import { sumOfLines } from './reduce_kernels.js';
import {
  cases,
  check,
  complete,
  paramsOf,
  rowUnits,
  type StandardizeOptions,
  scratchOf,
} from './standardize_call.js';
import {
  layoutOf,
  type StandardizeAttrs,
  standardizeBackwardReference,
  statisticsShape,
} from './standardize_layout.js';
import { backwardRules } from './standardize_rules.js';

export interface StandardizeBackwardOptions extends StandardizeOptions {
  /** Whether the gradients of weight and bias are wanted too; rows over the batch give them always. */
  readonly affine?: boolean;
}

type BackwardAttrs = StandardizeAttrs & { readonly affine: boolean };

type BackwardNames = 'dy' | 'x' | 'mean' | 'variance' | 'weight?';
type BackwardCall = KernelCall<BackwardNames, BackwardAttrs>;

/**
 * wasm: rows of a unit that adds up the gradients of weight and bias, a line of parts for each, or for all groups of a
 * batch item; 0 where rows leave these gradients whole, or nobody asks for them.
 */
function togetherOf({ types, attrs }: BackwardCall, backend: 'wasm' | 'webgpu'): number {
  const { rows, groups, plane } = layoutOf(types.x.shape, attrs.overBatch);
  if (backend === 'webgpu' || !attrs.affine || attrs.overBatch) return 0;
  return groups === 1 && plane === 1 ? Math.max(8, Math.ceil(rows / 64)) : 1;
}

/** Rows give dx, and over the batch the other two as well, or parts of them; else another launch sums these by channel. */
const backward = (backend: 'wasm' | 'webgpu') => ({
  name: 'standardize_backward_f32',
  temporaries(call: BackwardCall): Record<string, number> {
    const together = togetherOf(call, backend);
    if (together === 0) return {};
    const { rows, channels } = layoutOf(call.types.x.shape, call.attrs.overBatch);
    const bytes = 4 * channels * Math.ceil(rows / together);
    return { weightParts: bytes, biasParts: bytes };
  },
  launches(call: BackwardCall): Launch[] {
    const { types, outputs, attrs } = call;
    const layout = layoutOf(types.x.shape, attrs.overBatch);
    const together = togetherOf(call, backend);
    const params = paramsOf(layout, attrs, types, together);
    const [dx, dweight, dbias] = outputs.length === 1 ? ['output'] : ['output0', 'output1', 'output2'];
    const inputs = ['dy', 'x', 'mean', 'variance'];
    const sums = [dweight ?? null, dbias ?? null];
    const channels = layout.groups * layout.channels;
    const parts = together ? ['weightParts', 'biasParts'] : attrs.overBatch ? sums : [null, null];
    const rows = {
      kernel: 'standardize_backward_f32',
      operands: [...inputs, 'weight', dx!, ...parts],
      params,
      units: together ? Math.ceil(layout.rows / together) : rowUnits(layout, attrs.overBatch, backend),
      scratch: scratchOf(layout, attrs.overBatch, 2),
    };
    if (together) {
      const lines = sumOfLines(Math.ceil(layout.rows / together) / layout.groups, channels);
      return [
        rows,
        { ...lines, operands: ['weightParts', dweight!] },
        { ...lines, operands: ['biasParts', dbias!] },
      ];
    }
    const affine = {
      kernel: 'standardize_affine_backward_f32',
      operands: [...inputs, ...sums],
      params,
      units: channels * 64,
    };
    return dweight && !attrs.overBatch ? [rows, affine] : [rows];
  },
});

/**
 * The distance and its scale take 1 + 6 units and h one more, sums over n elements n - 1 roundings and one each of g and
 * the product, an average 2: n + 11 for avg (g h), then 8 for h, its product and two differences 3, s and its product 7.
 */
const backwardUlps = ({ types, attrs }: BackwardCall): number => {
  const { count, batch, plane } = layoutOf(types.x.shape, attrs.overBatch);
  return Math.max(count, batch * plane) + 30;
};

/** The gradients of {@link standardize}'s y, with mean and variance taken as given: dx, and if `affine` dweight, dbias. */
export const standardizeBackward = defineOpWithOutputs({
  name: 'standardizeBackward',
  summary:
    'dx = s (g - avg g - h avg (g h)), g = dy · weight, h = s (x - mean); dweight = Σ dy h; dbias = Σ dy',
  inputs: ['dy', 'x', 'mean', 'variance', 'weight?'],
  attributes(options: StandardizeBackwardOptions | undefined): BackwardAttrs {
    const attrs = complete('standardizeBackward', options);
    const affine = options?.affine ?? false;
    return { ...attrs, affine: attrs.overBatch || affine };
  },
  infer({ dy, x, mean, variance, weight }, attrs) {
    const name = 'standardizeBackward';
    expectDType(name, { dy, mean, variance }, 'f32');
    const layout = check(name, x, { weight }, attrs);
    expectSameShape(name, { dy, x });
    const statistics = statisticsShape(layout, attrs.overBatch);
    for (const [input, type] of Object.entries({ mean, variance })) {
      if (!sameShape(type.shape, statistics))
        fail(name, `${input} must be ${showShape(statistics)}, it is ${showShape(type.shape)}`);
    }
    const affine = f32([layout.groups * layout.channels]);
    return attrs.affine ? [x, affine, affine] : [x];
  },
  reference(inputs, attrs) {
    const all = standardizeBackwardReference(inputs, layoutOf(inputs.x.shape, attrs.overBatch), attrs);
    return attrs.affine ? all : [all[0]];
  },
  backward: backwardRules<BackwardAttrs>((dy, x, mean, variance, attrs): readonly Value[] =>
    standardizeBackward(dy, x, mean, variance, null, { ...attrs, affine: false }),
  ),
  cost: ({ output }) => ({ flops: 14 * sizeOf(output.shape) }),
  kernels: { wasm: [backward('wasm')], webgpu: [backward('webgpu')] },
  linear: ['dy'],
  samples: cases.map(({ shape, affine, domain, values, options }) => {
    const statistics = {
      shape: statisticsShape(layoutOf(shape, options.overBatch ?? false), options.overBatch ?? false),
    };
    const middle = domain ?? [-1, 1];
    return {
      inputs: {
        dy: { shape },
        x: { shape, domain, values },
        mean: { ...statistics, domain: middle },
        variance: { ...statistics, domain: [0.25, 1] as const },
        ...(affine ? { weight: { shape: [shape[1]! * shape[2]!] } } : {}),
      },
      options: { ...options, affine: affine !== undefined },
    };
  }),
  errors: [
    {
      types: { dy: f32([2, 3, 4, 4]), x: f32([2, 3, 4, 5]), mean: f32([2, 3]), variance: f32([2, 3]) },
      options: { eps: 0 },
      message: 'standardizeBackward: shapes differ, dy is [2,3,4,4], x is [2,3,4,5]',
    },
    {
      types: { dy: f32([2, 3, 4, 5]), x: f32([2, 3, 4, 5]), mean: f32([3]), variance: f32([2, 3]) },
      options: { eps: 0 },
      message: 'standardizeBackward: mean must be [2,3], it is [3]',
    },
  ],
  tolerance: {
    wasm: { ulps: backwardUlps, magnitude: 'declared' },
    webgpu: { ulps: backwardUlps, magnitude: 'declared' },
  },
  magnitude(inputs, attrs) {
    const all = standardizeBackwardReference(inputs, layoutOf(inputs.x.shape, attrs.overBatch), attrs, true);
    return attrs.affine ? all : [all[0]];
  },
});
