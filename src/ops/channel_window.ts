import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';

export interface ChannelWindowOptions {
  /** Channels before each one that count, and after it. */
  readonly before: number;
  readonly after: number;
}

export const channelWindowKinds: Kinds<ChannelWindowOptions> = { before: whole, after: whole };

/** One wasm unit is a plane, one GPU invocation an element. */
export const unitsOf = (x: Shape, backend: 'wasm' | 'webgpu'): number =>
  backend === 'webgpu' || sizeOf(x) === 0 ? sizeOf(x) : x[0]! * x[1]!;

export const windowParams = (x: Shape, { before, after }: ChannelWindowOptions) => ({
  size: sizeOf(x),
  channels: x[1]!,
  plane: sizeOf(x.slice(2)),
  before,
  after,
});

/** Σ of `value` over the channels within the window round each element of x [batch, channels, ...]. */
export function windowSums(x: Shape, { before, after }: ChannelWindowOptions, value: (i: number) => number) {
  const channels = x[1]!;
  const plane = sizeOf(x.slice(2));
  return Float64Array.from({ length: sizeOf(x) }, (_, i) => {
    const channel = Math.floor(i / plane) % channels;
    let total = 0;
    for (let j = Math.max(channel - before, 0); j <= Math.min(channel + after, channels - 1); j++)
      total += value(i + (j - channel) * plane);
    return total;
  });
}

const windowKernel = (backend: 'wasm' | 'webgpu') => ({
  name: 'channel_window_sum_f32',
  launches: ({ types, attrs }: KernelCall<'x', ChannelWindowOptions>) => [
    {
      kernel: 'channel_window_sum_f32',
      operands: ['x', 'output'],
      params: windowParams(types.x.shape, attrs),
      units: unitsOf(types.x.shape, backend),
    },
  ],
});

const WINDOW = {
  ulps: ({ attrs }: KernelCall<'x', ChannelWindowOptions>) => attrs.before + attrs.after,
  magnitude: 'absolute',
} as const;

export function expectPlanes(name: string, x: TensorType): void {
  expectDType(name, { x }, 'f32');
  if (x.shape.length < 3)
    fail(name, `x must be [batch, channels, ...] with at least 3 axes, it is ${showShape(x.shape)}`);
}

/** y = Σ x over the channels from `before` before each to `after` after it: x [batch, channels, ...]. */
export const channelWindowSum = defineOp({
  name: 'channelWindowSum',
  summary: 'y = Σ x over neighbouring channels',
  inputs: ['x'],
  kinds: channelWindowKinds,
  attributes(options: ChannelWindowOptions | undefined): ChannelWindowOptions {
    if (!options) fail('channelWindowSum', 'needs options { before, after }');
    return {
      before: expectWhole('channelWindowSum', 'before', options.before, 0),
      after: expectWhole('channelWindowSum', 'after', options.after, 0),
    };
  },
  infer({ x }) {
    expectPlanes('channelWindowSum', x);
    return x;
  },
  reference: ({ x }, attrs) => windowSums(x.shape, attrs, (i) => x.data[i]!),
  backward: {
    x: ({ grad, attrs: { before, after } }): Value =>
      channelWindowSum(grad, { before: after, after: before }),
  },
  cost: ({ output, attrs }) => ({ flops: (attrs.before + attrs.after) * sizeOf(output.shape) }),
  kernels: { wasm: [windowKernel('wasm')], webgpu: [windowKernel('webgpu')] },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 5, 7] } }, options: { before: 1, after: 2 } },
    { inputs: { x: { shape: [1, 3, 2, 9] } }, options: { before: 0, after: 4 } },
    { inputs: { x: { shape: [2, 1, 1] } }, options: { before: 2, after: 0 } },
  ],
  errors: [
    { types: { x: f32([2, 3, 4]) }, message: 'channelWindowSum: needs options { before, after }' },
    {
      types: { x: f32([2, 3, 4]) },
      options: { before: -1, after: 0 },
      message: 'channelWindowSum: before must be a whole number of at least 0, got -1',
    },
    {
      types: { x: f32([2, 3]) },
      options: { before: 1, after: 1 },
      message: 'channelWindowSum: x must be [batch, channels, ...] with at least 3 axes, it is [2,3]',
    },
  ],
  tolerance: { wasm: WINDOW, webgpu: WINDOW },
});
