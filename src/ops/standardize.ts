import { defineOpWithOutputs } from '../define.js';
import { f32, type KernelCall, type Sample, type Value, type Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { add, mul, sub } from './binary.js';
import { scalar } from './fill.js';
import { broadcastTo } from './layout.js';
import { rowVariants } from './row_lanes.js';
import { standardizeBackward } from './standardize_backward.js';
import {
  AXES,
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
  standardizeMagnitude,
  standardizeReference,
  standardizeUlps,
  statisticsShape,
} from './standardize_layout.js';
import { statisticsView } from './standardize_rules.js';
import { gpuRows, partsOf, walkParams } from './standardize_webgpu.js';

type Call = KernelCall<'x' | 'weight?' | 'bias?', StandardizeAttrs>;

const forward: Variant<'x' | 'weight?' | 'bias?', StandardizeAttrs> = {
  name: 'standardize_f32',
  launches({ types, attrs }) {
    const layout = layoutOf(types.x.shape, attrs.overBatch);
    return [
      {
        kernel: 'standardize_f32',
        operands: ['x', 'weight', 'bias', 'output0', 'output1', 'output2'],
        params: paramsOf(layout, attrs, types),
        units: rowUnits(layout, attrs.overBatch),
        scratch: scratchOf(layout, attrs.overBatch, 1),
      },
    ];
  },
};

const gpuLayout = ({ types, attrs }: Call) => layoutOf(types.x.shape, attrs.overBatch);
const byParts = (call: Call) => partsOf(gpuLayout(call), call.attrs.overBatch).walkParts > 1;

/** On a GPU few long rows are measured in parts, which the next launch joins. */
const gpuForward = rowVariants<'x' | 'weight?' | 'bias?', StandardizeAttrs>(
  'standardize_f32',
  (call) => gpuRows(gpuLayout(call), call.attrs.overBatch),
  (call, plan) => {
    const { types, attrs } = call;
    const layout = gpuLayout(call);
    const walk = walkParams(layout, attrs.overBatch, plan);
    const common = {
      params: paramsOf(layout, attrs, types, 0, walk),
      units: layout.count === 0 ? 0 : layout.rows * walk.walkParts * plan.lanes,
    };
    const operands = ['x', 'weight', 'bias', 'output0', 'output1', 'output2'];
    if (!byParts(call)) return [{ ...common, kernel: `standardize_f32${plan.suffix}`, operands }];
    return [
      { ...common, kernel: `standardize_parts_f32${plan.suffix}`, operands: ['x', 'measured'] },
      { ...common, kernel: `standardize_joined_f32${plan.suffix}`, operands: [...operands, 'measured'] },
    ];
  },
  (call): Record<string, number> =>
    byParts(call) ? { measured: 16 * gpuRows(gpuLayout(call), call.attrs.overBatch).rows } : {},
);

const affineInputs = ({ shape, affine }: (typeof cases)[number]) => {
  const size = { shape: [shape[1]! * shape[2]!] };
  return { ...(affine ? { weight: size } : {}), ...(affine === 'both' ? { bias: size } : {}) };
};

const samples: Sample<'x' | 'weight?' | 'bias?', StandardizeOptions>[] = cases.map((one) => ({
  inputs: { x: { shape: one.shape, domain: one.domain, values: one.values }, ...affineInputs(one) },
  options: one.options,
}));

/** The rules of x, weight and bias each record this; equal nodes are merged. */
function gradientsOf(
  dy: Value,
  [, mean, variance]: readonly Value[],
  { x, weight, bias }: { readonly x: Value; readonly weight: Value | null; readonly bias: Value | null },
  attrs: StandardizeAttrs,
): readonly Value[] {
  const affine = weight !== null || bias !== null;
  return standardizeBackward(dy, x, mean!, variance!, weight, { ...attrs, affine });
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
  kinds: standardizeKinds,
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
        terms.push(broadcastTo(mul(view(dmean), scalar(1 / layout.count)), { shape: x.shape }));
      if (dvariance) {
        const distance = sub(x, view(outputs[1]!));
        terms.push(mul(distance, mul(view(dvariance), scalar(2 / layout.count))));
      }
      return terms.length === 0 ? null : terms.reduce((a, b) => add(a, b));
    },
    weight: ({ grads: [dy], outputs, x, weight, bias, attrs }): Value | null =>
      dy ? gradientsOf(dy, outputs, { x, weight, bias }, attrs)[1]! : null,
    bias: ({ grads: [dy], outputs, x, weight, bias, attrs }): Value | null =>
      dy ? gradientsOf(dy, outputs, { x, weight, bias }, attrs)[2]! : null,
  },
  cost: ({ output }) => ({ flops: 9 * sizeOf(output.shape) }),
  kernels: { wasm: [forward], webgpu: gpuForward },
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
