import { defineOp, defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, oneOf, orNull, wholes } from '../kinds.js';
import {
  expectDType,
  type Fold,
  f32,
  type RefTensor,
  type SampleInput,
  type TensorType,
  type Value,
} from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { expectRank, omit } from './common.js';
import {
  type ForwardCall,
  forwardGeometry,
  type InputGradientCall,
  inputGeometry,
  type WeightGradientCall,
  weightGeometry,
} from './conv2d_calls.js';
import { orEmpty } from './conv2d_empty.js';
import {
  AXES4,
  type Conv2dActivation,
  type Conv2dAttrs,
  type Conv2dOptions,
  checkBias,
  checkShapes,
  conv2dAttrs,
  conv2dKinds,
  type ForwardAttrs,
  forEachProduct,
  type GradientAttrs,
  geometry,
  outShape,
  type WeightGradientAttrs,
} from './conv2d_geometry.js';
import { forwardWasm, inputGradientWasm, weightGradientWasm } from './conv2d_plan.js';
import {
  activated,
  cases,
  clear,
  forwardErrors,
  inputGradientErrors,
  maskOf,
  outputOf,
  weightGradientErrors,
} from './conv2d_samples.js';
import { forwardWebGPU, inputGradientWebGPU, weightGradientWebGPU } from './conv2d_webgpu.js';
import { depthwiseInputGradientWasm, depthwiseWasm, depthwiseWeightGradientWasm } from './depthwise_plan.js';
import { addedBias, foldMask } from './epilogue.js';
import { broadcastTo, reshape } from './layout.js';
import { relu, reluBackward } from './rectifier.js';
import { forwardMagnitude, inputGradientMagnitude } from './winograd_bound.js';
import { winogradForwardWasm, winogradInputGradientWasm } from './winograd_plan.js';

export type { Conv2dOptions } from './conv2d_geometry.js';

const dotTolerance = <C>(terms: (call: C) => number) =>
  ({ ulps: (call: C) => terms(call) + 4, magnitude: 'absolute' }) as const;
const forwardTolerance = dotTolerance((call: ForwardCall) => {
  const g = forwardGeometry(call);
  return g.channels * g.kernelHeight * g.kernelWidth;
});

export interface Conv2dForwardOptions extends Conv2dOptions {
  /** Applied to every element of the result; default null: none. */
  readonly activation?: Conv2dActivation | null;
}

export const conv2dForwardKinds: Kinds<Conv2dForwardOptions> = {
  ...conv2dKinds,
  activation: orNull(oneOf('relu')),
};

function forwardAttrs(options: Conv2dForwardOptions | undefined, kernel: Shape): ForwardAttrs {
  return { ...conv2dAttrs('conv2d', options, kernel), activation: options?.activation ?? null };
}

/** y as a mask of the gradient where an activation gave it. */
const maskOfOutput = (y: Value, { activation }: ForwardAttrs): Value | null => (activation ? y : null);

/** The gradients of weight and bias: the rules of both record it, and equal nodes are merged. */
function parameterGradients(
  { x, weight, bias }: { x: Value; weight: Value; bias: Value | null },
  { grad, output, attrs }: { grad: Value; output: Value; attrs: ForwardAttrs },
): readonly Value[] {
  const options = { ...omit(attrs, 'activation'), shape: weight.shape, bias: bias !== null };
  return conv2dWeightGradient(x, grad, maskOfOutput(output, attrs), options);
}

/** Convolution (cross-correlation, as in PyTorch): x [n, c, h, w], weight [o, c / groups, r, s], bias [o] or null. */
export const conv2d = defineOp({
  name: 'conv2d',
  summary: 'y = activation(x ⋆ weight + bias)',
  inputs: ['x', 'weight', 'bias?'],
  factors: ['x', 'weight'],
  kinds: conv2dForwardKinds,
  attributes: (options: Conv2dForwardOptions | undefined, { weight }) =>
    forwardAttrs(options, weight.shape.slice(2)),
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
    return attrs.activation ? out.map((v) => (v <= 0 ? 0 : v)) : out;
  },
  backward: {
    x: ({ grad, output, x, weight, attrs }): Value => {
      const options = { ...omit(attrs, 'activation'), shape: x.shape };
      return conv2dInputGradient(grad, weight, maskOfOutput(output, attrs), options);
    },
    weight: ({ x, weight, bias, ...context }): Value => parameterGradients({ x, weight, bias }, context)[0]!,
    bias: ({ x, weight, bias, ...context }): Value => parameterGradients({ x, weight, bias }, context)[1]!,
  },
  cost({ types, output, attrs }) {
    const g = geometry(types.x.shape, types.weight.shape, attrs);
    return { flops: 2 * sizeOf(output.shape) * g.channels * g.kernelHeight * g.kernelWidth };
  },
  kernels: {
    wasm: [
      depthwiseWasm,
      winogradForwardWasm('6x16', 'tile-6x16'),
      winogradForwardWasm('6x8', 'tile-6x8'),
      winogradForwardWasm('4x8'),
      forwardWasm('6x16', 'tile-6x16'),
      forwardWasm('6x8', 'tile-6x8'),
      forwardWasm('4x8'),
    ],
    webgpu: forwardWebGPU,
  },
  absorbs({ x, weight, bias }, attrs, reader): Value | null {
    if (attrs.activation) return null;
    if (reader.op === relu.op) return conv2d(x, weight, bias, { ...attrs, activation: 'relu' });
    const added = bias ? null : addedBias(reader, -3);
    return added && conv2d(x, weight, added, attrs);
  },
  // With a bias the op is affine in x and weight: the adjoint samples leave it out.
  linear: ['x', 'weight'],
  samples: [
    ...cases.map(([x, weight, options]) => ({
      inputs: { x: { shape: x }, weight: { shape: weight } },
      options: options as Conv2dForwardOptions,
    })),
    ...cases.slice(1, 4).map(([x, weight, options]) => ({
      inputs: { x: { shape: x }, weight: { shape: weight }, bias: { shape: [weight[0]!] } as SampleInput },
      options: options as Conv2dForwardOptions,
    })),
    ...activated.map((entry) => ({
      inputs: clear(entry),
      options: { ...entry[2], activation: 'relu' as const },
    })),
  ],
  errors: forwardErrors,
  // The bias counts with its absolute value in the magnitude, and relu adds no error.
  tolerance: { wasm: { ...forwardTolerance, magnitude: 'declared' }, webgpu: forwardTolerance },
  magnitude({ x, weight, bias }, attrs) {
    const g = geometry(x.shape, weight.shape, attrs);
    const sums = forwardMagnitude(g, x.data, weight.data, attrs.algorithm);
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

export const conv2dGradientKinds: Kinds<Conv2dGradientOptions> = { ...conv2dKinds, shape: wholes };

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

/** Refuses a mask that does not have dy's shape. */
function checkMask(name: string, mask: TensorType | null, dy: TensorType): void {
  if (mask && !sameShape(mask.shape, dy.shape))
    fail(name, `mask must have dy's shape ${showShape(dy.shape)}, it is ${showShape(mask.shape)}`);
}

/** dy where the mask is above 0. */
const through = (dy: RefTensor, mask: RefTensor | null): Float64Array =>
  mask ? dy.data.map((v, i) => (mask.data[i]! <= 0 ? 0 : v)) : dy.data;
const throughValue = (dy: Value, mask: Value | null): Value => (mask ? reluBackward(dy, mask) : dy);

const inputTolerance = dotTolerance((call: InputGradientCall) => {
  const g = inputGeometry(call);
  return g.filters * g.kernelHeight * g.kernelWidth;
});

/**
 * dx of `conv2d`: dy [n, o, oh, ow] spread back over the input, through the same weights. With a mask, the output of a
 * convolution whose activation is relu, dy counts where it is not 0.
 */
export const conv2dInputGradient = defineOp({
  name: 'conv2dInputGradient',
  summary: 'dx = Σ dy · weight over the outputs that x reaches',
  inputs: ['dy', 'weight', 'mask?'],
  factors: ['dy', 'weight'],
  kinds: conv2dGradientKinds,
  attributes: (options: Conv2dGradientOptions | undefined, { weight }) =>
    gradientAttrs('conv2dInputGradient', options, weight.shape),
  infer({ dy, weight, mask }, attrs) {
    expectDType('conv2dInputGradient', { dy, weight, mask }, 'f32');
    expectRank('conv2dInputGradient', 'dy', dy, 4, '[batch, filters, height, width]');
    expectRank('conv2dInputGradient', 'weight', weight, 4, AXES4.weight);
    checkGradient('conv2dInputGradient', dy, attrs.shape, weight.shape, attrs);
    checkMask('conv2dInputGradient', mask, dy);
    return f32(attrs.shape);
  },
  reference({ dy, weight, mask }, attrs) {
    const dx = new Float64Array(sizeOf(attrs.shape));
    const counted = through(dy, mask);
    forEachProduct(geometry(attrs.shape, weight.shape, attrs), (i, p, q) => {
      dx[p]! += counted[i]! * weight.data[q]!;
    });
    return dx;
  },
  backward: {
    // dx is linear in dy with the convolution as its adjoint, and bilinear in weight.
    dy: ({ grad, weight, mask, attrs }): Value =>
      throughValue(conv2d(grad, weight, null, omit(attrs, 'shape')), mask),
    weight: ({ grad, dy, weight, mask, attrs }): Value =>
      conv2dWeightGradient(grad, dy, mask, { ...attrs, shape: weight.shape })[0]!,
    mask: () => null,
  },
  cost: (call) => ({ flops: 2 * sizeOf(call.types.dy.shape) * sizeOf(call.types.weight.shape.slice(1)) }),
  kernels: {
    wasm: [
      depthwiseInputGradientWasm,
      winogradInputGradientWasm('6x16', 'tile-6x16'),
      winogradInputGradientWasm('6x8', 'tile-6x8'),
      winogradInputGradientWasm('4x8'),
      inputGradientWasm('6x16', 'tile-6x16'),
      inputGradientWasm('6x8', 'tile-6x8'),
      inputGradientWasm('4x8'),
    ],
    webgpu: inputGradientWebGPU,
  },
  folds: ({ dy, weight, mask }, attrs): Fold | null =>
    foldMask(dy, mask, (grad, y) => [conv2dInputGradient(grad, weight, y, attrs)]),
  linear: ['dy', 'weight'],
  samples: [
    ...cases.map((entry) => ({
      inputs: { dy: { shape: outputOf(entry) }, weight: { shape: entry[1] } },
      options: { ...entry[2], shape: entry[0] },
    })),
    ...activated.map((entry) => ({
      inputs: { dy: { shape: outputOf(entry) }, weight: { shape: entry[1] }, mask: maskOf(entry) },
      options: { ...entry[2], shape: entry[0] },
    })),
  ],
  errors: inputGradientErrors,
  tolerance: { wasm: { ...inputTolerance, magnitude: 'declared' }, webgpu: inputTolerance },
  magnitude: ({ dy, weight, mask }, attrs) =>
    inputGradientMagnitude(
      geometry(attrs.shape, weight.shape, attrs),
      through(dy, mask),
      weight.data,
      attrs.algorithm,
    ),
});

const weightTolerance = dotTolerance((call: WeightGradientCall) => {
  const g = weightGeometry(call);
  return g.batch * g.outHeight * g.outWidth;
});

export interface Conv2dWeightGradientOptions extends Conv2dGradientOptions {
  /** Whether the gradient of the bias is given too, default false. */
  readonly bias?: boolean;
}

export const conv2dWeightGradientKinds: Kinds<Conv2dWeightGradientOptions> = {
  ...conv2dGradientKinds,
  bias: flag,
};

/**
 * dweight of `conv2d`: for each tap, the sum over batch and outputs of dy times what the tap saw; and where `bias` asks for
 * it dbias, the sum of dy. With a mask, the output of a convolution whose activation is relu, dy counts where it is not 0.
 */
export const conv2dWeightGradient = defineOpWithOutputs({
  name: 'conv2dWeightGradient',
  summary: 'dweight = Σ dy · x over batch and outputs, dbias = Σ dy',
  inputs: ['x', 'dy', 'mask?'],
  factors: ['x', 'dy'],
  kinds: conv2dWeightGradientKinds,
  attributes: (options: Conv2dWeightGradientOptions | undefined): WeightGradientAttrs => ({
    ...gradientAttrs('conv2dWeightGradient', options, undefined),
    bias: options?.bias ?? false,
  }),
  infer({ x, dy, mask }, attrs) {
    expectDType('conv2dWeightGradient', { x, dy, mask }, 'f32');
    expectRank('conv2dWeightGradient', 'x', x, 4, AXES4.x);
    expectRank('conv2dWeightGradient', 'dy', dy, 4, '[batch, filters, height, width]');
    checkGradient('conv2dWeightGradient', dy, x.shape, attrs.shape, attrs);
    checkMask('conv2dWeightGradient', mask, dy);
    return attrs.bias ? [f32(attrs.shape), f32([attrs.shape[0]!])] : [f32(attrs.shape)];
  },
  reference({ x, dy, mask }, attrs) {
    const dw = new Float64Array(sizeOf(attrs.shape));
    const db = new Float64Array(attrs.shape[0]!);
    const counted = through(dy, mask);
    const plane = sizeOf(dy.shape.slice(2));
    forEachProduct(geometry(x.shape, attrs.shape, attrs), (i, p, q) => {
      dw[q]! += counted[i]! * x.data[p]!;
    });
    counted.forEach((v, i) => {
      db[Math.floor(i / plane) % db.length]! += v;
    });
    return attrs.bias ? [dw, db] : [dw];
  },
  backward: {
    x({ grads: [dweight], x, dy, mask, attrs }) {
      return dweight
        ? conv2dInputGradient(dy, dweight, mask, { ...omit(attrs, 'bias'), shape: x.shape })
        : null;
    },
    // dweight and dbias are linear in dy: a convolution with both as weight and bias.
    dy({ grads: [dweight, dbias = null], x, dy, mask, attrs }) {
      const plain = omit(omit(attrs, 'shape'), 'bias');
      const spread = dweight
        ? conv2d(x, dweight, dbias, plain)
        : broadcastTo(reshape(dbias!, { shape: [1, -1, 1, 1] }), { shape: dy.shape });
      return throughValue(spread, mask);
    },
    mask: () => null,
  },
  cost: (call) => ({ flops: 2 * sizeOf(call.types.dy.shape) * sizeOf(call.attrs.shape.slice(1)) }),
  kernels: {
    wasm: orEmpty('wasm', [
      depthwiseWeightGradientWasm,
      weightGradientWasm('6x16', 'tile-6x16'),
      weightGradientWasm('6x8', 'tile-6x8'),
      weightGradientWasm('4x8'),
    ]),
    webgpu: orEmpty('webgpu', weightGradientWebGPU),
  },
  folds: ({ x, dy, mask }, attrs): Fold | null =>
    foldMask(dy, mask, (grad, y) => conv2dWeightGradient(x, grad, y, attrs)),
  // In x the outputs are affine where dbias is one of them.
  linear: ['dy'],
  samples: [
    ...cases.map((entry) => ({
      inputs: { x: { shape: entry[0] }, dy: { shape: outputOf(entry) } },
      options: { ...entry[2], shape: entry[1] },
    })),
    ...activated.map((entry) => ({
      inputs: { x: { shape: entry[0] }, dy: { shape: outputOf(entry) }, mask: maskOf(entry) },
      options: { ...entry[2], shape: entry[1], bias: true },
    })),
  ],
  errors: weightGradientErrors,
  tolerance: { wasm: weightTolerance, webgpu: weightTolerance },
});
