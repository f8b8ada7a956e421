import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, wholeOrPair } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { type Pair, pair } from './common.js';
import {
  forEachTap,
  type UnfoldOptions,
  unfoldKinds,
  type WindowAttrs,
  type Windows,
  windowAttrs,
  windows,
} from './unfold_windows.js';

export interface FoldOptions extends UnfoldOptions {
  /** Height and width of the image that was unfolded. */
  readonly outputSize: Pair;
}

export const foldKinds: Kinds<FoldOptions> = { ...unfoldKinds, outputSize: wholeOrPair };

type FoldAttrs = WindowAttrs & { readonly outputSize: readonly [number, number] };

/** Refuses x without the axes that are named, after one for the batch or none. */
function expectRanks(name: string, { shape }: TensorType, rank: number, axes: string): void {
  if (shape.length !== rank && shape.length !== rank - 1)
    fail(name, `x must be [batch, ${axes}] or [${axes}], it is ${showShape(shape)}`);
}

const unfoldWindows = (x: TensorType, attrs: WindowAttrs): Windows =>
  windows('unfold', sizeOf(x.shape.slice(0, -2)), x.shape.slice(-2), attrs);

/** Shape of the image that columns [n, c · area, windows] or [c · area, windows] fold to. */
const imageShape = ({ shape }: TensorType, { kernel, outputSize }: FoldAttrs): number[] => [
  ...shape.slice(0, -2),
  shape.at(-2)! / (kernel[0] * kernel[1]),
  ...outputSize,
];

function foldWindows(x: TensorType, attrs: FoldAttrs): Windows {
  const image = imageShape(x, attrs);
  return windows('fold', sizeOf(image.slice(0, -2)), image.slice(-2), attrs);
}

/** Windows of every sample: the shape of x and its options. */
const cases: readonly (readonly [Shape, UnfoldOptions])[] = [
  [[1, 1, 1, 1], { kernel: 1 }],
  [[2, 3, 5, 7], { kernel: [3, 2] }],
  [[1, 2, 9, 8], { kernel: 3, stride: 2, padding: 1 }],
  [[2, 1, 7, 11], { kernel: [2, 3], dilation: [3, 2], padding: [0, 4], stride: [1, 3] }],
  [[1, 2, 4, 17], { kernel: 2, padding: [1, 2], dilation: [2, 1] }],
  [[1, 2, 4, 8], { kernel: 2 }],
  [[2, 4, 17], { kernel: 2, padding: [1, 2], dilation: [2, 1] }],
];

const columnsOf = ([shape, options]: (typeof cases)[number]): number[] => {
  const g = windows('fold', 1, shape.slice(-2), windowAttrs('fold', options));
  return [...shape.slice(0, -3), shape.at(-3)! * g.kernelHeight * g.kernelWidth, g.outHeight * g.outWidth];
};

/**
 * The windows of x [n, c, h, w] as columns (im2col): [n, c · kernel height · kernel width, windows], windows in row-major
 * order, zeros where they reach over the edge. Without n in x there is none in y. As torch.nn.functional.unfold.
 */
export const unfold = defineOp({
  name: 'unfold',
  summary: 'y = the windows of x as columns',
  inputs: ['x'],
  kinds: unfoldKinds,
  attributes: (options: UnfoldOptions | undefined) => windowAttrs('unfold', options),
  infer({ x }, attrs) {
    expectDType('unfold', { x }, 'f32');
    expectRanks('unfold', x, 4, 'channels, height, width');
    const g = unfoldWindows(x, attrs);
    const channels = x.shape.at(-3)! * g.kernelHeight * g.kernelWidth;
    return f32([...x.shape.slice(0, -3), channels, g.outHeight * g.outWidth]);
  },
  reference({ x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachTap(unfoldWindows(x, attrs), (column, image) => {
      out[column] = x.data[image]!;
    });
    return out;
  },
  backward: {
    x: ({ grad, x, attrs }): Value =>
      fold(grad, { ...attrs, outputSize: x.shape.slice(-2) as unknown as [number, number] }),
  },
  kernels: {
    wasm: [
      {
        name: 'unfold_f32',
        launches({ types: { x }, attrs }) {
          const g = unfoldWindows(x, attrs);
          const units = g.planes * g.kernelHeight * g.kernelWidth;
          return [{ kernel: 'unfold_f32', operands: ['x', 'output'], params: g, units }];
        },
      },
    ],
    webgpu: [
      {
        name: 'unfold_f32',
        launches: ({ types: { x }, attrs, output }) => [
          {
            kernel: 'unfold_f32',
            operands: ['x', 'output'],
            params: unfoldWindows(x, attrs),
            units: sizeOf(output.shape),
          },
        ],
      },
    ],
  },
  linear: ['x'],
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
  errors: [
    {
      types: { x: f32([1, 1, 4, 4]) },
      options: { kernel: 3, dilation: 2 },
      message:
        'unfold: the kernel [3,3] is larger than the padded image [4,4], dilation is [2,2], padding is [0,0]',
    },
    {
      types: { x: f32([4, 4]) },
      options: { kernel: 3 },
      message: 'unfold: x must be [batch, channels, height, width] or [channels, height, width], it is [4,4]',
    },
    {
      types: { x: { shape: [1, 1, 4, 4], dtype: 'i32' } },
      options: { kernel: 3 },
      message: 'unfold: x must be f32, it is i32[1,1,4,4]',
    },
    {
      types: { x: f32([1, 1, 4, 4]) },
      options: { kernel: 0 },
      message: 'unfold: kernel must be a whole number of at least 1, got 0',
    },
    { types: { x: f32([1, 1, 4, 4]) }, message: 'unfold: needs options { kernel }' },
  ],
});

// A sum of as many elements as a window has.
const foldTolerance = {
  ulps: ({ attrs: { kernel } }: KernelCall<'x', FoldAttrs>) => kernel[0] * kernel[1],
  magnitude: 'absolute',
} as const;

/**
 * Columns x [n, c · kernel height · kernel width, windows] put back where the windows lie (col2im) and summed where they
 * overlap: [n, c, outputSize]. As torch.nn.functional.fold.
 */
export const fold = defineOp({
  name: 'fold',
  summary: 'y = Σ columns over the windows that cover y',
  inputs: ['x'],
  kinds: foldKinds,
  attributes(options: FoldOptions | undefined) {
    if (!options) fail('fold', 'needs options { kernel, outputSize }');
    return { ...windowAttrs('fold', options), outputSize: pair('fold', 'outputSize', options.outputSize, 1) };
  },
  infer({ x }, attrs) {
    expectDType('fold', { x }, 'f32');
    expectRanks('fold', x, 3, 'channels · kernel, windows');
    const area = attrs.kernel[0] * attrs.kernel[1];
    const shown = `x is ${showShape(x.shape)}`;
    if (x.shape.at(-2)! % area !== 0)
      fail('fold', `channels don't divide by the kernel's ${area} elements, ${shown}`);
    const g = foldWindows(x, attrs);
    const count = g.outHeight * g.outWidth;
    if (x.shape.at(-1) !== count)
      fail('fold', `an image ${showShape(attrs.outputSize)} has ${count} windows, ${shown}`);
    return f32(imageShape(x, attrs));
  },
  reference({ x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachTap(foldWindows(x, attrs), (column, image) => {
      out[image]! += x.data[column]!;
    });
    return out;
  },
  backward: { x: ({ grad, attrs: { outputSize: _, ...attrs } }): Value => unfold(grad, attrs) },
  cost: ({ types: { x } }) => ({ flops: sizeOf(x.shape) }),
  kernels: {
    wasm: [
      {
        name: 'fold_f32',
        launches({ types: { x }, attrs }) {
          const g = foldWindows(x, attrs);
          return [{ kernel: 'fold_f32', operands: ['x', 'output'], params: g, units: g.planes }];
        },
      },
    ],
    webgpu: [
      {
        name: 'fold_f32',
        launches: ({ types: { x }, attrs, output }) => [
          {
            kernel: 'fold_f32',
            operands: ['x', 'output'],
            params: foldWindows(x, attrs),
            units: sizeOf(output.shape),
          },
        ],
      },
    ],
  },
  linear: ['x'],
  samples: cases.map((entry) => ({
    inputs: { x: { shape: columnsOf(entry) } },
    options: { ...entry[1], outputSize: entry[0].slice(-2) as unknown as Pair },
  })),
  errors: [
    {
      types: { x: f32([1, 7, 9]) },
      options: { kernel: 2, outputSize: 4 },
      message: "fold: channels don't divide by the kernel's 4 elements, x is [1,7,9]",
    },
    {
      types: { x: f32([1, 8, 8]) },
      options: { kernel: 2, outputSize: 4 },
      message: 'fold: an image [4,4] has 9 windows, x is [1,8,8]',
    },
    {
      types: { x: f32([1, 8, 8]) },
      options: { kernel: 2, outputSize: [1, 4] },
      message:
        'fold: the kernel [2,2] is larger than the padded image [1,4], dilation is [1,1], padding is [0,0]',
    },
    {
      types: { x: f32([1, 1, 8, 9]) },
      options: { kernel: 2, outputSize: 4 },
      message:
        'fold: x must be [batch, channels · kernel, windows] or [channels · kernel, windows], it is [1,1,8,9]',
    },
    {
      types: { x: { shape: [1, 8, 9], dtype: 'i32' } },
      options: { kernel: 2, outputSize: 4 },
      message: 'fold: x must be f32, it is i32[1,8,9]',
    },
    { types: { x: f32([1, 8, 9]) }, message: 'fold: needs options { kernel, outputSize }' },
  ],
  tolerance: { wasm: foldTolerance, webgpu: foldTolerance },
});
