import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type Sample, type TensorType, type Value } from '../op.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { add, mul, sub } from './binary.js';
import { expectRank, expectSameShape } from './common.js';
import { full } from './fill.js';
import { broadcastTo } from './layout.js';
import {
  type Layout,
  layoutOf,
  type StandardizeAttrs,
  standardizeBackwardReference,
  standardizeMagnitude,
  standardizeReference,
  standardizeUlps,
  statisticsShape,
} from './standardize_layout.js';
import { backwardRules, statisticsView } from './standardize_rules.js';

export interface StandardizeOptions {
  readonly eps: number;
  readonly centred?: boolean;
  readonly overBatch?: boolean;
}

export interface StandardizeBackwardOptions extends StandardizeOptions {
  /** Whether the gradients of weight and bias are wanted too; rows over the batch give them always. */
  readonly affine?: boolean;
}

type BackwardAttrs = StandardizeAttrs & { readonly affine: boolean };

const AXES = '[batch, groups, channels, plane]';

const complete = (name: string, options: StandardizeOptions | undefined): StandardizeAttrs => {
  if (!options) fail(name, 'needs options { eps }');
  return { eps: options.eps, centred: options.centred ?? true, overBatch: options.overBatch ?? false };
};

/** Refuses an x that is not [batch, groups, channels, plane], and weights that don't fit it. */
function check(
  name: string,
  x: TensorType,
  affine: Readonly<Record<string, TensorType | null>>,
  attrs: StandardizeAttrs,
): Layout {
  expectDType(name, { x, ...affine }, 'f32');
  expectRank(name, 'x', x, 4, AXES);
  const layout = layoutOf(x.shape, attrs.overBatch);
  if (attrs.overBatch && layout.channels !== 1)
    fail(name, `rows over the batch have one channel per group, x is ${showShape(x.shape)}`);
  for (const [input, type] of Object.entries(affine)) {
    const wanted = [layout.groups * layout.channels];
    if (type && !sameShape(type.shape, wanted))
      fail(name, `${input} must be ${showShape(wanted)}, it is ${showShape(type.shape)}`);
  }
  return layout;
}

const paramsOf = (
  layout: Layout,
  { eps, centred, overBatch }: StandardizeAttrs,
  has: { readonly weight: TensorType | null; readonly bias?: TensorType | null },
) => {
  const { batch, rows, blocks, run, step, groups, channels, plane, count } = layout;
  return {
    batch,
    rows,
    blocks,
    run,
    step,
    groups,
    channels,
    plane,
    eps,
    scale: 1 / Math.max(count, 1),
    centred: Number(centred),
    overBatch: Number(overBatch),
    hasWeight: Number(has.weight !== null),
    hasBias: Number((has.bias ?? null) !== null),
  };
};

type Call = KernelCall<'x' | 'weight?' | 'bias?', StandardizeAttrs>;

/** One wasm unit is a row, one GPU workgroup too. */
const forward = (backend: 'wasm' | 'webgpu') => ({
  name: 'standardize_f32',
  launches({ types, attrs }: Call) {
    const params = paramsOf(layoutOf(types.x.shape, attrs.overBatch), attrs, types);
    return [
      {
        kernel: 'standardize_f32',
        operands: ['x', 'weight', 'bias', 'output0', 'output1', 'output2'],
        params,
        units: backend === 'wasm' ? params.rows : params.rows * 64,
        scratch: 16,
      },
    ];
  },
});

/** x, whether there are weights, and options: rows of one element, tails, and a mean that dwarfs the spread. */
const cases: readonly {
  readonly shape: readonly number[];
  readonly affine?: 'both' | 'weight';
  readonly domain?: readonly [number, number];
  readonly options: StandardizeOptions;
}[] = [
  { shape: [1, 1, 1, 1], affine: 'both', options: { eps: 0.01 } },
  { shape: [3, 1, 19, 1], affine: 'both', options: { eps: 1e-5 } },
  { shape: [2, 3, 2, 7], affine: 'both', options: { eps: 1e-3 } },
  { shape: [5, 2, 3, 1], affine: 'weight', options: { eps: 1e-5, centred: false } },
  { shape: [4, 3, 1, 9], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [17, 2, 1, 1], options: { eps: 1e-5, overBatch: true } },
  { shape: [2, 3, 1, 67], domain: [999.5, 1000.5], options: { eps: 1e-5 } },
  { shape: [3, 2, 1, 5], affine: 'weight', options: { eps: 0, centred: false, overBatch: true } },
];

const affineInputs = ({ shape, affine }: (typeof cases)[number]) => {
  const size = { shape: [shape[1]! * shape[2]!] };
  return { ...(affine ? { weight: size } : {}), ...(affine === 'both' ? { bias: size } : {}) };
};

const samples: Sample<'x' | 'weight?' | 'bias?', StandardizeOptions>[] = cases.map((one) => ({
  inputs: { x: { shape: one.shape, domain: one.domain }, ...affineInputs(one) },
  options: one.options,
}));

const number = (value: number): Value => full({ shape: [], value });

/** By the gradient of y, then by y: the rules of x, weight and bias share one application of the backward op. */
const applied = new WeakMap<Value, WeakMap<Value, readonly Value[]>>();

function gradientsOf(
  dy: Value,
  [y, mean, variance]: readonly Value[],
  { x, weight, bias }: { readonly x: Value; readonly weight: Value | null; readonly bias: Value | null },
  attrs: StandardizeAttrs,
): readonly Value[] {
  const known = applied.get(dy) ?? new WeakMap<Value, readonly Value[]>();
  applied.set(dy, known);
  const held = known.get(y!);
  if (held) return held;
  const affine = weight !== null || bias !== null;
  const made = standardizeBackward(dy, x, mean!, variance!, weight, { ...attrs, affine });
  known.set(y!, made);
  return made;
}

/**
 * Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, then scaled and shifted by channel: what
 * batch, layer, group and instance normalisation have in common, and without the mean RMS and weight normalisation.
 * Outputs: y, and the rows' mean (0 where not centred) and variance (divided by n; about 0 where not centred).
 */
export const standardize = defineOpWithOutputs({
  name: 'standardize',
  summary: 'y = (x - mean) / √(variance + eps) · weight + bias by rows; mean; variance',
  inputs: ['x', 'weight?', 'bias?'],
  attributes: (options: StandardizeOptions | undefined) => complete('standardize', options),
  infer({ x, weight, bias }, attrs) {
    const layout = check('standardize', x, { weight, bias }, attrs);
    const statistics = f32(statisticsShape(layout, attrs.overBatch));
    return [x, statistics, statistics];
  },
  reference: (inputs, attrs) =>
    standardizeReference(inputs, layoutOf(inputs.x.shape, attrs.overBatch), attrs),
  backward: {
    x({ grads: [dy, dmean, dvariance], outputs, x, weight, bias, attrs }): Value | null {
      const layout = layoutOf(x.shape, attrs.overBatch);
      const view = (statistic: Value) => statisticsView(statistic, x, attrs);
      const terms: Value[] = [];
      if (dy) terms.push(gradientsOf(dy, outputs, { x, weight, bias }, attrs)[0]!);
      if (dmean && attrs.centred)
        terms.push(broadcastTo(mul(view(dmean), number(1 / layout.count)), { shape: x.shape }));
      if (dvariance) {
        const distance = sub(x, view(outputs[1]!));
        terms.push(mul(distance, mul(view(dvariance), number(2 / layout.count))));
      }
      return terms.length === 0 ? null : terms.reduce((a, b) => add(a, b));
    },
    weight: ({ grads: [dy], outputs, x, weight, bias, attrs }): Value | null =>
      dy ? gradientsOf(dy, outputs, { x, weight, bias }, attrs)[1]! : null,
    bias: ({ grads: [dy], outputs, x, weight, bias, attrs }): Value | null =>
      dy ? gradientsOf(dy, outputs, { x, weight, bias }, attrs)[2]! : null,
  },
  cost: ({ output }) => ({ flops: 9 * sizeOf(output.shape) }),
  kernels: { wasm: [forward('wasm')], webgpu: [forward('webgpu')] },
  inPlace: ['x'],
  samples,
  errors: [
    {
      types: { x: f32([2, 3]) },
      options: { eps: 0 },
      message: `standardize: x must have 4 axes ${AXES}, it is [2,3]`,
    },
    { types: { x: f32([2, 3, 1, 1]) }, message: 'standardize: needs options { eps }' },
    {
      types: { x: f32([2, 3, 4, 5]), weight: f32([4]) },
      options: { eps: 0 },
      message: 'standardize: weight must be [12], it is [4]',
    },
    {
      types: { x: f32([2, 3, 4, 5]) },
      options: { eps: 0, overBatch: true },
      message: 'standardize: rows over the batch have one channel per group, x is [2,3,4,5]',
    },
    {
      types: { x: { shape: [2, 3, 1, 1], dtype: 'i32' } },
      options: { eps: 0 },
      message: 'standardize: x must be f32, it is i32[2,3,1,1]',
    },
  ],
  tolerance: {
    wasm: { ulps: ulpsOf, magnitude: 'declared' },
    webgpu: { ulps: ulpsOf, magnitude: 'declared' },
  },
  magnitude: (inputs, attrs) =>
    standardizeMagnitude(inputs, layoutOf(inputs.x.shape, attrs.overBatch), attrs),
});

function ulpsOf({ types, attrs }: Call): number {
  return standardizeUlps(layoutOf(types.x.shape, attrs.overBatch).count);
}

type BackwardNames = 'dy' | 'x' | 'mean' | 'variance' | 'weight?';
type BackwardCall = KernelCall<BackwardNames, BackwardAttrs>;

/** Rows give dx, and over the batch the other two as well; else a second launch sums these by channel. */
const backward = (backend: 'wasm' | 'webgpu') => ({
  name: 'standardize_backward_f32',
  launches({ types, outputs, attrs }: BackwardCall) {
    const layout = layoutOf(types.x.shape, attrs.overBatch);
    const params = paramsOf(layout, attrs, types);
    const [dx, dweight, dbias] = outputs.length === 1 ? ['output'] : ['output0', 'output1', 'output2'];
    const inputs = ['dy', 'x', 'mean', 'variance'];
    const sums = [dweight ?? null, dbias ?? null];
    const channels = layout.groups * layout.channels;
    const rows = {
      kernel: 'standardize_backward_f32',
      operands: [...inputs, 'weight', dx!, ...(attrs.overBatch ? sums : [null, null])],
      params,
      units: backend === 'wasm' ? layout.rows : layout.rows * 64,
      scratch: 32,
    };
    const affine = {
      kernel: 'standardize_affine_backward_f32',
      operands: [...inputs, ...sums],
      params,
      units: backend === 'wasm' ? Math.ceil(channels / 16) : channels * 64,
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
    return { ...attrs, affine: attrs.overBatch || (options?.affine ?? false) };
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
  samples: cases.map(({ shape, affine, domain, options }) => {
    const statistics = {
      shape: statisticsShape(layoutOf(shape, options.overBatch ?? false), options.overBatch ?? false),
    };
    const middle = domain ?? [-1, 1];
    return {
      inputs: {
        dy: { shape },
        x: { shape, domain },
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
