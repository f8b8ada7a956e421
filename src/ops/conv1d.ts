import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { either, type Kinds, oneOf, whole, wholeOrPair } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectRank, expectWhole } from './common.js';
import { conv2d } from './conv2d.js';
import {
  type Conv2dAttrs,
  checkBias,
  checkChannels,
  forEachProduct,
  geometry,
  paddingOf,
} from './conv2d_geometry.js';
import { reshape } from './layout.js';

export interface Conv1dOptions {
  readonly stride?: number;
  /**
   * Zeros on both sides, default 0; or [before, after], where negative numbers crop; or 'valid' for none; or 'same' for
   * as many as keep the length, which takes stride 1: an odd one goes to the end.
   */
  readonly padding?: 'same' | 'valid' | number | readonly [number, number];
  readonly dilation?: number;
  /** Splits channels and filters into groups that don't see each other, default 1. */
  readonly groups?: number;
}

export const conv1dKinds: Kinds<Conv1dOptions> = {
  stride: whole,
  padding: either(oneOf('same', 'valid'), wholeOrPair, "'same', 'valid', a whole number or [before, after]"),
  dilation: whole,
  groups: whole,
};

/** Attributes of the two-dimensional convolution over lines of height 1. */
function lineAttrs(options: Conv1dOptions = {}, kernel: number): Conv2dAttrs {
  const stride = expectWhole('conv1d', 'stride', options.stride ?? 1, 1);
  const dilation = expectWhole('conv1d', 'dilation', options.dilation ?? 1, 1);
  const groups = expectWhole('conv1d', 'groups', options.groups ?? 1, 1);
  const { padding = 0 } = options;
  return {
    stride: [1, stride],
    padding: [[0, 0], line(padding, kernel, stride, dilation)],
    dilation: [1, dilation],
    groups,
    algorithm: 'auto',
  };
}

/** Zeros before and after a line. */
function line(
  padding: NonNullable<Conv1dOptions['padding']>,
  kernel: number,
  stride: number,
  dilation: number,
): readonly [number, number] {
  if (padding === 'same') {
    if (stride !== 1) fail('conv1d', `padding 'same' needs stride 1, it is ${stride}`);
    return paddingOf('conv1d', padding, [1, kernel], [1, 1], [1, dilation])[1];
  }
  if (padding === 'valid') return [0, 0];
  if (typeof padding === 'number') {
    expectWhole('conv1d', 'padding', padding, 0);
    return [padding, padding];
  }
  return padding;
}

/** [n, c, l] as a picture of one line. */
export const asLine = ([batch, channels, length]: Shape): number[] => [batch!, channels!, 1, length!];

const geometryOf = (x: TensorType, weight: TensorType, attrs: Conv2dAttrs) =>
  geometry(asLine(x.shape), asLine(weight.shape), attrs);

interface Types {
  readonly x: TensorType;
  readonly weight: TensorType;
  readonly bias: TensorType | null;
}

function checkLine({ x, weight, bias }: Types, attrs: Conv2dAttrs): void {
  checkChannels('conv1d', x.shape, weight.shape, attrs.groups);
  checkBias('conv1d', bias, weight.shape[0]!);
  if (geometryOf(x, weight, attrs).outWidth < 1) {
    const shown = `x is ${showShape(x.shape)}, weight is ${showShape(weight.shape)}`;
    const padding = `padding is ${showShape(attrs.padding[1])}`;
    fail('conv1d', `the kernel is longer than the padded input, ${shown}, ${padding}`);
  }
}

// Each product and each sum rounds once: as many as a filter has taps, and the bias.
const tolerance = {
  ulps: ({ types: { weight } }: KernelCall<'x' | 'weight' | 'bias?', Conv2dAttrs>) =>
    sizeOf(weight.shape.slice(1)) + 4,
  magnitude: 'absolute',
} as const;

/** Convolution of lines (as in PyTorch): x [n, c, l], weight [o, c / groups, k], bias [o] or null to [n, o, length]. */
export const conv1d = defineComposition({
  name: 'conv1d',
  summary: 'y = x ⋆ weight + bias over one axis',
  inputs: ['x', 'weight', 'bias?'],
  kinds: conv1dKinds,
  attributes(options: Conv1dOptions | undefined, { x, weight, bias }) {
    expectDType('conv1d', { x, weight, bias }, 'f32');
    expectRank('conv1d', 'x', x, 3, '[batch, channels, length]');
    expectRank('conv1d', 'weight', weight, 3, '[filters, channels / groups, length]');
    const attrs = lineAttrs(options, weight.shape[2]!);
    checkLine({ x, weight, bias }, attrs);
    return attrs;
  },
  compose({ x, weight, bias }, attrs) {
    const lines = reshape(x, { shape: asLine(x.shape) });
    const y = conv2d(lines, reshape(weight, { shape: asLine(weight.shape) }), bias, attrs);
    return reshape(y, { shape: [y.shape[0]!, y.shape[1]!, y.shape[3]!] });
  },
  reference({ x, weight, bias }, attrs, [y]) {
    const [, filters, length] = y!.shape as [number, number, number];
    const out = new Float64Array(sizeOf(y!.shape));
    out.forEach((_, i) => {
      out[i] = bias?.data[Math.floor(i / length) % filters] ?? 0;
    });
    forEachProduct(geometryOf(x, weight, attrs), (i, p, q) => {
      out[i]! += x.data[p]! * weight.data[q]!;
    });
    return out;
  },
  linear: ['x', 'weight'],
  samples: [
    { inputs: { x: { shape: [1, 1, 1] }, weight: { shape: [1, 1, 1] } } },
    { inputs: { x: { shape: [2, 3, 11] }, weight: { shape: [5, 3, 4] }, bias: { shape: [5] } } },
    {
      inputs: { x: { shape: [1, 4, 13] }, weight: { shape: [6, 2, 3] } },
      options: { stride: 2, padding: 2, dilation: 3, groups: 2 },
    },
    {
      inputs: { x: { shape: [2, 3, 9] }, weight: { shape: [3, 1, 4] } },
      options: { padding: 'same', groups: 3 },
    },
    {
      inputs: { x: { shape: [1, 2, 7] }, weight: { shape: [2, 2, 3] } },
      options: { padding: [4, -1], dilation: 2 },
    },
  ],
  errors: [
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 2, 3]) },
      message: 'conv1d: channels differ, x is [1,3,8], weight is [4,2,3], groups is 1',
    },
    {
      types: { x: f32([1, 4, 8]), weight: f32([3, 2, 3]) },
      options: { groups: 2 },
      message: "conv1d: filters don't divide into 2 groups, x is [1,4,8], weight is [3,2,3]",
    },
    {
      types: { x: f32([1, 3, 2]), weight: f32([4, 3, 3]) },
      message:
        'conv1d: the kernel is longer than the padded input, x is [1,3,2], weight is [4,3,3], padding is [0,0]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 3, 3]), bias: f32([3]) },
      message: 'conv1d: bias must be [4], it is [3]',
    },
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3]) },
      message: 'conv1d: x must have 3 axes [batch, channels, length], it is [1,3,8,8]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 3, 3, 3]) },
      message: 'conv1d: weight must have 3 axes [filters, channels / groups, length], it is [4,3,3,3]',
    },
    {
      types: { x: { shape: [1, 3, 8], dtype: 'i32' }, weight: f32([4, 3, 3]) },
      message: 'conv1d: x must be f32, it is i32[1,3,8]',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 3, 3]) },
      options: { padding: 'same', stride: 2 },
      message: "conv1d: padding 'same' needs stride 1, it is 2",
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 3, 3]) },
      options: { padding: -1 },
      message: 'conv1d: padding must be a whole number of at least 0, got -1',
    },
    {
      types: { x: f32([1, 3, 8]), weight: f32([4, 3, 3]) },
      options: { padding: [1] as unknown as [number, number] },
      message: "conv1d: padding must be 'same', 'valid', a whole number or [before, after], got [1]",
    },
  ],
  tolerance: { wasm: tolerance, webgpu: tolerance },
});
