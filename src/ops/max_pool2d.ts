import { defineComposition } from '../composition.js';
import { defineOp, defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { f32, type KernelCall, type RefTensor, type TensorType, type Value, type Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import {
  backwardOp,
  type Gradients,
  packTaps,
  scratchOf,
  selectOp,
  tapsType,
  windowLaunch,
} from './max_pool2d_gradient.js';
import {
  type AdaptiveAttrs,
  type AdaptivePool2dOptions,
  adaptive,
  adaptivePool2dKinds,
} from './pool_adaptive.js';
import { largestOf } from './pool_reference.js';
import { PAIRS, UNROLLED, type WindowKind } from './pool_webgpu.js';
import {
  forEachWindow,
  type Geometry,
  mostTaps,
  type Pool2dOptions,
  type Pooling,
  pool2dKinds,
  pooledType,
  type SlidingAttrs,
  slidingAttrs,
  slidingErrors,
  slidingPlan,
} from './pool_windows.js';

/** The declaration of an op that makes the largest elements of windows and `winners` of a type of their own. */
const forwardSpec = <U, A extends U & object>(
  name: string,
  pooling: Pooling<U, A>,
  gradients: Gradients<U, A>,
  kernel: string,
  winners: {
    readonly type: (g: Geometry, y: TensorType) => TensorType;
    /** From the indices in planes. */
    readonly from: (indices: Float64Array, g: Geometry) => Float64Array;
    /** Whether they are indices, and kernels on webgpu of windows of one kind. */
    readonly words: boolean;
    readonly kinds?: readonly WindowKind[];
  },
) => {
  const plan = (x: TensorType, attrs: A) => pooling.plan(name, x, attrs);
  const variant = (backend: 'wasm' | 'webgpu', kind: WindowKind | null = null) => ({
    name: kernel + (kind?.suffix ?? ''),
    when: ({ types, attrs }: KernelCall<'x', A>) => kind?.fits(plan(types.x, attrs)) ?? true,
    launches({ types, attrs }: KernelCall<'x', A>) {
      const g = plan(types.x, attrs);
      const units = sizeOf(tapsType(g).shape);
      const own = backend === 'webgpu' ? 'max_pool2d_f32' : kernel;
      const operands = ['x', 'output0', 'output1'];
      return [windowLaunch(backend, own, operands, g, units, scratchOf(g), { words: winners.words, kind })];
    },
  });
  const kinds = (winners.kinds ?? []).map((kind) => variant('webgpu', kind));
  return {
    name,
    inputs: ['x'] as const,
    kinds: pooling.kinds,
    attributes: (options: U | undefined, { x }: { x: TensorType }) =>
      pooling.attributes(name, options, x.shape),
    infer({ x }: { x: TensorType }, attrs: A) {
      const g = plan(x, attrs);
      const y = pooledType(x, g);
      return [y, winners.type(g, y)];
    },
    reference({ x }: { x: RefTensor }, attrs: A) {
      const g = plan(x, attrs);
      const [values, indices] = largestValues(x, g);
      return [values, winners.from(indices, g)];
    },
    backward: {
      x: ({ grads: [dy], outputs, x, attrs }: Context<A>): Value | null =>
        dy ? gradients.backward(dy, outputs[1]!, { ...attrs, shape: x.shape }) : null,
    },
    cost: ({ types, output, attrs }: KernelCall<'x', A>) => ({
      flops: sizeOf(output.shape) * mostTaps(plan(types.x, attrs)),
    }),
    kernels: { wasm: [variant('wasm')], webgpu: [...kinds, variant('webgpu')] },
    errors: pooling.errors(name),
  };
};

/** By window the largest element, and its index in the plane. */
function largestValues(x: RefTensor, g: Geometry): [values: Float64Array, indices: Float64Array] {
  const count = g.planes * g.height.out * g.width.out;
  const [values, indices] = [new Float64Array(count), new Float64Array(count)];
  forEachWindow(g, (i, covered) => {
    const winner = largestOf(x.data, covered);
    values[i] = x.data[winner]!;
    indices[i] = winner % (g.height.size * g.width.size);
  });
  return [values, indices];
}

interface Context<A> {
  readonly grads: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly x: Value;
  readonly attrs: A;
}

const samplesOf = <U, A extends U & object>(pooling: Pooling<U, A>, fits: (g: Geometry) => boolean) =>
  pooling.cases
    .filter(([shape, options]) =>
      fits(pooling.plan('case', f32(shape), pooling.attributes('case', options, shape))),
    )
    .map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options }));

/** Whether a tap fits into a byte. */
const fitsByte = (g: Geometry): boolean => !g.adaptive && mostTaps(g) <= 256;

/** The largest elements of windows laid out by `pooling`, with their gradients: ops whose names start with `name`. */
function maxPooling<U, A extends U & object>(name: string, pooling: Pooling<U, A>) {
  const gradients: Gradients<U, A> = {
    backward: (dy, winners, attrs) => backward(dy, winners, attrs),
    select: (values, winners, attrs) => select(values, winners, attrs),
  };
  const backward = backwardOp(`${name}Backward`, pooling, gradients);
  const select = selectOp(`${name}Select`, pooling, gradients);
  const withIndices = defineOpWithOutputs({
    ...forwardSpec(`${name}WithIndices`, pooling, gradients, 'max_pool2d_indices_f32', {
      type: (_, { shape }) => ({ shape, dtype: 'i32' }),
      from: (indices) => indices,
      words: true,
    }),
    summary: 'y = the largest x in each window, and its index in the plane, i32',
    samples: samplesOf(pooling, () => true),
  });
  return { withIndices, backward, select, gradients };
}

const sliding: Pooling<Pool2dOptions, SlidingAttrs> = {
  kinds: pool2dKinds,
  attributes: (name, options) => slidingAttrs(name, options, 2),
  plan: (name, x, attrs) => slidingPlan(name, x, attrs, 2),
  cases: [
    [[1, 1, 2, 2], { kernel: 2 }],
    [[2, 3, 8, 10], { kernel: 2 }],
    [[2, 3, 6, 16], { kernel: 2 }],
    [[2, 7, 9], { kernel: 3, stride: 2, ceilMode: true }],
    [[1, 3, 6, 11], { kernel: [3, 2], stride: 1, padding: 1 }],
    [[1, 2, 9, 14], { kernel: [2, 3], stride: [3, 1], padding: 1, dilation: [3, 2] }],
    [[1, 2, 9, 8], { kernel: 4, stride: 3, padding: 2, ceilMode: true }],
    [[1, 2, 6, 17], { kernel: 3, stride: 2, padding: 1 }],
    [[1, 1, 7, 15], { kernel: 3, stride: 2 }],
    [[1, 2, 7, 13], { kernel: 2 }],
    [[1, 2, 9, 14], { kernel: 3, stride: 2, padding: 1, ceilMode: true }],
    [[1, 2, 4, 19], { kernel: [2, 3], stride: [1, 3] }],
    [[1, 2, 5, 19], { kernel: [3, 2], stride: [2, 3] }],
    [[1, 1, 18, 19], { kernel: [17, 16], stride: 1 }],
    // Of 3 x 3, one apart: rows of one to more than four vectors with any remainder, between padding and without.
    [[1, 1, 4, 4], { kernel: 3, stride: 1, padding: 1 }],
    [[1, 2, 5, 17], { kernel: 3, stride: 1, padding: 1 }],
    [[1, 1, 6, 8], { kernel: 3, stride: 1 }],
    [[1, 1, 4, 13], { kernel: 3, stride: 1, padding: [0, 1] }],
    [[1, 2, 3, 6], { kernel: 3, stride: 1 }],
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

/**
 * `maxPool2d`, and for each window a byte, four to an i32 word: which of its elements, counted row by row, is the largest.
 * Windows have at most 256 elements.
 */
export const maxPool2dTaps = defineOpWithOutputs({
  ...forwardSpec('maxPool2dTaps', sliding, slidingMax.gradients, 'max_pool2d_f32', {
    type(g) {
      if (!fitsByte(g))
        fail('maxPool2dTaps', `a window has ${mostTaps(g)} elements, more than a byte can tell`);
      return tapsType(g);
    },
    from: packTaps,
    words: false,
    kinds: [PAIRS, ...UNROLLED],
  }),
  summary: 'y = the largest x in each window, and a byte that says which it is',
  saves: 1,
  samples: samplesOf(sliding, fitsByte),
  errors: [
    ...sliding.errors('maxPool2dTaps'),
    {
      types: { x: f32([1, 1, 20, 20]) },
      options: { kernel: 17 },
      message: 'maxPool2dTaps: a window has 289 elements, more than a byte can tell',
    },
  ],
});

/** The op that names the winners of a window, by a byte where that can tell. */
const withWinners = (x: Value, attrs: SlidingAttrs): readonly Value[] =>
  (fitsByte(slidingPlan('maxPool2d', x, attrs, 2)) ? maxPool2dTaps : maxPool2dWithIndices)(x, attrs);

/** wasm names no winners, webgpu's kernel does: to a buffer that nobody reads. */
const valuesVariant = (
  backend: 'wasm' | 'webgpu',
  kind: WindowKind | null = null,
): Variant<'x', SlidingAttrs> => {
  const name = `max_pool2d_f32${kind?.suffix ?? ''}`;
  const plan = ({ types, attrs }: KernelCall<'x', SlidingAttrs>) =>
    slidingPlan('maxPool2d', types.x, attrs, 2);
  return {
    name,
    when: (call) => kind?.fits(plan(call)) ?? true,
    launches(call) {
      const g = plan(call);
      const operands = ['x', 'output', backend === 'wasm' ? null : 'taps'];
      const units = sizeOf(tapsType(g).shape);
      return [windowLaunch(backend, 'max_pool2d_f32', operands, g, units, scratchOf(g), { kind })];
    },
    ...(backend === 'webgpu' && { temporaries: ({ output }) => ({ taps: sizeOf(output.shape) + 3 }) }),
  };
};

/**
 * The largest element of each window; padding never wins, NaN does. x is [n, c, h, w] or [c, h, w]. Where the gradient is
 * wanted, the op that names the winners makes it in passing.
 */
export const maxPool2d = defineOp({
  name: 'maxPool2d',
  summary: 'y = the largest x in each window',
  inputs: ['x'],
  kinds: pool2dKinds,
  attributes: (options: Pool2dOptions | undefined, { x }): SlidingAttrs =>
    sliding.attributes('maxPool2d', options, x.shape),
  infer: ({ x }, attrs) => pooledType(x, sliding.plan('maxPool2d', x, attrs)),
  reference: ({ x }, attrs) => largestValues(x, sliding.plan('maxPool2d', x, attrs))[0],
  backward: {
    x: ({ grad, x, attrs }): Value =>
      slidingMax.gradients.backward(grad, withWinners(x, attrs)[1]!, { ...attrs, shape: x.shape }),
  },
  cost: ({ types, output, attrs }) => ({
    flops: sizeOf(output.shape) * mostTaps(sliding.plan('maxPool2d', types.x, attrs)),
  }),
  kernels: {
    wasm: [valuesVariant('wasm')],
    webgpu: [...[PAIRS, ...UNROLLED].map((kind) => valuesVariant('webgpu', kind)), valuesVariant('webgpu')],
  },
  within: ({ x }, attrs): Value => withWinners(x, attrs)[0]!,
  samples: samplesOf(sliding, () => true),
  errors: sliding.errors('maxPool2d'),
});
/** `maxPool2d`, and the index of each winner in its plane of h w elements, i32: of equal ones the first, of NaNs the last. */
export const maxPool2dWithIndices = slidingMax.withIndices;
/**
 * dx of `maxPool2d`: each dy goes to the winner of its window, by the bytes of `maxPool2dTaps` or the indices of
 * `maxPool2dWithIndices`. Options are those of the pooling, and x's shape.
 */
export const maxPool2dBackward = slidingMax.backward;
/** Picks from `values` the winner of each window: the adjoint of `maxPool2dBackward`. */
export const maxPool2dSelect = slidingMax.select;
/** The largest element of each of `outputSize` windows that divide a plane evenly. x is [n, c, h, w] or [c, h, w]. */
export const adaptiveMaxPool2d = defineComposition({
  name: 'adaptiveMaxPool2d',
  summary: 'y = the largest x in each window',
  inputs: ['x'],
  kinds: adaptivePool2dKinds,
  attributes(options: AdaptivePool2dOptions | undefined, { x }): AdaptiveAttrs {
    const attrs = adaptive.attributes('adaptiveMaxPool2d', options, x.shape);
    adaptive.plan('adaptiveMaxPool2d', x, attrs);
    return attrs;
  },
  compose: ({ x }, attrs) => adaptiveMaxPool2dWithIndices(x, attrs)[0]!,
  reference: ({ x }, attrs) => largestValues(x, adaptive.plan('adaptiveMaxPool2d', x, attrs))[0],
  samples: samplesOf(adaptive, () => true),
  errors: adaptive.errors('adaptiveMaxPool2d'),
});
/** `adaptiveMaxPool2d`, and the index of each winner in its plane, i32. */
export const adaptiveMaxPool2dWithIndices = adaptiveMax.withIndices;
/** dx of `adaptiveMaxPool2d`, by its indices. */
export const adaptiveMaxPool2dBackward = adaptiveMax.backward;
/** The adjoint of `adaptiveMaxPool2dBackward`. */
export const adaptiveMaxPool2dSelect = adaptiveMax.select;
