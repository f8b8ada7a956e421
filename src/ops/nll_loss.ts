/** Negative log-likelihood. Kernels: assembly/nll_loss.ts, shaders/nll_loss.wgsl. */
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, wholes } from '../kinds.js';
import { expectDType, f32, type KernelCall, type RefTensor, type Value } from '../op.js';
import { checkShape, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import {
  checkRows,
  geometry,
  type LabelAttrs,
  type LabelOptions,
  labelAt,
  labelAttrs,
  labelFault,
  labelKinds,
  placeOf,
  rowBytes,
  rowParams,
  rowShape,
  totalLaunch,
  weightLaunch,
} from './class_rows.js';

const SCORES = 'logProbabilities';
type Call = KernelCall<'logProbabilities' | 'target' | 'weight?', LabelAttrs>;

const kernels = (backend: 'wasm' | 'webgpu') => ({
  name: 'nll_loss_rows_f32',
  temporaries: ({ types, attrs }: Call) => rowBytes(sizeOf(types.target.shape), attrs),
  launches({ types, attrs }: Call) {
    const params = rowParams(types.logProbabilities.shape, types.weight, attrs);
    const losses = attrs.reduction === 'none' ? 'output' : 'losses';
    return [
      {
        kernel: 'nll_loss_rows_f32',
        operands: [SCORES, 'target', 'weight', losses, 'weights', 'fault'],
        params,
        units: params.rows,
      },
      ...(attrs.reduction === 'none' ? [] : [totalLaunch(params, backend, attrs.reduction === 'mean')]),
    ];
  },
});

/** Losses and weights of the rows, in f64. */
function rowsOf(x: RefTensor, target: RefTensor, weight: RefTensor | null, ignoreIndex: number) {
  const shape = geometry(x.shape);
  const own = Array.from(target.data, (_, row) => {
    const label = labelAt('nllLoss', SCORES, { x, target, ignoreIndex }, row);
    if (label === null) return { loss: 0, weight: 0 };
    const w = weight ? weight.data[label]! : 1;
    return { loss: -w * x.data[placeOf(shape, row, label)]!, weight: w };
  });
  return { losses: own.map(({ loss }) => loss), weights: own.map(({ weight: w }) => w) };
}

const totalOf = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

function reduced(
  losses: readonly number[],
  weights: readonly number[],
  { reduction }: LabelAttrs,
): Float64Array {
  if (reduction === 'none') return Float64Array.from(losses);
  return Float64Array.of(reduction === 'mean' ? totalOf(losses) / totalOf(weights) : totalOf(losses));
}

const labels = (shape: Shape, classes: number) =>
  ({ shape, dtype: 'i32', domain: [0, classes - 1] }) as const;
const WEIGHT = [0.5, 2] as const;

interface Sampled {
  readonly x: Shape;
  readonly weighted?: boolean;
  readonly options?: LabelOptions;
}
/** Rows of one class, a vector's lanes and their tail; one row; rows that are strided; labels that are ignored. */
const SAMPLES: readonly Sampled[] = [
  { x: [7, 17] },
  { x: [65, 4], weighted: true, options: { reduction: 'sum' } },
  { x: [5], options: { reduction: 'none' } },
  { x: [3, 5, 2, 3], weighted: true, options: { ignoreIndex: 2 } },
  { x: [2, 3, 7], weighted: true, options: { reduction: 'none', ignoreIndex: 1 } },
  { x: [1, 1] },
];

/** -weight[label] logProbabilities[label] for each row: i32 labels [n, ...] of f32 [n, classes, ...]. */
export const nllLoss = defineOp({
  name: 'nllLoss',
  summary: 'y = -weight[label] logProbabilities[label] over classes; each, weighted mean or Σ',
  inputs: ['logProbabilities', 'target', 'weight?'],
  kinds: labelKinds,
  attributes: (options: LabelOptions | undefined) => labelAttrs('nllLoss', options),
  infer({ logProbabilities, target, weight }, { reduction }) {
    expectDType('nllLoss', { target }, 'i32');
    checkRows('nllLoss', SCORES, logProbabilities, target, weight);
    return f32(reduction === 'none' ? rowShape(logProbabilities.shape) : []);
  },
  reference({ logProbabilities, target, weight }, attrs) {
    const { losses, weights } = rowsOf(logProbabilities, target, weight, attrs.ignoreIndex);
    return reduced(losses, weights, attrs);
  },
  backward: {
    logProbabilities: ({ grad, logProbabilities, target, weight, attrs }): Value =>
      nllLossBackward(target, weight, grad, { ...attrs, shape: logProbabilities.shape }),
    target: null,
    weight: null,
  },
  cost: ({ types }) => ({ flops: sizeOf(types.target.shape) }),
  kernels: { wasm: [kernels('wasm')], webgpu: [kernels('webgpu')] },
  linear: ['logProbabilities'],
  fault: ({ logProbabilities, target }, _, detail) => labelFault(SCORES, logProbabilities, target, detail),
  samples: SAMPLES.map(({ x, weighted, options }) => ({
    inputs: {
      logProbabilities: { shape: x, domain: [-5, -0.1] },
      target: labels(rowShape(x), geometry(x).classes),
      ...(weighted ? { weight: { shape: [geometry(x).classes], domain: WEIGHT } } : {}),
    },
    options,
  })),
  errors: [
    {
      types: { logProbabilities: f32([2, 3]), target: f32([2]) },
      message: 'nllLoss: target must be i32, it is f32[2]',
    },
    {
      types: { logProbabilities: f32([2, 3, 4]), target: { shape: [2, 3], dtype: 'i32' } },
      message: 'nllLoss: target must be [2,4], logProbabilities is [2,3,4], target is [2,3]',
    },
    {
      types: { logProbabilities: f32([]), target: { shape: [], dtype: 'i32' } },
      message: 'nllLoss: logProbabilities must have an axis of classes, it is []',
    },
    {
      types: { logProbabilities: f32([2, 3]), target: { shape: [2], dtype: 'i32' }, weight: f32([2]) },
      message: 'nllLoss: weight must be [3], it is [2]',
    },
    {
      types: { logProbabilities: f32([2, 3]), target: { shape: [2], dtype: 'i32' } },
      options: { ignoreIndex: 0.5 },
      message: 'nllLoss: ignoreIndex must be a whole number, got 0.5',
    },
  ],
  // The product with the weight; two sums over the rows, and their quotient, 1 unit or WGSL's 5.
  tolerance: {
    wasm: { ulps: ({ types }) => 2 * sizeOf(types.target.shape) + 3, magnitude: 'declared' },
    webgpu: { ulps: ({ types }) => 2 * sizeOf(types.target.shape) + 7, magnitude: 'declared' },
  },
  magnitude({ logProbabilities, target, weight }, attrs) {
    const { losses, weights } = rowsOf(logProbabilities, target, weight, attrs.ignoreIndex);
    return reduced(losses.map(Math.abs), weights, attrs);
  },
});

interface BackwardOptions extends LabelOptions {
  /** The shape of the log-probabilities. */
  readonly shape: Shape;
}

const backwardKinds: Kinds<BackwardOptions> = { ...labelKinds, shape: wholes };

type BackwardAttrs = LabelAttrs & { readonly shape: Shape };
type BackwardCall = KernelCall<'target' | 'weight?' | 'dy', BackwardAttrs>;

const backwardKernels = (backend: 'wasm' | 'webgpu') => ({
  name: 'nll_loss_backward_f32',
  temporaries: ({ attrs }: BackwardCall): Record<string, number> =>
    attrs.reduction === 'mean' ? { total: 4 } : {},
  launches({ types, attrs }: BackwardCall) {
    const params = rowParams(attrs.shape, types.weight, attrs);
    const total = attrs.reduction === 'mean' ? 'total' : null;
    return [
      ...(total ? [weightLaunch(params, backend)] : []),
      {
        kernel: 'nll_loss_backward_f32',
        operands: ['target', 'weight', 'dy', total, 'output'],
        params,
        units: params.rows,
      },
    ];
  },
});

const counted = (label: number, classes: number, ignoreIndex: number): boolean =>
  label !== ignoreIndex && label >= 0 && label < classes;

/** The gradient of nllLoss: -dy weight[label] at each row's label, divided by the labels' weights for 'mean'. */
export const nllLossBackward = defineOp({
  name: 'nllLossBackward',
  summary: 'dx = -dy weight[label] at the label, 0 elsewhere; / the weights of all labels for the mean',
  inputs: ['target', 'weight?', 'dy'],
  kinds: backwardKinds,
  attributes(options: BackwardOptions | undefined): BackwardAttrs {
    if (!options) fail('nllLossBackward', 'needs options { shape }');
    checkShape('nllLossBackward', options.shape);
    return { ...labelAttrs('nllLossBackward', options), shape: options.shape };
  },
  infer({ target, weight, dy }, { shape, reduction }) {
    const name = 'nllLossBackward';
    expectDType(name, { target }, 'i32');
    expectDType(name, { dy }, 'f32');
    checkRows(name, 'shape', f32(shape), target, weight);
    const wanted = reduction === 'none' ? rowShape(shape) : [];
    if (!sameShape(dy.shape, wanted))
      fail(name, `dy must be ${showShape(wanted)}, it is ${showShape(dy.shape)}`);
    return f32(shape);
  },
  reference({ target, weight, dy }, { shape, reduction, ignoreIndex }) {
    const places = geometry(shape);
    const weightOf = (label: number) =>
      counted(label, places.classes, ignoreIndex) ? (weight ? weight.data[label]! : 1) : 0;
    const total = reduction === 'mean' ? totalOf(Array.from(target.data, weightOf)) : 1;
    const dx = new Float64Array(sizeOf(shape));
    target.data.forEach((label, row) => {
      if (!counted(label, places.classes, ignoreIndex)) return;
      dx[placeOf(places, row, label)] = (-dy.data[reduction === 'none' ? row : 0]! * weightOf(label)) / total;
    });
    return dx;
  },
  backward: {
    target: null,
    weight: null,
    dy: ({ grad, target, weight, attrs: { reduction, ignoreIndex } }): Value =>
      nllLoss(grad, target, weight, { reduction, ignoreIndex }),
  },
  kernels: { wasm: [backwardKernels('wasm')], webgpu: [backwardKernels('webgpu')] },
  linear: ['dy'],
  samples: SAMPLES.map(({ x, weighted, options }) => ({
    inputs: {
      target: labels(rowShape(x), geometry(x).classes),
      ...(weighted ? { weight: { shape: [geometry(x).classes], domain: WEIGHT } } : {}),
      dy: { shape: options?.reduction === 'none' ? rowShape(x) : [] },
    },
    options: { ...options, shape: x },
  })),
  errors: [
    {
      types: { target: { shape: [2], dtype: 'i32' }, dy: f32([2]) },
      options: { shape: [2, 3] },
      message: 'nllLossBackward: dy must be [], it is [2]',
    },
    {
      types: { target: { shape: [2], dtype: 'i32' }, dy: f32([2]) },
      message: 'nllLossBackward: needs options { shape }',
    },
  ],
  // The sum of the weights, the quotient and the product.
  tolerance: {
    wasm: { ulps: ({ types }) => sizeOf(types.target.shape) + 2 },
    webgpu: { ulps: ({ types }) => sizeOf(types.target.shape) + 6 },
  },
});
