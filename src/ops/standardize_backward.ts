import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Launch, type Value, type Variant } from '../op.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { expectSameShape } from './common.js';
import { sumOfLines } from './reduce_kernels.js';
import { rowVariants } from './row_lanes.js';
import {
  cases,
  check,
  complete,
  paramsOf,
  rowUnits,
  type StandardizeOptions,
  scratchOf,
  standardizeKinds,
} from './standardize_call.js';
import {
  layoutOf,
  type StandardizeAttrs,
  standardizeBackwardReference,
  statisticsShape,
} from './standardize_layout.js';
import { backwardRules } from './standardize_rules.js';
import { columnLaunches, gpuRows, joinLaunch, partsOf, sumBytes, walkParams } from './standardize_webgpu.js';

export interface StandardizeBackwardOptions extends StandardizeOptions {
  /** Whether the gradients of weight and bias are wanted too; rows over the batch give them always. */
  readonly affine?: boolean;
}

export const standardizeBackwardKinds: Kinds<StandardizeBackwardOptions> = {
  ...standardizeKinds,
  affine: flag,
};

type BackwardAttrs = StandardizeAttrs & { readonly affine: boolean };

type BackwardNames = 'dy' | 'x' | 'mean' | 'variance' | 'weight?';
type BackwardCall = KernelCall<BackwardNames, BackwardAttrs>;

/**
 * wasm: rows of a unit that adds up the gradients of weight and bias, a line of parts for each, or for all groups of a
 * batch item; 0 where rows leave these gradients whole, or nobody asks for them.
 */
function togetherOf({ types, attrs }: BackwardCall): number {
  const { rows, groups, plane } = layoutOf(types.x.shape, attrs.overBatch);
  if (!attrs.affine || attrs.overBatch) return 0;
  return groups === 1 && plane === 1 ? Math.max(8, Math.ceil(rows / 64)) : 1;
}

const INPUTS = ['dy', 'x', 'mean', 'variance'];

/** dx, and the gradients of weight and bias or nulls. */
const outputsOf = ({ outputs }: BackwardCall) =>
  outputs.length === 1
    ? { dx: 'output', dweight: null, dbias: null }
    : { dx: 'output0', dweight: 'output1', dbias: 'output2' };

/** Rows give dx, and over the batch the other two as well, or parts of them, which two more launches sum by channel. */
const backward: Variant<BackwardNames, BackwardAttrs> = {
  name: 'standardize_backward_f32',
  temporaries(call): Record<string, number> {
    const together = togetherOf(call);
    if (together === 0) return {};
    const { rows, channels } = layoutOf(call.types.x.shape, call.attrs.overBatch);
    const bytes = 4 * channels * Math.ceil(rows / together);
    return { weightParts: bytes, biasParts: bytes };
  },
  launches(call): Launch[] {
    const { types, attrs } = call;
    const layout = layoutOf(types.x.shape, attrs.overBatch);
    const together = togetherOf(call);
    const { dx, dweight, dbias } = outputsOf(call);
    const parts = together ? ['weightParts', 'biasParts'] : attrs.overBatch ? [dweight, dbias] : [null, null];
    const rows = {
      kernel: 'standardize_backward_f32',
      operands: [...INPUTS, 'weight', dx, ...parts],
      params: paramsOf(layout, attrs, types, together),
      units: together ? Math.ceil(layout.rows / together) : rowUnits(layout, attrs.overBatch),
      scratch: scratchOf(layout, attrs.overBatch, 2),
    };
    if (!together) return [rows];
    const lines = sumOfLines(
      Math.ceil(layout.rows / together) / layout.groups,
      layout.groups * layout.channels,
    );
    return [
      rows,
      { ...lines, operands: ['weightParts', dweight] },
      { ...lines, operands: ['biasParts', dbias] },
    ];
  },
};

const gpuLayout = ({ types, attrs }: BackwardCall) => layoutOf(types.x.shape, attrs.overBatch);
const byParts = (call: BackwardCall) => partsOf(gpuLayout(call), call.attrs.overBatch).walkParts > 1;

/** Whether the gradients of weight and bias are sums over columns, parts of which another launch joins. */
const byColumns = (call: BackwardCall) =>
  call.outputs.length > 1 && !call.attrs.overBatch && gpuLayout(call).plane === 1;

/** As on wasm; few long rows are taken apart, and sums over columns or over planes are launches of their own. */
const gpuBackward = rowVariants<BackwardNames, BackwardAttrs>(
  'standardize_backward_f32',
  (call) => gpuRows(gpuLayout(call), call.attrs.overBatch),
  (call, plan): Launch[] => {
    const { types, attrs } = call;
    const { overBatch } = attrs;
    const layout = gpuLayout(call);
    const walk = walkParams(layout, overBatch, plan);
    const params = paramsOf(layout, attrs, types, 0, walk);
    const units = layout.count === 0 ? 0 : layout.rows * walk.walkParts * plan.lanes;
    const { dx, dweight, dbias } = outputsOf(call);
    const kernel = (what: string) => `standardize_${what}_f32${plan.suffix}`;
    const channels = layout.groups * layout.channels;
    if (byParts(call))
      return [
        { kernel: kernel('backward_parts'), operands: [...INPUTS, 'sums'], params, units },
        joinLaunch(channels, walk.walkParts, true, [dweight!, dbias!]),
        {
          kernel: kernel('backward_joined'),
          operands: [...INPUTS, 'weight', dx, dweight, dbias],
          params,
          units,
        },
      ];
    const sums = overBatch ? [dweight, dbias] : [null, null];
    const rows = { kernel: kernel('backward'), operands: [...INPUTS, 'weight', dx, ...sums], params, units };
    if (dweight === null || overBatch) return [rows];
    if (layout.plane === 1) return [rows, ...columnLaunches(layout, params, [dweight, dbias])];
    const operands = [...INPUTS, dweight, dbias];
    const walkRun = layout.plane / (plan.wide ? 4 : 1);
    return [
      rows,
      {
        kernel: kernel('affine_backward'),
        operands,
        params: { ...params, walkRun },
        units: channels * plan.lanes,
      },
    ];
  },
  (call): Record<string, number> =>
    byParts(call) || byColumns(call) ? { sums: sumBytes(gpuLayout(call), call.attrs.overBatch) } : {},
);

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
  kinds: standardizeBackwardKinds,
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
  kernels: { wasm: [backward], webgpu: gpuBackward },
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
