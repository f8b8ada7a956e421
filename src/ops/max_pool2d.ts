import { defineOp, defineOpWithOutputs } from '../define.js';
import { f32, type KernelCall, type Value } from '../op.js';
import { sizeOf } from '../shape.js';
import { backwardOp, forEachWinner, type Rules, selectOp, windowLaunch } from './max_pool2d_gradient.js';
import { type AdaptiveAttrs, type AdaptivePool2dOptions, adaptive } from './pool_adaptive.js';
import {
  mostTaps,
  type Pool2dOptions,
  type Pooling,
  pooledType,
  type SlidingAttrs,
  slidingAttrs,
  slidingErrors,
  slidingPlan,
} from './pool_windows.js';

/** A kernel that makes something of each window of x. */
const kernelOfX = <U, A extends U & object>(
  pooling: Pooling<U, A>,
  backend: 'wasm' | 'webgpu',
  kernel: string,
  operands: readonly string[],
) => ({
  name: kernel,
  launches: ({ types, output, attrs }: KernelCall<'x', A>) => [
    windowLaunch(backend, kernel, operands, pooling.plan(kernel, types.x, attrs), sizeOf(output.shape)),
  ],
});

function forwardOp<U, A extends U & object>(name: string, pooling: Pooling<U, A>, rules: Rules<A>) {
  const kernels = (backend: 'wasm' | 'webgpu') => [
    kernelOfX(pooling, backend, 'max_pool2d_f32', ['x', 'output']),
  ];
  return defineOp({
    name,
    summary: 'y = the largest x in each window',
    inputs: ['x'],
    attributes: (options: U | undefined, { x }) => pooling.attributes(name, options, x.shape),
    infer: ({ x }, attrs) => pooledType(x, pooling.plan(name, x, attrs)),
    reference({ x }, attrs, [y]) {
      const out = new Float64Array(sizeOf(y!.shape));
      forEachWinner(x, pooling.plan(name, x, attrs), (i, winner) => {
        out[i] = x.data[winner]!;
      });
      return out;
    },
    backward: { x: ({ grad, x, attrs }): Value => rules.backward(grad, x, attrs) },
    cost: ({ types, output, attrs }) => ({
      flops: sizeOf(output.shape) * mostTaps(pooling.plan(name, types.x, attrs)),
    }),
    kernels: { wasm: kernels('wasm'), webgpu: kernels('webgpu') },
    samples: pooling.cases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
    errors: pooling.errors(name),
  });
}

function withIndicesOp<U, A extends U & object>(name: string, pooling: Pooling<U, A>, rules: Rules<A>) {
  const kernels = (backend: 'wasm' | 'webgpu') => [
    kernelOfX(pooling, backend, 'max_pool2d_indices_f32', ['x', 'output0', 'output1']),
  ];
  return defineOpWithOutputs({
    name,
    summary: 'y = the largest x in each window, and its index in the plane, i32',
    inputs: ['x'],
    attributes: (options: U | undefined, { x }) => pooling.attributes(name, options, x.shape),
    infer({ x }, attrs) {
      const { shape } = pooledType(x, pooling.plan(name, x, attrs));
      return [f32(shape), { shape, dtype: 'i32' as const }];
    },
    reference({ x }, attrs, [y]) {
      const g = pooling.plan(name, x, attrs);
      const out = new Float64Array(sizeOf(y!.shape));
      const indices = new Float64Array(sizeOf(y!.shape));
      forEachWinner(x, g, (i, winner) => {
        out[i] = x.data[winner]!;
        indices[i] = winner % (g.height.size * g.width.size);
      });
      return [out, indices];
    },
    backward: { x: ({ grads, x, attrs }): Value | null => grads[0]! && rules.backward(grads[0], x, attrs) },
    cost: ({ types, output, attrs }) => ({
      flops: sizeOf(output.shape) * mostTaps(pooling.plan(name, types.x, attrs)),
    }),
    kernels: { wasm: kernels('wasm'), webgpu: kernels('webgpu') },
    samples: pooling.cases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
    errors: pooling.errors(name),
  });
}

/** The largest elements of windows laid out by `pooling`, with their gradients: ops whose names start with `name`. */
function maxPooling<U, A extends U & object>(name: string, pooling: Pooling<U, A>) {
  const rules: Rules<A> = {
    backward: (dy, x, attrs) => backward(dy, x, attrs),
    select: (values, x, attrs) => select(values, x, attrs),
  };
  const backward = backwardOp(`${name}Backward`, pooling, rules);
  const select = selectOp(`${name}Select`, pooling, rules);
  return {
    forward: forwardOp(name, pooling, rules),
    withIndices: withIndicesOp(`${name}WithIndices`, pooling, rules),
    backward,
    select,
  };
}

const sliding: Pooling<Pool2dOptions, SlidingAttrs> = {
  attributes: (name, options) => slidingAttrs(name, options, 2),
  plan: (name, x, attrs) => slidingPlan(name, x, attrs, 2),
  cases: [
    [[1, 1, 2, 2], { kernel: 2 }],
    [[2, 3, 8, 10], { kernel: 2 }],
    [[2, 7, 9], { kernel: 3, stride: 2, ceilMode: true }],
    [[1, 3, 6, 11], { kernel: [3, 2], stride: 1, padding: 1 }],
    [[1, 2, 9, 14], { kernel: [2, 3], stride: [3, 1], padding: 1, dilation: [3, 2] }],
    [[1, 2, 9, 8], { kernel: 4, stride: 3, padding: 2, ceilMode: true }],
    [[1, 2, 4, 19], { kernel: [2, 3], stride: [1, 3] }],
    [[1, 2, 5, 19], { kernel: [3, 2], stride: [2, 3] }],
  ],
  errors: (name) => [
    ...slidingErrors(name),
    {
      types: { x: f32([1, 1, 1, 1]) },
      options: { kernel: 2, padding: 1, dilation: 2 },
      message: `${name}: a window covers padding alone, x is [1,1,1,1]: use less dilation or padding`,
    },
  ],
};

const slidingMax = maxPooling<Pool2dOptions, SlidingAttrs>('maxPool2d', sliding);
const adaptiveMax = maxPooling<AdaptivePool2dOptions, AdaptiveAttrs>('adaptiveMaxPool2d', adaptive);

/** The largest element of each window; padding never wins, NaN does. x is [n, c, h, w] or [c, h, w]. */
export const maxPool2d = slidingMax.forward;
/** `maxPool2d`, and the index of each winner in its plane of h w elements, i32: of equal ones the first, of NaNs the last. */
export const maxPool2dWithIndices = slidingMax.withIndices;
/** dx of `maxPool2d`: each dy goes to the first largest element of its window. */
export const maxPool2dBackward = slidingMax.backward;
/** Picks from `values` the element at which x is largest, per window: the adjoint of `maxPool2dBackward`. */
export const maxPool2dSelect = slidingMax.select;
/** The largest element of each of `outputSize` windows that divide a plane evenly. x is [n, c, h, w] or [c, h, w]. */
export const adaptiveMaxPool2d = adaptiveMax.forward;
/** `adaptiveMaxPool2d`, and the index of each winner in its plane, i32. */
export const adaptiveMaxPool2dWithIndices = adaptiveMax.withIndices;
/** dx of `adaptiveMaxPool2d`. */
export const adaptiveMaxPool2dBackward = adaptiveMax.backward;
/** The adjoint of `adaptiveMaxPool2dBackward`. */
export const adaptiveMaxPool2dSelect = adaptiveMax.select;
