import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type SampleInput, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectRank, omit } from './common.js';
import {
  AXES4,
  type Conv2dAttrs,
  type Conv2dOptions,
  checkBias,
  checkShapes,
  conv2dAttrs,
  forEachProduct,
  type GradientAttrs,
  geometry,
  outShape,
} from './conv2d_geometry.js';
import {
  type ForwardCall,
  forwardGeometry,
  forwardWasm,
  forwardWebGPU,
  type InputGradientCall,
  inputGeometry,
  inputGradientWasm,
  inputGradientWebGPU,
  type WeightGradientCall,
  weightGeometry,
  weightGradientWasm,
  weightGradientWebGPU,
} from './conv2d_plan.js';
import { depthwiseInputGradientWasm, depthwiseWasm, depthwiseWeightGradientWasm } from './depthwise_plan.js';
import { addedBias } from './epilogue.js';
import { sum } from './reduce.js';
import { forwardMagnitude, inputGradientMagnitude } from './winograd_bound.js';
import { winogradForwardWasm, winogradInputGradientWasm } from './winograd_plan.js';

export type { Conv2dOptions, Padding2d } from './conv2d_geometry.js';

const dotTolerance = <C>(terms: (call: C) => number) =>
  ({ ulps: (call: C) => terms(call) + 4, magnitude: 'absolute' }) as const;
const forwardTolerance = dotTolerance((call: ForwardCall) => {
  const g = forwardGeometry(call);
  return g.channels * g.kernelHeight * g.kernelWidth;
});

/** Shapes and options that every one of the three passes is tried on: [x, weight, options]. */
const cases: readonly (readonly [Shape, Shape, Conv2dOptions])[] = [
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
  [[1, 1, 9, 11], [1, 1, 4, 5], { stride: [2, 3], dilation: [2, 1], padding: [3, 4] }],
  [[1, 1, 70, 110], [1, 1, 3, 3], { padding: 1 }],
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
];

/** Convolution (cross-correlation, as in PyTorch): x [n, c, h, w], weight [o, c / groups, r, s], bias [o] or null. */
export const conv2d = defineOp({
  name: 'conv2d',
  summary: 'y = x ⋆ weight + bias',
  inputs: ['x', 'weight', 'bias?'],
  attributes: (options: Conv2dOptions | undefined, { weight }) =>
    conv2dAttrs('conv2d', options, weight.shape.slice(2)),
  infer({ x, weight, bias }, attrs) {
    expectDType('conv2d', { x, weight, bias }, 'f32');
    expectRank('conv2d', 'x', x, 4, AXES4.x);
    expectRank('conv2d', 'weight', weight, 4, AXES4.weight);
    const g = checkShapes('conv2d', x.shape, weight.shape, attrs);
    checkBias('conv2d', bias, weight.shape[0]!);
    return f32(outShape(g));
  },
  reference({ x, weight, bias }, attrs, [y]) {
    const g = geometry(x.shape, weight.shape, attrs);
    const out = new Float64Array(sizeOf(y!.shape));
    const plane = g.outHeight * g.outWidth;
    if (bias)
      out.forEach((_, i) => {
        out[i] = bias.data[Math.floor(i / plane) % bias.data.length]!;
      });
    forEachProduct(g, (i, p, q) => {
      out[i]! += x.data[p]! * weight.data[q]!;
    });
    return out;
  },
  backward: {
    x: ({ grad, x, weight, attrs }): Value => conv2dInputGradient(grad, weight, { ...attrs, shape: x.shape }),
    weight: ({ grad, x, weight, attrs }): Value =>
      conv2dWeightGradient(x, grad, { ...attrs, shape: weight.shape }),
    bias: ({ grad }): Value => sum(grad, { axes: [0, 2, 3] }),
  },
  cost({ types, output, attrs }) {
    const g = geometry(types.x.shape, types.weight.shape, attrs);
    return { flops: 2 * sizeOf(output.shape) * g.channels * g.kernelHeight * g.kernelWidth };
  },
  kernels: {
    wasm: [
      depthwiseWasm,
      winogradForwardWasm('6x8', 'tile-6x8'),
      winogradForwardWasm('4x8'),
      forwardWasm('6x8', 'tile-6x8'),
      forwardWasm('4x8'),
    ],
    webgpu: forwardWebGPU,
  },
  absorbs({ x, weight, bias }, attrs, reader): Value | null {
    const added = bias ? null : addedBias(reader, -3);
    return added && conv2d(x, weight, added, attrs);
  },
  // With a bias the op is affine in x and weight: the adjoint samples leave it out.
  linear: ['x', 'weight'],
  samples: [
    ...cases.map(([x, weight, options]) => ({
      inputs: { x: { shape: x }, weight: { shape: weight } },
      options,
    })),
    ...cases.slice(1, 4).map(([x, weight, options]) => ({
      inputs: { x: { shape: x }, weight: { shape: weight }, bias: { shape: [weight[0]!] } as SampleInput },
      options,
    })),
  ],
  errors: [
    {
      types: { x: f32([1, 3, 8, 8]), weight: f32([4, 2, 3, 3]) },
      message: 'conv2d: channels differ, x is [1,3,8,8], weight is [4,2,3,3], groups is 1',
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
      message: 'conv2d: padding must be whole numbers [[top, bottom], [left, right]], got [[0,0.5],[0,0]]',
    },
    {
      types: { x: f32([1, 4, 8, 8]), weight: f32([3, 2, 3, 3]) },
      options: { groups: 2 },
      message: "conv2d: filters don't divide into 2 groups, x is [1,4,8,8], weight is [3,2,3,3]",
    },
  ],
  tolerance: { wasm: { ...forwardTolerance, magnitude: 'declared' }, webgpu: forwardTolerance },
  magnitude({ x, weight, bias }, attrs) {
    const g = geometry(x.shape, weight.shape, attrs);
    const sums = forwardMagnitude(g, x.data, weight.data);
    if (!bias) return sums;
    return sums.map(
      (v, i) => v + Math.abs(bias.data[Math.floor(i / g.outHeight / g.outWidth) % bias.data.length]!),
    );
  },
});

export interface Conv2dGradientOptions extends Conv2dOptions {
  /** The shape of the tensor whose gradient this is. */
  readonly shape: Shape;
}

function gradientAttrs(
  name: string,
  options: Conv2dGradientOptions | undefined,
  weight: Shape | undefined,
): GradientAttrs {
  if (!options) fail(name, 'needs options { shape }');
  const { shape } = options;
  return { ...conv2dAttrs(name, options, (weight ?? shape).slice(2)), shape };
}

/** Refuses an output gradient that no forward pass with these shapes gives. */
function checkGradient(name: string, dy: TensorType, x: Shape, weight: Shape, attrs: Conv2dAttrs): void {
  const expected = outShape(checkShapes(name, x, weight, attrs));
  if (!expected.every((size, axis) => size === dy.shape[axis])) {
    fail(name, `dy must be ${showShape(expected)}, it is ${showShape(dy.shape)}`);
  }
}

const outputOf = ([x, weight, options]: readonly [Shape, Shape, Conv2dOptions]): number[] =>
  outShape(geometry(x, weight, conv2dAttrs('conv2d', options, weight.slice(2))));

const inputTolerance = dotTolerance((call: InputGradientCall) => {
  const g = inputGeometry(call);
  return g.filters * g.kernelHeight * g.kernelWidth;
});

/** dx of `conv2d`: dy [n, o, oh, ow] spread back over the input, through the same weights. */
export const conv2dInputGradient = defineOp({
  name: 'conv2dInputGradient',
  summary: 'dx = Σ dy · weight over the outputs that x reaches',
  inputs: ['dy', 'weight'],
  attributes: (options: Conv2dGradientOptions | undefined, { weight }) =>
    gradientAttrs('conv2dInputGradient', options, weight.shape),
  infer({ dy, weight }, attrs) {
    expectDType('conv2dInputGradient', { dy, weight }, 'f32');
    expectRank('conv2dInputGradient', 'dy', dy, 4, '[batch, filters, height, width]');
    expectRank('conv2dInputGradient', 'weight', weight, 4, AXES4.weight);
    checkGradient('conv2dInputGradient', dy, attrs.shape, weight.shape, attrs);
    return f32(attrs.shape);
  },
  reference({ dy, weight }, attrs) {
    const dx = new Float64Array(sizeOf(attrs.shape));
    forEachProduct(geometry(attrs.shape, weight.shape, attrs), (i, p, q) => {
      dx[p]! += dy.data[i]! * weight.data[q]!;
    });
    return dx;
  },
  backward: {
    // dx is linear in dy with the convolution as its adjoint, and bilinear in weight.
    dy: ({ grad, weight, attrs }): Value => conv2d(grad, weight, null, omit(attrs, 'shape')),
    weight: ({ grad, dy, weight, attrs }): Value =>
      conv2dWeightGradient(grad, dy, { ...attrs, shape: weight.shape }),
  },
  cost: (call) => ({ flops: 2 * sizeOf(call.types.dy.shape) * sizeOf(call.types.weight.shape.slice(1)) }),
  kernels: {
    wasm: [
      depthwiseInputGradientWasm,
      winogradInputGradientWasm('6x8', 'tile-6x8'),
      winogradInputGradientWasm('4x8'),
      inputGradientWasm('6x8', 'tile-6x8'),
      inputGradientWasm('4x8'),
    ],
    webgpu: inputGradientWebGPU,
  },
  linear: ['dy', 'weight'],
  samples: cases.map((entry) => ({
    inputs: { dy: { shape: outputOf(entry) }, weight: { shape: entry[1] } },
    options: { ...entry[2], shape: entry[0] },
  })),
  errors: [
    {
      types: { dy: f32([1, 4, 8, 8]), weight: f32([4, 3, 3, 3]) },
      options: { shape: [1, 3, 8, 8] },
      message: 'conv2dInputGradient: dy must be [1,4,6,6], it is [1,4,8,8]',
    },
  ],
  tolerance: { wasm: { ...inputTolerance, magnitude: 'declared' }, webgpu: inputTolerance },
  magnitude: ({ dy, weight }, attrs) =>
    inputGradientMagnitude(geometry(attrs.shape, weight.shape, attrs), dy.data, weight.data),
});

const weightTolerance = dotTolerance((call: WeightGradientCall) => {
  const g = weightGeometry(call);
  return g.batch * g.outHeight * g.outWidth;
});

/** dweight of `conv2d`: for each tap, the sum over batch and outputs of dy times what the tap saw. */
export const conv2dWeightGradient = defineOp({
  name: 'conv2dWeightGradient',
  summary: 'dweight = Σ dy · x over batch and outputs',
  inputs: ['x', 'dy'],
  attributes: (options: Conv2dGradientOptions | undefined) =>
    gradientAttrs('conv2dWeightGradient', options, undefined),
  infer({ x, dy }, attrs) {
    expectDType('conv2dWeightGradient', { x, dy }, 'f32');
    expectRank('conv2dWeightGradient', 'x', x, 4, AXES4.x);
    expectRank('conv2dWeightGradient', 'dy', dy, 4, '[batch, filters, height, width]');
    checkGradient('conv2dWeightGradient', dy, x.shape, attrs.shape, attrs);
    return f32(attrs.shape);
  },
  reference({ x, dy }, attrs) {
    const dw = new Float64Array(sizeOf(attrs.shape));
    forEachProduct(geometry(x.shape, attrs.shape, attrs), (i, p, q) => {
      dw[q]! += dy.data[i]! * x.data[p]!;
    });
    return dw;
  },
  backward: {
    x: ({ grad, x, dy, attrs }): Value => conv2dInputGradient(dy, grad, { ...attrs, shape: x.shape }),
    dy: ({ grad, x, attrs }): Value => conv2d(x, grad, null, omit(attrs, 'shape')),
  },
  cost: (call) => ({ flops: 2 * sizeOf(call.types.dy.shape) * sizeOf(call.attrs.shape.slice(1)) }),
  kernels: {
    wasm: [depthwiseWeightGradientWasm, weightGradientWasm('6x8', 'tile-6x8'), weightGradientWasm('4x8')],
    webgpu: weightGradientWebGPU,
  },
  linear: ['x', 'dy'],
  samples: cases.map((entry) => ({
    inputs: { x: { shape: entry[0] }, dy: { shape: outputOf(entry) } },
    options: { ...entry[2], shape: entry[1] },
  })),
  errors: [
    {
      types: { x: f32([1, 3, 8, 8]), dy: f32([1, 4, 8, 8]) },
      options: { shape: [4, 3, 3, 3] },
      message: 'conv2dWeightGradient: dy must be [1,4,6,6], it is [1,4,8,8]',
    },
  ],
  tolerance: { wasm: weightTolerance, webgpu: weightTolerance },
});
