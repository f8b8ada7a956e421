import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type TensorType } from '../op.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import { add } from './binary.js';
import { expectRank } from './common.js';
import { permute, reshape } from './layout.js';
import { matmul } from './matmul.js';
import { unfold } from './unfold.js';
import {
  forEachTap,
  type UnfoldOptions,
  unfoldKinds,
  type WindowAttrs,
  windowAttrs,
  windows,
} from './unfold_windows.js';

interface Types {
  readonly x: TensorType;
  readonly weight: TensorType;
  readonly bias: TensorType | null;
}

const windowsOf = (x: TensorType, attrs: WindowAttrs) =>
  windows('locallyConnected2d', x.shape[0]! * x.shape[1]!, x.shape.slice(2), attrs);

function check({ x, weight, bias }: Types, attrs: WindowAttrs): void {
  const { outHeight, outWidth, kernelHeight, kernelWidth } = windowsOf(x, attrs);
  const places = outHeight * outWidth;
  const taps = x.shape[1]! * kernelHeight * kernelWidth;
  const [given, filters, depth] = weight.shape as [number, number, number];
  if (given !== places || depth !== taps) {
    fail(
      'locallyConnected2d',
      `weight must be [${places},filters,${taps}] for ${outHeight} x ${outWidth} places, it is ${showShape(weight.shape)}`,
    );
  }
  const wanted = [filters, outHeight, outWidth];
  if (bias && !sameShape(bias.shape, wanted)) {
    fail('locallyConnected2d', `bias must be ${showShape(wanted)}, it is ${showShape(bias.shape)}`);
  }
}

// Each product and each sum rounds once: as many as a filter has taps, and the bias.
const tolerance = {
  ulps: ({ types: { weight } }: KernelCall<'x' | 'weight' | 'bias?', WindowAttrs>) => weight.shape[2]! + 4,
  magnitude: 'absolute',
} as const;

/**
 * Convolution with filters of its own at every place: x [n, c, h, w], weight [places, o, c · kernel height · kernel width],
 * bias [o, outHeight, outWidth] or null, to [n, o, outHeight, outWidth]. Places are the windows of {@link unfold} with
 * the same options, in row-major order; a filter's elements are in the order of its columns.
 */
export const locallyConnected2d = defineComposition({
  name: 'locallyConnected2d',
  summary: 'y = x ⋆ weight + bias, with weights and bias of its own at every place',
  inputs: ['x', 'weight', 'bias?'],
  kinds: unfoldKinds,
  attributes(options: UnfoldOptions | undefined, types) {
    const { x, weight, bias } = types;
    const attrs = windowAttrs('locallyConnected2d', options);
    expectDType('locallyConnected2d', { x, weight, bias }, 'f32');
    expectRank('locallyConnected2d', 'x', x, 4, '[batch, channels, height, width]');
    expectRank('locallyConnected2d', 'weight', weight, 3, '[places, filters, channels · kernel]');
    check(types, attrs);
    return attrs;
  },
  compose({ x, weight, bias }, attrs) {
    const { outHeight, outWidth } = windowsOf(x, attrs);
    // One product per place: [places, o, taps] x [places, taps, n].
    const columns = permute(unfold(x, attrs), { axes: [2, 1, 0] });
    const y = permute(matmul(weight, columns), { axes: [2, 1, 0] });
    const image = reshape(y, { shape: [x.shape[0]!, weight.shape[1]!, outHeight, outWidth] });
    return bias ? add(image, bias) : image;
  },
  reference({ x, weight, bias }, attrs, [y]) {
    const [, filters, taps] = weight.shape as [number, number, number];
    const places = sizeOf(y!.shape.slice(2));
    const out = new Float64Array(sizeOf(y!.shape));
    out.forEach((_, i) => {
      out[i] = bias?.data[i % bias.data.length] ?? 0;
    });
    forEachTap(windowsOf(x, attrs), (column, from) => {
      const place = column % places;
      const tap = Math.floor(column / places) % taps;
      const image = Math.floor(column / places / taps);
      for (let o = 0; o < filters; o++) {
        out[(image * filters + o) * places + place]! +=
          x.data[from]! * weight.data[(place * filters + o) * taps + tap]!;
      }
    });
    return out;
  },
  linear: ['x', 'weight'],
  samples: [
    { inputs: { x: { shape: [1, 1, 1, 1] }, weight: { shape: [1, 1, 1] } }, options: { kernel: 1 } },
    {
      inputs: { x: { shape: [2, 3, 4, 5] }, weight: { shape: [12, 2, 12] }, bias: { shape: [2, 3, 4] } },
      options: { kernel: 2 },
    },
    {
      inputs: { x: { shape: [3, 2, 5, 7] }, weight: { shape: [9, 5, 12] } },
      options: { kernel: [2, 3], stride: 2, padding: [1, 0], dilation: [2, 1] },
    },
  ],
  errors: [
    {
      types: { x: f32([1, 2, 4, 4]), weight: f32([4, 3, 18]), bias: f32([3]) },
      options: { kernel: 3 },
      message: 'locallyConnected2d: bias must be [3,2,2], it is [3]',
    },
    {
      types: { x: f32([1, 2, 4, 4]), weight: f32([9, 3, 18]) },
      options: { kernel: 3 },
      message: 'locallyConnected2d: weight must be [4,filters,18] for 2 x 2 places, it is [9,3,18]',
    },
    {
      types: { x: f32([1, 2, 2, 4]), weight: f32([9, 3, 18]) },
      options: { kernel: 3 },
      message:
        'locallyConnected2d: the kernel [3,3] is larger than the padded image [2,4], dilation is [1,1], padding is [0,0]',
    },
    {
      types: { x: f32([2, 4, 4]), weight: f32([4, 3, 18]) },
      options: { kernel: 3 },
      message: 'locallyConnected2d: x must have 4 axes [batch, channels, height, width], it is [2,4,4]',
    },
    {
      types: { x: f32([1, 2, 4, 4]), weight: f32([3, 18]) },
      options: { kernel: 3 },
      message:
        'locallyConnected2d: weight must have 3 axes [places, filters, channels · kernel], it is [3,18]',
    },
    {
      types: { x: { shape: [1, 2, 4, 4], dtype: 'i32' }, weight: f32([4, 3, 18]) },
      options: { kernel: 3 },
      message: 'locallyConnected2d: x must be f32, it is i32[1,2,4,4]',
    },
    {
      types: { x: f32([1, 2, 4, 4]), weight: f32([4, 3, 18]) },
      message: 'locallyConnected2d: needs options { kernel }',
    },
  ],
  tolerance: { wasm: tolerance, webgpu: tolerance },
});
