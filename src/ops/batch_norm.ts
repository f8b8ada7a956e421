import { LOST_POWER } from '../bounds.js';
import { defineCompositionWithOutputs } from '../composition.js';
import { defineOp, defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { expectDType, f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { add, div, mul, sub } from './binary.js';
import { elementwise, expectSameShape, expectWhole, pointwise } from './common.js';
import { scalar, zerosLike } from './fill.js';
import { reshape } from './layout.js';
import {
  byRows,
  channelErrors,
  expectChannels,
  expectEps,
  type NormalizationOptions,
  normalizationKinds,
} from './normalization.js';
import { sum } from './reduce.js';

const channelRows = (x: Shape): Shape => [x[0]!, x[1]!, 1, sizeOf(x.slice(2))];
const ofChannels = byRows<{ eps: number }>(channelRows, { centred: true, overBatch: true });

/**
 * x [batch, channels, ...] normalised by the mean and variance that each channel has over batch and plane, as
 * torch.nn.functional.batch_norm does in training: y = (x - mean) / √(variance + eps) · weight + bias. Outputs: y, and
 * mean and variance [channels], the latter divided by n: what `batchNormUpdate` takes.
 */
export const batchNorm = defineCompositionWithOutputs({
  name: 'batchNorm',
  summary: 'y = (x - mean) / √(variance + eps) · weight + bias by channel; mean; variance',
  inputs: ['x', 'weight?', 'bias?'],
  kinds: normalizationKinds,
  attributes(options: NormalizationOptions | undefined, { x, weight, bias }) {
    expectChannels('batchNorm', x, { weight, bias });
    if (sizeOf(x.shape) < 2 * x.shape[1]! || sizeOf(x.shape) === 0)
      fail('batchNorm', `expected more than 1 value per channel when training, x is ${showShape(x.shape)}`);
    return { eps: expectEps('batchNorm', options?.eps ?? 1e-5) };
  },
  compose: ({ x, weight, bias }, attrs) => ofChannels.compose(x, weight, bias, attrs),
  reference: ofChannels.reference,
  samples: [
    { inputs: { x: { shape: [7, 5] }, weight: { shape: [5] }, bias: { shape: [5] } } },
    { inputs: { x: { shape: [4, 3, 2] } }, options: { eps: 1e-3 } },
    { inputs: { x: { shape: [2, 3, 4, 5] }, weight: { shape: [3] }, bias: { shape: [3] } } },
    { inputs: { x: { shape: [1, 2, 3, 3] }, bias: { shape: [2] } } },
    { inputs: { x: { shape: [3, 2, 17], domain: [999.5, 1000.5] }, weight: { shape: [2] } } },
  ],
  errors: [
    {
      types: { x: f32([1, 3]) },
      message: 'batchNorm: expected more than 1 value per channel when training, x is [1,3]',
    },
    {
      types: { x: f32([0, 3, 2]) },
      message: 'batchNorm: expected more than 1 value per channel when training, x is [0,3,2]',
    },
    {
      types: { x: f32([2, 3]) },
      options: { eps: -1 },
      message: 'batchNorm: eps must be a number of at least 0, got -1',
    },
    ...channelErrors('batchNorm', undefined),
  ],
  tolerance: ofChannels.tolerance,
  magnitude: ofChannels.magnitude,
});

interface Attrs {
  readonly eps: number;
}

type Names = 'x' | 'runningMean' | 'runningVariance' | 'weight?' | 'bias?';

const planeOf = (x: Shape): number => sizeOf(x.slice(2));

const inference = pointwise<Names, Attrs>(
  'batch_norm_inference_f32',
  ['x', 'runningMean', 'runningVariance', 'weight', 'bias', 'output'],
  ({ types: { x, weight, bias }, attrs }) => ({
    size: sizeOf(x.shape),
    channels: x.shape[1]!,
    plane: planeOf(x.shape),
    eps: attrs.eps,
    hasWeight: Number(weight !== null),
    hasBias: Number(bias !== null),
  }),
);

interface InferenceInputs {
  readonly x: RefTensor;
  readonly runningMean: RefTensor;
  readonly runningVariance: RefTensor;
  readonly weight: RefTensor | null;
  readonly bias: RefTensor | null;
}

function inferenceReference(inputs: InferenceInputs, { eps }: Attrs, positive: boolean): Float64Array {
  const { x, runningMean, runningVariance, weight, bias } = inputs;
  const term = positive ? Math.abs : (value: number) => value;
  const plane = planeOf(x.shape);
  return x.data.map((value, i) => {
    const c = Math.floor(i / plane) % x.shape[1]!;
    const h = (value - runningMean.data[c]!) / Math.sqrt(runningVariance.data[c]! + eps);
    // What a scale below the normal numbers loses is multiplied by the distance.
    const lost = positive ? LOST_POWER * (1 + Math.abs(value - runningMean.data[c]!)) : 0;
    return term(h * (weight?.data[c] ?? 1)) + term(bias?.data[c] ?? 0) + lost;
  });
}

/** A channel's number beside every element of x, and back by a sum. */
const beside = (value: Value, x: Value): Value =>
  reshape(value, { shape: x.shape.map((_, axis) => (axis === 1 ? x.shape[1]! : 1)) });
const byChannel = (value: Value): Value =>
  sum(value, { axes: value.shape.map((_, axis) => axis).filter((axis) => axis !== 1) });

/** The distance and its scale round 3 times, eps and the root's inverse (WGSL: 2 ulp) make 5, the bias 2. */
const INFERENCE = { ulps: 10, magnitude: 'declared' } as const;

const channel = (shape: Shape) => ({
  runningMean: { shape },
  runningVariance: { shape, domain: [0.25, 2] as const },
});

/** y = (x - runningMean) / √(runningVariance + eps) · weight + bias by channel: batch_norm in evaluation. */
export const batchNormInference = defineOp({
  name: 'batchNormInference',
  summary: 'y = (x - runningMean) / √(runningVariance + eps) · weight + bias by channel',
  inputs: ['x', 'runningMean', 'runningVariance', 'weight?', 'bias?'],
  kinds: normalizationKinds,
  attributes: (options: NormalizationOptions | undefined): Attrs => ({
    eps: expectEps('batchNormInference', options?.eps ?? 1e-5),
  }),
  infer({ x, ...channels }) {
    expectChannels('batchNormInference', x, channels);
    return x;
  },
  reference: (inputs, attrs) => inferenceReference(inputs, attrs, false),
  backward: {
    x: ({ grad, runningMean, runningVariance, weight, attrs }): Value =>
      batchNormInference(grad, zerosLike(runningMean), runningVariance, weight, null, attrs),
    runningMean: ({ grad, runningMean, runningVariance, weight, attrs }): Value => {
      const zero = zerosLike(runningMean);
      return mul(byChannel(batchNormInference(grad, zero, runningVariance, weight, null, attrs)), scalar(-1));
    },
    // -½ Σ dx (x - mean) / (variance + eps)
    runningVariance: ({ grad, x, runningMean, runningVariance, weight, attrs }): Value => {
      const zero = zerosLike(runningMean);
      const dx = batchNormInference(grad, zero, runningVariance, weight, null, attrs);
      const moved = byChannel(mul(dx, sub(x, beside(runningMean, x))));
      return div(mul(moved, scalar(-0.5)), add(runningVariance, scalar(attrs.eps)));
    },
    weight: ({ grad, x, runningMean, runningVariance, attrs }): Value =>
      byChannel(mul(grad, batchNormInference(x, runningMean, runningVariance, null, null, attrs))),
    bias: ({ grad }): Value => byChannel(grad),
  },
  cost: ({ output }) => ({ flops: 4 * sizeOf(output.shape) }),
  kernels: inference,
  inPlace: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 19] }, ...channel([19]), weight: { shape: [19] }, bias: { shape: [19] } } },
    { inputs: { x: { shape: [2, 3, 7] }, ...channel([3]) }, options: { eps: 1e-3 } },
    { inputs: { x: { shape: [2, 3, 4, 5] }, ...channel([3]), weight: { shape: [3] } } },
    { inputs: { x: { shape: [1, 1] }, ...channel([1]), bias: { shape: [1] } } },
  ],
  errors: [
    {
      types: { x: f32([3]), runningMean: f32([3]), runningVariance: f32([3]) },
      message: 'batchNormInference: x must be [batch, channels, ...], it is [3]',
    },
    {
      types: { x: f32([2, 3]), runningMean: f32([2]), runningVariance: f32([3]) },
      message: 'batchNormInference: runningMean must be [3], it is [2]',
    },
    {
      types: { x: f32([2, 3]), runningMean: f32([3]), runningVariance: f32([3]) },
      options: { eps: -1 },
      message: 'batchNormInference: eps must be a number of at least 0, got -1',
    },
  ],
  tolerance: { wasm: INFERENCE, webgpu: INFERENCE },
  magnitude: (inputs, attrs) => inferenceReference(inputs, attrs, true),
});

export interface BatchNormUpdateOptions {
  /** Elements that each of the batch's statistics was taken from. */
  readonly count: number;
}

export const batchNormUpdateKinds: Kinds<BatchNormUpdateOptions> = { count: whole };

interface UpdateAttrs {
  readonly count: number;
}

type UpdateNames = 'runningMean' | 'runningVariance' | 'mean' | 'variance' | 'hyper';

const correctionOf = ({ count }: UpdateAttrs): number => count / (count - 1);

function updateReference(
  inputs: { readonly [K in UpdateNames]: RefTensor },
  attrs: UpdateAttrs,
  positive: boolean,
): [Float64Array, Float64Array] {
  const term = positive ? Math.abs : (value: number) => value;
  const momentum = inputs.hyper.data[0]!;
  const blend = (old: RefTensor, found: RefTensor, scale: number) =>
    old.data.map((v, i) => {
      const other = found.data[i]!;
      // What a share below the normal numbers loses is multiplied too.
      const lost = positive ? LOST_POWER * (1 + Math.abs(other)) : 0;
      return term((1 - momentum) * v) + term(momentum * scale * other) + lost;
    });
  return [
    blend(inputs.runningMean, inputs.mean, 1),
    blend(inputs.runningVariance, inputs.variance, correctionOf(attrs)),
  ];
}

const update = elementwise<UpdateNames, UpdateAttrs>(
  'batch_norm_update_f32',
  ['output0', 'output1', 'mean', 'variance', 'hyper'],
  ({ output, attrs }) => ({ size: sizeOf(output.shape), correction: correctionOf(attrs) }),
);

const updateInputs = (shape: Shape, momentum: number) => ({
  runningMean: { shape },
  runningVariance: { shape, domain: [0.25, 2] as const },
  mean: { shape },
  variance: { shape, domain: [0.25, 2] as const },
  hyper: { shape: [1], values: [Math.fround(momentum)] },
});

const updateTypes = (mean: TensorType, hyper: TensorType) => ({
  runningMean: f32([3]),
  runningVariance: f32([3]),
  mean,
  variance: f32([3]),
  hyper,
});

/**
 * One step of the running statistics of `batchNorm`, which are overwritten: running = (1 - momentum) running +
 * momentum · batch, the variance taken as Σ (x - mean)² / (count - 1). `hyper` is [momentum]: 1 / (steps so far) makes it
 * the average of all steps, what PyTorch's momentum=None stands for.
 */
export const batchNormUpdate = defineOpWithOutputs({
  name: 'batchNormUpdate',
  summary: 'running = (1 - momentum) running + momentum · batch, for mean and unbiased variance',
  inputs: ['runningMean', 'runningVariance', 'mean', 'variance', 'hyper'],
  kinds: batchNormUpdateKinds,
  attributes(options: BatchNormUpdateOptions | undefined): UpdateAttrs {
    if (!options) fail('batchNormUpdate', 'needs options { count }');
    return { count: expectWhole('batchNormUpdate', 'count', options.count, 2) };
  },
  infer({ hyper, ...statistics }) {
    expectDType('batchNormUpdate', { ...statistics, hyper }, 'f32');
    expectSameShape('batchNormUpdate', statistics);
    if (!sameShape(hyper.shape, [1]))
      fail('batchNormUpdate', `hyper must be [1], it is ${showShape(hyper.shape)}`);
    return [statistics.runningMean, statistics.runningVariance];
  },
  reference: (inputs, attrs) => updateReference(inputs, attrs, false),
  backward: { runningMean: null, runningVariance: null, mean: null, variance: null, hyper: null },
  kernels: update,
  overwrites: ['runningMean', 'runningVariance'],
  samples: [
    { inputs: updateInputs([1], 0.1), options: { count: 2 } },
    { inputs: updateInputs([67], 0.25), options: { count: 100 } },
    { inputs: updateInputs([4099], 1), options: { count: 7 } },
  ],
  errors: [
    { types: updateTypes(f32([3]), f32([1])), message: 'batchNormUpdate: needs options { count }' },
    {
      types: updateTypes(f32([3]), f32([1])),
      options: { count: 1 },
      message: 'batchNormUpdate: count must be a whole number of at least 2, got 1',
    },
    {
      types: updateTypes(f32([3]), f32([2])),
      options: { count: 4 },
      message: 'batchNormUpdate: hyper must be [1], it is [2]',
    },
    {
      types: updateTypes(f32([2]), f32([1])),
      options: { count: 4 },
      message:
        'batchNormUpdate: shapes differ, runningMean is [3], runningVariance is [3], mean is [2], variance is [3]',
    },
  ],
  // 1 - momentum, the correction and its product, two products and the sum: one rounding each.
  tolerance: { wasm: { ulps: 6, magnitude: 'declared' }, webgpu: { ulps: 6, magnitude: 'declared' } },
  magnitude: (inputs, attrs) => updateReference(inputs, attrs, true),
});
