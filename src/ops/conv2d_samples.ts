import { type ErrorCase, f32, type SampleInput } from '../op.js';
import type { Shape } from '../shape.js';
import {
  type Conv2dActivation,
  type Conv2dAlgorithm,
  type Conv2dOptions,
  conv2dAttrs,
  geometry,
  outShape,
} from './conv2d_geometry.js';

export type Case = readonly [x: Shape, weight: Shape, options: Conv2dOptions];

/** Shapes and options that every one of the three passes is tried on: [x, weight, options]. */
export const cases: readonly Case[] = [
  [[1, 1, 1, 1], [1, 1, 1, 1], {}],
  [[2, 3, 7, 6], [4, 3, 3, 3], {}],
  [[1, 2, 5, 9], [5, 2, 3, 2], { padding: [1, 0] }],
  [[2, 1, 12, 12], [8, 1, 5, 5], { padding: 2 }],
  [[2, 4, 9, 8], [6, 4, 3, 3], { stride: 2, padding: 1 }],
  [[1, 3, 11, 10], [7, 3, 3, 3], { stride: [3, 2], dilation: 2, padding: [2, 3] }],
  [[2, 4, 6, 6], [8, 2, 3, 3], { groups: 2, padding: 1 }],
  [[1, 3, 8, 8], [6, 1, 3, 3], { groups: 3 }],
  [[3, 13, 4, 4], [17, 13, 1, 1], {}],
  [[1, 2, 6, 6], [3, 2, 2, 2], { padding: 2 }],
  [[1, 48, 5, 5], [3, 48, 3, 3], { padding: 1 }],
  [[1, 2, 6, 7], [3, 2, 4, 2], { padding: 'same', dilation: [1, 2] }],
  [
    [2, 2, 5, 6],
    [4, 1, 3, 3],
    {
      padding: [
        [-1, 2],
        [3, -2],
      ],
      groups: 2,
      stride: [1, 2],
    },
  ],
  [[2, 5, 9, 8], [5, 1, 3, 3], { groups: 5, stride: 2, padding: 2, dilation: 2 }],
  // Depthwise: rows of one to more than sixteen pixels, strides of 1 to 3, filters of any size, more rows than a band.
  [[2, 3, 7, 21], [3, 1, 3, 3], { groups: 3, padding: 1 }],
  [[1, 2, 6, 18], [2, 1, 3, 3], { groups: 2, stride: 2, padding: 1 }],
  [[1, 2, 3, 5], [2, 1, 3, 3], { groups: 2, padding: [0, 1] }],
  [[2, 6, 5, 7], [6, 1, 3, 3], { groups: 6, padding: 1 }],
  [[1, 1, 9, 11], [1, 1, 4, 5], { stride: [2, 3], dilation: [2, 1], padding: [3, 4] }],
  [[1, 1, 70, 110], [1, 1, 3, 3], { padding: 1 }],
  [[1, 3, 8, 13], [3, 1, 5, 5], { groups: 3, padding: 2 }],
  [[2, 2, 8, 12], [2, 1, 5, 5], { groups: 2, stride: 2, padding: 2 }],
  [[1, 2, 7, 5], [2, 1, 5, 5], { groups: 2, stride: 2, padding: [3, 1] }],
  [[1, 1, 6, 1100], [1, 1, 5, 5], { padding: 2 }],
  [[1, 1, 8, 1100], [1, 1, 5, 5], { stride: 2, padding: 2 }],
  // What Winograd takes: rows of one to more than four tiles, odd sizes, images that share a panel, rows beyond the input.
  [[1, 16, 8, 9], [17, 16, 3, 3], { padding: 1 }],
  [[8, 17, 3, 3], [16, 17, 3, 3], { padding: 2 }],
  [[3, 32, 6, 7], [32, 16, 3, 3], { groups: 2 }],
  [[2, 16, 14, 14], [18, 16, 3, 3], { padding: 1 }],
  [
    [1, 16, 7, 9],
    [97, 16, 3, 3],
    {
      padding: [
        [4, -1],
        [-1, 5],
      ],
    },
  ],
  // F(4, 3): rows of one to more than four tiles with any remainder, images that share a panel, rows beyond the input,
  // narrow inputs; F(2, 3) and the direct kernel where the choice would be the other.
  [[1, 16, 6, 23], [17, 16, 3, 3], { padding: 1, algorithm: 'winograd4' }],
  [[5, 17, 2, 3], [16, 17, 3, 3], { padding: 2, algorithm: 'winograd4' }],
  [[2, 32, 7, 10], [32, 16, 3, 3], { groups: 2, algorithm: 'winograd4' }],
  [
    [1, 16, 5, 6],
    [18, 16, 3, 3],
    {
      padding: [
        [5, -1],
        [-1, 6],
      ],
      algorithm: 'winograd4',
    },
  ],
  [[1, 16, 4, 4], [16, 16, 3, 3], { algorithm: 'winograd2' }],
  [[1, 16, 8, 9], [17, 16, 3, 3], { padding: 1, algorithm: 'direct' }],
  // More pixels and taps than one block or tile takes, rows of any length, images that share a panel, one thin filter.
  [[5, 3, 3, 3], [2, 3, 2, 2], { padding: 1 }],
  [[1, 9, 14, 13], [9, 9, 3, 3], { padding: 1, stride: 2 }],
  [[2, 6, 30, 28], [1, 6, 3, 3], { padding: 1 }],
  [[1, 46, 6, 10], [2, 46, 3, 3], { padding: [1, 0] }],
  [[3, 3, 7, 9], [4, 3, 1, 1], { stride: 2 }],
  [[1, 2, 9, 7], [3, 2, 2, 2], { stride: 3 }],
  [[2, 3, 13, 16], [5, 3, 4, 4], { stride: 4 }],
  // Input-gradients that spread columns: whole and part panels, several images, rows of padding, dilation, a sum of blocks.
  [[3, 7, 12, 12], [5, 7, 5, 5], {}],
  [[2, 5, 7, 9], [3, 5, 4, 3], { padding: [1, 0] }],
  [[1, 4, 9, 12], [6, 4, 3, 3], { dilation: 2 }],
  [[1, 4, 6, 9], [84, 4, 5, 2], {}],
  // Planes of 4096 bytes.
  [[1, 2, 32, 32], [7, 2, 1, 1], {}],
  // More channels than half the largest tile; pixels in several shares for tiles of filters by taps.
  [[1, 70, 5, 5], [3, 70, 3, 3], { padding: 1 }],
  [[3, 2, 12, 12], [17, 2, 3, 3], {}],
  // Of 1 x 1, in every pass as products of the largest tile; a weight-gradient of several images by columns.
  [[1, 3, 9, 9], [66, 3, 1, 1], {}],
  [[1, 66, 9, 9], [5, 66, 1, 1], {}],
  [[1, 65, 2, 3], [66, 65, 1, 1], {}],
  [[2, 6, 4, 4], [7, 6, 2, 2], { stride: 2 }],
  // Of 1 x 1 on wasm with all panels packed, also those in which an image ends.
  [[3, 5, 3, 5], [48, 5, 1, 1], {}],
  // Depthwise of 5 x 5 with four channels in the lanes: one channel more, rows of part tiles, strides of 1 and 2.
  [[2, 5, 8, 5], [5, 1, 5, 5], { groups: 5, padding: [1, 2] }],
  [[1, 5, 9, 8], [5, 1, 5, 5], { groups: 5, stride: 2, padding: 2 }],
  // No images.
  [[0, 3, 6, 7], [4, 3, 3, 3], { padding: 1 }],
  [[0, 2, 5, 5], [2, 1, 3, 3], { groups: 2 }],
  [[0, 4, 3, 3], [3, 4, 1, 1], {}],
];

export const outputOf = ([x, weight, options]: Case): number[] =>
  outShape(geometry(x, weight, conv2dAttrs('conv2d', options, weight.slice(2))));

/** Cases that are tried with an activation or its mask too. */
export const activated = [
  cases[3]!,
  cases[4]!,
  cases[6]!,
  cases[8]!,
  cases[14]!,
  cases[15]!,
  cases[17]!,
  cases[20]!,
  cases[25]!,
  cases[33]!,
  cases[39]!,
  cases.at(-5)!,
  cases.at(-4)!,
  cases.at(-1)!,
];

/** A mask: clear of zero, with either sign. */
export const maskOf = (entry: Case): SampleInput => ({
  shape: outputOf(entry),
  domain: [0.5, 1],
  signed: true,
});

/** Inputs whose sums stay clear of relu's kink: the bias outweighs them. */
export const clear = ([x, weight]: Case) => ({
  x: { shape: x },
  weight: { shape: weight, domain: [-0.05, 0.05] as const },
  bias: { shape: [weight[0]!], domain: [2, 3] as const, signed: true },
});

export const forwardErrors: readonly ErrorCase<
  'x' | 'weight' | 'bias?',
  Conv2dOptions & { activation?: Conv2dActivation | null }
>[] = [
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 2, 3, 3]) },
    message: 'conv2d: channels differ, x is [1,3,8,8], weight is [4,2,3,3], groups is 1',
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([0, 3, 3, 3]) },
    message: 'conv2d: there must be filters and channels, x is [1,3,8,8], weight is [0,3,3,3]',
  },
  {
    types: { x: f32([1, 3, 2, 2]), weight: f32([4, 3, 3, 3]) },
    message:
      'conv2d: the kernel is larger than the padded input, x is [1,3,2,2], weight is [4,3,3,3], padding is [0,0]',
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]), bias: f32([3]) },
    message: 'conv2d: bias must be [4], it is [3]',
  },
  {
    types: { x: f32([3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    message: 'conv2d: x must have 4 axes [batch, channels, height, width], it is [3,8,8]',
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: { stride: 0 },
    message: 'conv2d: stride must be a whole number of at least 1, got 0',
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: { padding: 'same', stride: 2 },
    message: "conv2d: padding 'same' needs stride 1, it is [2,2]",
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: {
      padding: [
        [0, 0.5],
        [0, 0],
      ],
    },
    message:
      "conv2d: padding must be 'same', 'valid', a whole number, a pair of them or [[top, bottom], [left, right]], got [[0,0.5],[0,0]]",
  },
  {
    types: { x: f32([1, 4, 8, 8]), weight: f32([3, 2, 3, 3]) },
    options: { groups: 2 },
    message: "conv2d: filters don't divide into 2 groups, x is [1,4,8,8], weight is [3,2,3,3]",
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: { activation: 'tanh' as Conv2dActivation },
    message: "conv2d: activation must be one of relu or null, got 'tanh'",
  },
  {
    types: { x: f32([1, 3, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: { algorithm: 'fft' as Conv2dAlgorithm },
    message: "conv2d: algorithm must be one of auto, direct, winograd2, winograd4, got 'fft'",
  },
  {
    types: { x: f32([1, 16, 8, 8]), weight: f32([16, 16, 3, 3]) },
    options: { algorithm: 'winograd4', stride: 2 },
    message:
      'conv2d: algorithm winograd4 takes 3 x 3 kernels at stride and dilation 1, with 16 channels and filters or more in each group, x is [1,16,8,8], weight is [16,16,3,3], stride is [2,2], dilation is [1,1], groups is 1',
  },
];

export const inputGradientErrors: readonly ErrorCase<
  'dy' | 'weight' | 'mask?',
  Conv2dOptions & { shape: Shape }
>[] = [
  {
    types: { dy: f32([1, 4, 8, 8]), weight: f32([4, 3, 3, 3]) },
    options: { shape: [1, 3, 8, 8] },
    message: 'conv2dInputGradient: dy must be [1,4,6,6], it is [1,4,8,8]',
  },
  {
    types: { dy: f32([1, 4, 6, 6]), weight: f32([4, 3, 3, 3]), mask: f32([1, 4, 6, 1]) },
    options: { shape: [1, 3, 8, 8] },
    message: "conv2dInputGradient: mask must have dy's shape [1,4,6,6], it is [1,4,6,1]",
  },
];

export const weightGradientErrors: readonly ErrorCase<
  'x' | 'dy' | 'mask?',
  Conv2dOptions & { shape: Shape }
>[] = [
  {
    types: { x: f32([1, 3, 8, 8]), dy: f32([1, 4, 8, 8]) },
    options: { shape: [4, 3, 3, 3] },
    message: 'conv2dWeightGradient: dy must be [1,4,6,6], it is [1,4,8,8]',
  },
  {
    types: { x: f32([1, 3, 8, 8]), dy: f32([1, 4, 6, 6]), mask: f32([4, 6, 6]) },
    options: { shape: [4, 3, 3, 3] },
    message: "conv2dWeightGradient: mask must have dy's shape [1,4,6,6], it is [4,6,6]",
  },
];
