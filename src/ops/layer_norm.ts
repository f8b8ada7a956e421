import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, number, wholeOrWholes } from '../kinds.js';
import { type ErrorCase, expectDType, f32, type TensorType } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { byRows, expectAffine, expectEps } from './normalization.js';

export interface LayerNormOptions {
  /** The last axes, over which means are taken; default: the last one. */
  readonly normalizedShape?: number | readonly number[];
  /** Default 1e-5. */
  readonly eps?: number;
}

export const layerNormKinds: Kinds<LayerNormOptions> = { normalizedShape: wholeOrWholes, eps: number };

interface LayerAttrs {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
}

function layerAttrs(
  name: string,
  options: LayerNormOptions | undefined,
  x: TensorType,
  affine: Readonly<Record<string, TensorType | null>>,
  eps: number,
): LayerAttrs {
  expectDType(name, { x }, 'f32');
  const given = options?.normalizedShape ?? x.shape.slice(-1);
  const normalizedShape = typeof given === 'number' ? [given] : given;
  if (normalizedShape.length === 0)
    fail(name, `needs at least one axis to normalise, x is ${showShape(x.shape)}`);
  if (!sameShape(x.shape.slice(-normalizedShape.length), normalizedShape))
    fail(name, `x must end in ${showShape(normalizedShape)}, it is ${showShape(x.shape)}`);
  expectAffine(name, affine, normalizedShape);
  return { normalizedShape, eps: expectEps(name, options?.eps ?? eps) };
}

const layerRows = (x: Shape, { normalizedShape }: LayerAttrs): Shape => [
  sizeOf(x.slice(0, x.length - normalizedShape.length)),
  1,
  sizeOf(normalizedShape),
  1,
];

const layerErrors = (name: string): ErrorCase<'x' | 'weight?', LayerNormOptions>[] => [
  { types: { x: f32([]) }, message: `${name}: needs at least one axis to normalise, x is []` },
  {
    types: { x: f32([2, 5]) },
    options: { normalizedShape: [7] },
    message: `${name}: x must end in [7], it is [2,5]`,
  },
  {
    types: { x: f32([2, 3, 5]), weight: f32([5]) },
    options: { normalizedShape: [3, 5] },
    message: `${name}: weight must be [3,5], it is [5]`,
  },
  {
    types: { x: f32([2, 5]) },
    options: { eps: -1 },
    message: `${name}: eps must be a number of at least 0, got -1`,
  },
  { types: { x: { shape: [2], dtype: 'i32' as const } }, message: `${name}: x must be f32, it is i32[2]` },
];

const ofLayer = byRows(layerRows, { centred: true, overBatch: false });

/** y = (x - mean) / √(variance + eps) · weight + bias over the last axes, as torch.nn.functional.layer_norm. */
export const layerNorm = defineComposition({
  name: 'layerNorm',
  summary: 'y = (x - mean) / √(variance + eps) · weight + bias over the last axes',
  inputs: ['x', 'weight?', 'bias?'],
  kinds: layerNormKinds,
  attributes: (options: LayerNormOptions | undefined, { x, ...affine }) =>
    layerAttrs('layerNorm', options, x, affine, 1e-5),
  compose: ({ x, weight, bias }, attrs) => ofLayer.compose(x, weight, bias, attrs)[0],
  reference: (inputs, attrs) => ofLayer.reference(inputs, attrs)[0],
  samples: [
    { inputs: { x: { shape: [3, 17] }, weight: { shape: [17] }, bias: { shape: [17] } } },
    { inputs: { x: { shape: [5] } }, options: { eps: 1e-3 } },
    { inputs: { x: { shape: [2, 1] }, bias: { shape: [1] } } },
    {
      inputs: { x: { shape: [2, 3, 4, 5] }, weight: { shape: [4, 5] } },
      options: { normalizedShape: [4, 5] },
    },
    { inputs: { x: { shape: [2, 67], domain: [999.5, 1000.5] } }, options: { normalizedShape: 67 } },
  ],
  errors: layerErrors('layerNorm'),
  tolerance: ofLayer.tolerance,
  magnitude: (inputs, attrs) => ofLayer.magnitude(inputs, attrs)[0],
});

const ofRms = byRows(layerRows, { centred: false, overBatch: false });

export interface RmsNormOptions extends Omit<LayerNormOptions, 'eps'> {
  /** Default 2^-23, as torch.nn.functional.rms_norm has it for f32. */
  readonly eps?: number;
}

export const rmsNormKinds: Kinds<RmsNormOptions> = layerNormKinds;

/** y = x / √(mean x² + eps) · weight over the last axes, as torch.nn.functional.rms_norm. */
export const rmsNorm = defineComposition({
  name: 'rmsNorm',
  summary: 'y = x / √(mean x² + eps) · weight over the last axes',
  inputs: ['x', 'weight?'],
  kinds: rmsNormKinds,
  attributes: (options: RmsNormOptions | undefined, { x, weight }) =>
    layerAttrs('rmsNorm', options, x, { weight }, 2 ** -23),
  compose: ({ x, weight }, attrs) => ofRms.compose(x, weight, null, attrs)[0],
  reference: ({ x, weight }, attrs) => ofRms.reference({ x, weight, bias: null }, attrs)[0],
  samples: [
    {
      inputs: { x: { shape: [3, 17] }, weight: { shape: [17] } },
      options: { normalizedShape: 17 },
    },
    { inputs: { x: { shape: [2, 3, 5] } }, options: { normalizedShape: [3, 5], eps: 1e-3 } },
    { inputs: { x: { shape: [2, 1], domain: [0.5, 1] }, weight: { shape: [1] } }, options: { eps: 0.5 } },
    { inputs: { x: { shape: [7] } } },
  ],
  errors: layerErrors('rmsNorm'),
  tolerance: ofRms.tolerance,
  magnitude: ({ x, weight }, attrs) => ofRms.magnitude({ x, weight, bias: null }, attrs)[0],
});
