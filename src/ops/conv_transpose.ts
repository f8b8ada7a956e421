import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholeOrPair } from '../kinds.js';
import {
  expectDType,
  f32,
  type KernelCall,
  type RefTensor,
  type SampleInput,
  type TensorType,
  type Value,
} from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { add } from './binary.js';
import { expectRank, expectWhole, type Pair, pair } from './common.js';
import { asLine } from './conv1d.js';
import { conv2dInputGradient } from './conv2d.js';
import { checkBias, forEachProduct, type GradientAttrs, geometry, type Sides } from './conv2d_geometry.js';
import { reshape } from './layout.js';
import { inputGradientMagnitude } from './winograd_bound.js';

export interface ConvTranspose2dOptions {
  readonly stride?: Pair;
  /** Rows and columns cut off on each side, [height, width], default 0. */
  readonly padding?: Pair;
  /** Rows and columns added at the bottom and right; less than the stride or the dilation. */
  readonly outputPadding?: Pair;
  readonly dilation?: Pair;
  /** Splits channels into groups that don't see each other, default 1. */
  readonly groups?: number;
}

export const convTranspose2dKinds: Kinds<ConvTranspose2dOptions> = {
  stride: wholeOrPair,
  padding: wholeOrPair,
  outputPadding: wholeOrPair,
  dilation: wholeOrPair,
  groups: whole,
};

export interface ConvTranspose1dOptions {
  readonly stride?: number;
  /** Elements cut off on each side, default 0. */
  readonly padding?: number;
  /** Elements added at the end; less than the stride or the dilation. */
  readonly outputPadding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

export const convTranspose1dKinds: Kinds<ConvTranspose1dOptions> = {
  stride: whole,
  padding: whole,
  outputPadding: whole,
  dilation: whole,
  groups: whole,
};

interface Types {
  readonly x: TensorType;
  readonly weight: TensorType;
  readonly bias: TensorType | null;
}

/**
 * Attributes of the convolution of which this is the input gradient: padding less outputPadding at the bottom and right
 * makes it give x's size and no other. `shown` holds the shapes as the caller knows them.
 */
function transposeAttrs(
  name: string,
  options: ConvTranspose2dOptions = {},
  x: Shape,
  weight: Shape,
  shown: string,
): GradientAttrs {
  const stride = pair(name, 'stride', options.stride ?? 1, 1);
  const padding = pair(name, 'padding', options.padding ?? 0, 0);
  const extra = pair(name, 'outputPadding', options.outputPadding ?? 0, 0);
  const dilation = pair(name, 'dilation', options.dilation ?? 1, 1);
  const groups = expectWhole(name, 'groups', options.groups ?? 1, 1);
  const [batch, channels, ...size] = x as [number, number, number, number];
  if (channels !== weight[0]) fail(name, `channels differ, ${shown}`);
  if (channels % groups !== 0) fail(name, `channels don't divide into ${groups} groups, ${shown}`);
  const sides = [0, 1].map((axis) => {
    const most = Math.max(stride[axis]!, dilation[axis]!);
    if (extra[axis]! >= most) {
      fail(name, `outputPadding ${extra[axis]} must be less than the stride or the dilation, ${most}`);
    }
    return [padding[axis]!, padding[axis]! - extra[axis]!] as const;
  }) as unknown as Sides;
  const out = size.map((length, axis) => {
    const reach = dilation[axis]! * (weight[axis + 2]! - 1) + 1;
    return (length - 1) * stride[axis]! + reach - sides[axis]![0] - sides[axis]![1];
  });
  if (out.some((length) => length < 1)) fail(name, `padding leaves nothing of the output, ${shown}`);
  return {
    stride,
    padding: sides,
    dilation,
    groups,
    algorithm: 'auto',
    shape: [batch, weight[1]! * groups, ...out],
  };
}

const show = ({ x, weight }: Types) => `x is ${showShape(x.shape)}, weight is ${showShape(weight.shape)}`;

function transpose(x: Value, weight: Value, bias: Value | null, attrs: GradientAttrs): Value {
  const y = conv2dInputGradient(x, weight, null, attrs);
  return bias ? add(y, reshape(bias, { shape: [1, -1, 1, 1] })) : y;
}

interface References {
  readonly x: RefTensor;
  readonly weight: RefTensor;
  readonly bias: RefTensor | null;
}

/** Every element of x, times the kernel, is added to the output at its place. `kernel` is the weight's shape. */
function spread({ x, weight, bias }: References, kernel: Shape, attrs: GradientAttrs): Float64Array {
  const y = new Float64Array(sizeOf(attrs.shape));
  const [, filters, height, width] = attrs.shape as [number, number, number, number];
  y.forEach((_, i) => {
    y[i] = bias?.data[Math.floor(i / (height * width)) % filters] ?? 0;
  });
  forEachProduct(geometry(attrs.shape, kernel, attrs), (i, p, q) => {
    y[p]! += x.data[i]! * weight.data[q]!;
  });
  return y;
}

// Each product and each sum rounds once: at most one per channel and tap, and the bias.
const tolerance = {
  ulps: ({ types: { weight }, attrs }: KernelCall<'x' | 'weight' | 'bias?', GradientAttrs>) =>
    (weight.shape[0]! / attrs.groups) * sizeOf(weight.shape.slice(2)) + 4,
  magnitude: 'absolute',
} as const;

type Case<U> = readonly [x: Shape, weight: Shape, options: U, bias?: number];

const samplesOf = <U>(cases: readonly Case<U>[]) =>
  cases.map(([x, weight, options, bias]) => ({
    inputs: {
      x: { shape: x },
      weight: { shape: weight },
      ...(bias ? { bias: { shape: [bias] } as SampleInput } : {}),
    },
    options,
  }));

/**
 * Transposed convolution (as in PyTorch), the gradient of a convolution as a layer: x [n, c, h, w], weight
 * [c, o / groups, r, s], bias [o] or null, to [n, o, (h - 1) stride - 2 padding + dilation (r - 1) + outputPadding + 1,
 * likewise]. What outputPadding adds beyond the reach of the kernel is the bias alone.
 */
export const convTranspose2d = defineComposition({
  name: 'convTranspose2d',
  summary: 'y = Σ x · weight over the kernels that reach y + bias',
  inputs: ['x', 'weight', 'bias?'],
  kinds: convTranspose2dKinds,
  attributes(options: ConvTranspose2dOptions | undefined, types) {
    const { x, weight, bias } = types;
    expectDType('convTranspose2d', { x, weight, bias }, 'f32');
    expectRank('convTranspose2d', 'x', x, 4, '[batch, channels, height, width]');
    expectRank('convTranspose2d', 'weight', weight, 4, '[channels, filters / groups, height, width]');
    const attrs = transposeAttrs('convTranspose2d', options, x.shape, weight.shape, show(types));
    checkBias('convTranspose2d', bias, attrs.shape[1]!);
    return attrs;
  },
  compose: ({ x, weight, bias }, attrs) => transpose(x, weight, bias, attrs),
  reference: (inputs, attrs) => spread(inputs, inputs.weight.shape, attrs),
  linear: ['x', 'weight'],
  samples: samplesOf<ConvTranspose2dOptions>([
    [[1, 1, 1, 1], [1, 1, 1, 1], {}],
    [[2, 3, 4, 5], [3, 4, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }, 4],
    [[1, 4, 5, 3], [4, 3, 2, 3], { stride: [3, 1], groups: 2, dilation: [1, 2] }, 6],
    [[2, 3, 4, 3], [3, 1, 3, 3], { groups: 3, dilation: 3, outputPadding: 2 }],
    [[1, 2, 5, 5], [2, 2, 3, 3], { padding: [2, 0], dilation: [2, 1] }, 2],
    [[1, 16, 6, 8], [16, 16, 3, 3], { padding: 1 }, 16],
  ]),
  errors: [
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([4, 2, 3, 3]) },
      message: 'convTranspose2d: channels differ, x is [1,3,8,8], weight is [4,2,3,3]',
    },
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([3, 2, 3, 3]) },
      options: { groups: 2 },
      message: "convTranspose2d: channels don't divide into 2 groups, x is [1,3,8,8], weight is [3,2,3,3]",
    },
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([3, 2, 3, 3]) },
      options: { stride: 2, outputPadding: 2 },
      message: 'convTranspose2d: outputPadding 2 must be less than the stride or the dilation, 2',
    },
    {
      types: { x: f32([1, 3, 1, 1]), weight: f32([3, 2, 2, 2]) },
      options: { padding: 1 },
      message: 'convTranspose2d: padding leaves nothing of the output, x is [1,3,1,1], weight is [3,2,2,2]',
    },
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([3, 2, 3, 3]), bias: f32([2]) },
      options: { groups: 3 },
      message: 'convTranspose2d: bias must be [6], it is [2]',
    },
    {
      types: { x: f32([3, 8, 8]), weight: f32([3, 2, 3, 3]) },
      message: 'convTranspose2d: x must have 4 axes [batch, channels, height, width], it is [3,8,8]',
    },
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([3, 2, 3]) },
      message:
        'convTranspose2d: weight must have 4 axes [channels, filters / groups, height, width], it is [3,2,3]',
    },
    {
      types: { x: { shape: [1, 3, 8, 8], dtype: 'i32' }, weight: f32([3, 2, 3, 3]) },
      message: 'convTranspose2d: x must be f32, it is i32[1,3,8,8]',
    },
  ],
  tolerance: { wasm: { ...tolerance, magnitude: 'declared' }, webgpu: tolerance },
  magnitude({ x, weight, bias }, attrs) {
    const g = geometry(attrs.shape, weight.shape, attrs);
    const sums = inputGradientMagnitude(g, x.data, weight.data, attrs.algorithm);
    if (!bias) return sums;
    return sums.map(
      (v, i) => v + Math.abs(bias.data[Math.floor(i / g.height / g.width) % bias.data.length]!),
    );
  },
});

/** {@link convTranspose2d} over one axis: x [n, c, l], weight [c, o / groups, k], bias [o] or null. */
export const convTranspose1d = defineComposition({
  name: 'convTranspose1d',
  summary: 'y = Σ x · weight over the kernels that reach y + bias, over one axis',
  inputs: ['x', 'weight', 'bias?'],
  kinds: convTranspose1dKinds,
  attributes(options: ConvTranspose1dOptions = {}, types) {
    const { x, weight, bias } = types;
    expectDType('convTranspose1d', { x, weight, bias }, 'f32');
    expectRank('convTranspose1d', 'x', x, 3, '[batch, channels, length]');
    expectRank('convTranspose1d', 'weight', weight, 3, '[channels, filters / groups, length]');
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
    const attrs = transposeAttrs(
      'convTranspose1d',
      {
        stride: [1, stride],
        padding: [0, padding],
        outputPadding: [0, outputPadding],
        dilation: [1, dilation],
        groups,
      },
      asLine(x.shape),
      asLine(weight.shape),
      show(types),
    );
    checkBias('convTranspose1d', bias, attrs.shape[1]!);
    return attrs;
  },
  compose({ x, weight, bias }, attrs) {
    const lines = reshape(x, { shape: asLine(x.shape) });
    const y = transpose(lines, reshape(weight, { shape: asLine(weight.shape) }), bias, attrs);
    return reshape(y, { shape: [y.shape[0]!, y.shape[1]!, y.shape[3]!] });
  },
  reference: (inputs, attrs) => spread(inputs, asLine(inputs.weight.shape), attrs),
  linear: ['x', 'weight'],
  samples: samplesOf<ConvTranspose1dOptions>([
    [[1, 1, 1], [1, 1, 1], {}],
    [[2, 4, 7], [4, 3, 3], { stride: 3, padding: 1, outputPadding: 2, groups: 2 }, 6],
    [[1, 2, 5], [2, 3, 4], { dilation: 2 }],
  ]),
  errors: [
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 2, 3]) },
      message: 'convTranspose1d: channels differ, x is [1,3,8], weight is [4,2,3]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([3, 2, 3]) },
      options: { groups: 2 },
      message: "convTranspose1d: channels don't divide into 2 groups, x is [1,3,8], weight is [3,2,3]",
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([3, 2, 3]) },
      options: { outputPadding: 1 },
      message: 'convTranspose1d: outputPadding 1 must be less than the stride or the dilation, 1',
    },
    {
      types: { x: f32([1, 3, 1]), weight: f32([3, 2, 2]) },
      options: { padding: 1 },
      message: 'convTranspose1d: padding leaves nothing of the output, x is [1,3,1], weight is [3,2,2]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([3, 2, 3]), bias: f32([3]) },
      message: 'convTranspose1d: bias must be [2], it is [3]',
    },
    {
      types: { x: f32([3, 8]), weight: f32([3, 2, 3]) },
      message: 'convTranspose1d: x must have 3 axes [batch, channels, length], it is [3,8]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([3, 2]) },
      message: 'convTranspose1d: weight must have 3 axes [channels, filters / groups, length], it is [3,2]',
    },
    {
      types: { x: { shape: [1, 3, 8], dtype: 'bool' }, weight: f32([3, 2, 3]) },
      message: 'convTranspose1d: x must be f32, it is bool[1,3,8]',
    },
  ],
  tolerance: { wasm: tolerance, webgpu: tolerance },
});
