import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, oneOf, wholes } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Launch, type TensorType, type Value } from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import {
  type Border,
  type Bordered,
  borderLaunch,
  borderParams,
  expectAmounts,
  expectBorder,
  forEachSource,
  mostReaders,
} from './border.js';
import { elementUnits } from './common.js';
import { wordOf } from './fill.js';
import { type PadAttrs, type PadMode, padAttributes, padKinds } from './pad_options.js';

const bordered = ({ shape, dtype }: TensorType, { before, after, mode, value }: PadAttrs): Bordered => ({
  shape,
  before,
  after,
  border: mode,
  word: wordOf(value, dtype),
});

const padVariant = (backend: 'wasm' | 'webgpu') => ({
  name: 'pad__border',
  launches: ({ types, attrs, output }: KernelCall<'x', PadAttrs>): Launch[] => [
    borderLaunch(backend, bordered(types.x, attrs), output),
  ],
});

/** x with a border along its axes, or, by negative amounts, without some of its own. */
export const pad = defineOp({
  name: 'pad',
  summary: 'y = x with a border: constant, reflect, replicate or circular',
  inputs: ['x'],
  kinds: padKinds,
  attributes: padAttributes,
  infer: ({ x }, { before, after }) => ({
    shape: x.shape.map((size, axis) => size + before[axis]! + after[axis]!),
    dtype: x.dtype,
  }),
  reference({ x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape)).fill(attrs.value);
    forEachSource(bordered(x, attrs), (at, source) => {
      out[at] = x.data[source]!;
    });
    return out;
  },
  backward: {
    x({ grad, attrs: { before, after, mode } }): Value {
      if (mode !== 'constant') return padBackward(grad, { before, after, mode });
      const negated = (amounts: readonly number[]) => amounts.map((amount) => -amount || 0);
      return pad(grad, { before: negated(before), after: negated(after) });
    },
  },
  kernels: { wasm: [padVariant('wasm')], webgpu: [padVariant('webgpu')] },
  samples: [
    { inputs: { x: { shape: [5] } }, options: { before: [1], after: [2] } },
    { inputs: { x: { shape: [2, 3, 4] } }, options: { before: [0, 2, 1], after: [1, 0, 3], value: -0.5 } },
    { inputs: { x: { shape: [7, 5] } }, options: { before: [-2, 3], after: [1, -4], value: 2 } },
    { inputs: { x: { shape: [4, 6] } }, options: { before: [-1, 0], after: [0, -2] } },
    {
      inputs: { x: { shape: [3, 2], dtype: 'i32', domain: [-9, 9] } },
      options: { before: [1, 0], after: [0, 1], value: -7 },
    },
    { inputs: { x: { shape: [5], dtype: 'bool' } }, options: { before: [2], after: [1], value: 1 } },
    {
      inputs: { x: { shape: [2, 3, 5, 7] } },
      options: { before: [0, 0, 2, 1], after: [0, 0, 4, 6], mode: 'reflect' },
    },
    {
      inputs: { x: { shape: [3, 1, 4] } },
      options: { before: [2, 3, 0], after: [1, 0, 5], mode: 'replicate' },
    },
    { inputs: { x: { shape: [5, 3] } }, options: { before: [5, 1], after: [2, 3], mode: 'circular' } },
    {
      inputs: { x: { shape: [2, 61, 37], dtype: 'i32', domain: [-99, 99] } },
      options: { before: [0, 3, 2], after: [0, 1, 0], mode: 'reflect' },
    },
  ],
  errors: [
    { types: { x: f32([2]) }, message: 'pad: needs options { before, after }' },
    {
      types: { x: f32([2]) },
      options: {} as never,
      message: 'pad: needs options { before, after }, each a list of one whole number per axis of [2]',
    },
    {
      types: { x: f32([2, 3]) },
      options: { before: [1], after: [1] },
      message: 'pad: before [1] and after [1] must have one whole number per axis of [2,3]',
    },
    {
      types: { x: f32([3]) },
      options: { before: [-2], after: [-2] },
      message: 'pad: before [-2] and after [-2] take away more than x [3] has',
    },
    {
      types: { x: { shape: [3], dtype: 'i32' } },
      options: { before: [1], after: [1], value: 0.5 },
      message: 'pad: value 0.5 is not a whole number of 32 bits, but x is i32',
    },
    {
      types: { x: { shape: [3], dtype: 'bool' } },
      options: { before: [1], after: [1], value: 2 },
      message: 'pad: value 2 is neither 0 nor 1, but x is bool',
    },
    {
      types: { x: f32([3]) },
      options: { before: [1], after: [1], mode: 'mirror' as PadMode },
      message: "pad: mode must be one of constant, reflect, replicate, circular, got 'mirror'",
    },
    {
      types: { x: f32([3]) },
      options: { before: [1], after: [1], mode: 'reflect', value: 0 },
      message: "pad: value is for mode 'constant' alone, mode is 'reflect'",
    },
    {
      types: { x: f32([2, 3]) },
      options: { before: [0, -1], after: [0, 1], mode: 'replicate' },
      message: "pad: mode 'replicate' can't take away, it is told to pad by [-1,1] along axis 1 of x [2,3]",
    },
    {
      types: { x: f32([0, 3]) },
      options: { before: [1, 0], after: [0, 0], mode: 'replicate' },
      message: "pad: mode 'replicate' needs an element to repeat for [1,0] along axis 0 of x [0,3]",
    },
    {
      types: { x: f32([2, 3]) },
      options: { before: [0, 3], after: [0, 0], mode: 'reflect' },
      message:
        "pad: mode 'reflect' can pad by less than the axis's size, it is told to pad by [3,0] along axis 1 of x [2,3]",
    },
    {
      types: { x: f32([2, 3]) },
      options: { before: [0, 0], after: [3, 0], mode: 'circular' },
      message:
        "pad: mode 'circular' can pad by at most the axis's size, it is told to pad by [0,3] along axis 0 of x [2,3]",
    },
  ],
});

export interface PadBackwardOptions {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: Border;
}

export const padBackwardKinds: Kinds<PadBackwardOptions> = {
  before: wholes,
  after: wholes,
  mode: oneOf('reflect', 'replicate', 'circular'),
};

/** The bordered tensor whose gradient dy is. */
const beneath = ({ shape }: TensorType, { before, after, mode }: PadBackwardOptions): Bordered => ({
  shape: shape.map((size, axis) => size - before[axis]! - after[axis]!),
  before,
  after,
  border: mode,
});

const backwardVariant = (backend: 'wasm' | 'webgpu') => ({
  name: 'pad_backward_f32',
  launches: ({ types, attrs, output }: KernelCall<'dy', PadBackwardOptions>): Launch[] => {
    const size = sizeOf(output.shape);
    return [
      {
        kernel: 'pad_backward_f32',
        operands: ['dy', 'output'],
        params: borderParams(beneath(types.dy, attrs), size),
        units: elementUnits(size, backend),
      },
    ];
  },
});

// A sum of n terms takes n - 1 roundings.
const padBackwardTolerance = {
  ulps: ({ types, attrs }: KernelCall<'dy', PadBackwardOptions>) => mostReaders(beneath(types.dy, attrs)),
  magnitude: 'absolute',
} as const;

/** dx = for each element of x the sum of dy over the elements of the border that came from it. */
export const padBackward = defineOp({
  name: 'padBackward',
  summary: 'dx = Σ dy over what came from each element of x',
  inputs: ['dy'],
  kinds: padBackwardKinds,
  attributes(options: PadBackwardOptions | undefined, { dy }) {
    const { before, after, mode } = options ?? fail('padBackward', 'needs options { before, after, mode }');
    if (mode === undefined) fail('padBackward', 'needs options { before, after, mode }');
    expectAmounts('padBackward', dy.shape, before, after);
    const { shape } = beneath(dy, { before, after, mode });
    if (shape.some((size) => size < 0)) {
      const given = `before [${before.join(',')}] and after [${after.join(',')}]`;
      fail('padBackward', `${given} are more than dy ${showShape(dy.shape)} has`);
    }
    expectBorder('padBackward', 'x', { shape, before, after, border: mode });
    return { before, after, mode };
  },
  infer({ dy }, attrs) {
    expectDType('padBackward', { dy }, 'f32');
    return f32(beneath(dy, attrs).shape);
  },
  reference({ dy }, attrs, [dx]) {
    const out = new Float64Array(sizeOf(dx!.shape));
    forEachSource(beneath(dy, attrs), (at, source) => {
      out[source]! += dy.data[at]!;
    });
    return out;
  },
  backward: { dy: ({ grad, attrs }): Value => pad(grad, attrs) },
  kernels: { wasm: [backwardVariant('wasm')], webgpu: [backwardVariant('webgpu')] },
  linear: ['dy'],
  samples: [
    { inputs: { dy: { shape: [6] } }, options: { before: [1], after: [2], mode: 'reflect' } },
    {
      inputs: { dy: { shape: [2, 3, 11, 14] } },
      options: { before: [0, 0, 2, 1], after: [0, 0, 4, 6], mode: 'reflect' },
    },
    {
      inputs: { dy: { shape: [6, 4, 9] } },
      options: { before: [2, 3, 0], after: [1, 0, 5], mode: 'replicate' },
    },
    { inputs: { dy: { shape: [12, 7] } }, options: { before: [5, 1], after: [2, 3], mode: 'circular' } },
    {
      inputs: { dy: { shape: [2, 65, 39] } },
      options: { before: [0, 3, 2], after: [0, 1, 0], mode: 'circular' },
    },
  ],
  errors: [
    { types: { dy: f32([5]) }, message: 'padBackward: needs options { before, after, mode }' },
    {
      types: { dy: { shape: [5], dtype: 'i32' } },
      options: { before: [1], after: [1], mode: 'reflect' },
      message: 'padBackward: dy must be f32, it is i32[5]',
    },
    {
      types: { dy: f32([5, 2]) },
      options: { before: [1], after: [1], mode: 'reflect' },
      message: 'padBackward: before [1] and after [1] must have one whole number per axis of [5,2]',
    },
    {
      types: { dy: f32([5]) },
      options: { before: [3], after: [3], mode: 'circular' },
      message: 'padBackward: before [3] and after [3] are more than dy [5] has',
    },
    {
      types: { dy: f32([5]) },
      options: { before: [1], after: [1], mode: 'constant' as Border },
      message: "padBackward: mode must be one of reflect, replicate, circular, got 'constant'",
    },
    {
      types: { dy: f32([5]) },
      options: { before: [3], after: [0], mode: 'reflect' },
      message:
        "padBackward: mode 'reflect' can pad by less than the axis's size, it is told to pad by [3,0] along axis 0 of x [2]",
    },
  ],
  tolerance: { wasm: padBackwardTolerance, webgpu: padBackwardTolerance },
});
