import { fail } from '../errors.js';
import { either, type Kinds, oneOf, pairOf, whole, wholeOrPair, wholePair } from '../kinds.js';
import type { TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole, type Pair, pair } from './common.js';

/**
 * Zeros on both sides, a number or [height, width]; or [[top, bottom], [left, right]], where negative numbers crop; or
 * 'valid' for none; or 'same' for as many as keep the size, which takes stride 1: an odd one goes to the bottom or right.
 */
export type Padding2d = 'same' | 'valid' | Pair | Sides;
/** [[top, bottom], [left, right]]. */
export type Sides = readonly [readonly [number, number], readonly [number, number]];

const ALGORITHMS = ['auto', 'direct', 'winograd2', 'winograd4'] as const;
/**
 * How wasm convolves: 'auto' takes what is fastest without greater errors, 'direct' never Winograd's way. 'winograd2' is
 * F(2 x 2, 3 x 3), 'winograd4' is F(4 x 4, 3 x 3): a third fewer operations or more, with larger errors, so that it must be
 * asked for. Both take kernels of 3 x 3 at stride and dilation 1, with 16 channels and filters or more in each group.
 */
export type Conv2dAlgorithm = (typeof ALGORITHMS)[number];

export interface Conv2dOptions {
  readonly stride?: Pair;
  /** Zeros added round x, default 0. */
  readonly padding?: Padding2d;
  readonly dilation?: Pair;
  /** Splits channels and filters into groups that don't see each other, default 1. */
  readonly groups?: number;
  /** Default 'auto'. It holds for the gradient of x too; the weights' gradient and other backends have one way only. */
  readonly algorithm?: Conv2dAlgorithm;
}

export const conv2dKinds: Kinds<Conv2dOptions> = {
  stride: wholeOrPair,
  padding: either(
    oneOf('same', 'valid'),
    either(wholeOrPair, pairOf(wholePair, 'two pairs')),
    "'same', 'valid', a whole number, a pair of them or [[top, bottom], [left, right]]",
  ),
  dilation: wholeOrPair,
  groups: whole,
  algorithm: oneOf(...ALGORITHMS),
};

export interface Conv2dAttrs {
  readonly stride: readonly [number, number];
  readonly padding: Sides;
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly algorithm: Conv2dAlgorithm;
}

/** What can be applied to the sums while they are stored. */
export type Conv2dActivation = 'relu';
export type ForwardAttrs = Conv2dAttrs & { readonly activation: Conv2dActivation | null };

/** The gradient ops must be told the shape that they produce. */
export type GradientAttrs = Conv2dAttrs & { readonly shape: Shape };
export type WeightGradientAttrs = GradientAttrs & { readonly bias: boolean };

/** Complete attributes; `kernel` is [height, width]. */
export function conv2dAttrs(name: string, options: Conv2dOptions = {}, kernel: Shape): Conv2dAttrs {
  const stride = pair(name, 'stride', options.stride ?? 1, 1);
  const dilation = pair(name, 'dilation', options.dilation ?? 1, 1);
  const { algorithm = 'auto' } = options;
  return {
    stride,
    padding: paddingOf(name, options.padding ?? 0, kernel, stride, dilation),
    dilation,
    groups: expectWhole(name, 'groups', options.groups ?? 1, 1),
    algorithm,
  };
}

/** The zeros that `padding` asks for, on each side. */
export function paddingOf(
  name: string,
  padding: Padding2d,
  kernel: Shape,
  stride: readonly number[],
  dilation: readonly number[],
): Sides {
  if (padding === 'same') {
    if (stride.some((step) => step !== 1)) {
      fail(name, `padding 'same' needs stride 1, it is [${stride.join(',')}]`);
    }
    const share = (axis: 0 | 1): [number, number] => {
      const total = dilation[axis]! * ((kernel[axis] ?? 1) - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    };
    return [share(0), share(1)];
  }
  if (isSides(padding)) return padding;
  const [height, width] = pair(name, 'padding', padding === 'valid' ? 0 : padding, 0);
  return [
    [height, height],
    [width, width],
  ];
}

const isSides = (padding: Padding2d): padding is Sides =>
  Array.isArray(padding) && (padding as readonly unknown[]).some(Array.isArray);

/** Padding as the caller most likely wrote it. */
const showPadding = (padding: Sides): string =>
  JSON.stringify(
    padding.every(([before, after]) => before === after) ? padding.map(([both]) => both) : padding,
  );

/** Sizes of the convolution of x [n, c, h, w] with weight [o, c / groups, r, s]; channel counts are per group. */
export function geometry(x: Shape, weight: Shape, { stride, padding, dilation, groups }: Conv2dAttrs) {
  const [batch, , height, width] = x as [number, number, number, number];
  const [filters, channels, kernelHeight, kernelWidth] = weight as [number, number, number, number];
  const extent = (size: number, kernel: number, axis: 0 | 1) =>
    Math.floor(
      (size + padding[axis][0] + padding[axis][1] - dilation[axis] * (kernel - 1) - 1) / stride[axis],
    ) + 1;
  return {
    batch,
    groups,
    channels,
    height,
    width,
    filters: filters / groups,
    outHeight: extent(height, kernelHeight, 0),
    outWidth: extent(width, kernelWidth, 1),
    kernelHeight,
    kernelWidth,
    strideHeight: stride[0],
    strideWidth: stride[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    top: padding[0][0],
    left: padding[1][0],
    hasBias: 0,
    hasMask: 0,
    activation: 0,
  };
}

export type Geometry = ReturnType<typeof geometry>;

export const outShape = (g: Geometry): number[] => [g.batch, g.groups * g.filters, g.outHeight, g.outWidth];

/** Refuses channels and filters that don't fit each other and the groups. */
export function checkChannels(name: string, x: Shape, weight: Shape, groups: number): void {
  const shown = `x is ${showShape(x)}, weight is ${showShape(weight)}`;
  if (x[1] !== weight[1]! * groups) fail(name, `channels differ, ${shown}, groups is ${groups}`);
  if (weight[0]! % groups !== 0) fail(name, `filters don't divide into ${groups} groups, ${shown}`);
  if (weight[0] === 0 || weight[1] === 0) fail(name, `there must be filters and channels, ${shown}`);
}

/** Refuses a bias that is not [size]. */
export function checkBias(name: string, bias: TensorType | null, size: number): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== size)) {
    fail(name, `bias must be [${size}], it is ${showShape(bias.shape)}`);
  }
}

/** Whether Winograd's transforms and tiles are made for such a convolution. */
export const suitsWinograd = (g: Geometry): boolean =>
  [g.kernelHeight, g.kernelWidth].every((size) => size === 3) &&
  [g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth].every((size) => size === 1) &&
  Math.min(g.channels, g.filters) >= 16;

export function checkShapes(name: string, x: Shape, weight: Shape, attrs: Conv2dAttrs): Geometry {
  checkChannels(name, x, weight, attrs.groups);
  const g = geometry(x, weight, attrs);
  if (g.outHeight < 1 || g.outWidth < 1) {
    fail(
      name,
      `the kernel is larger than the padded input, x is ${showShape(x)}, weight is ${showShape(weight)}, padding is ${showPadding(attrs.padding)}`,
    );
  }
  const { algorithm, stride, dilation, groups } = attrs;
  if (algorithm.startsWith('winograd') && !suitsWinograd(g)) {
    fail(
      name,
      `algorithm ${algorithm} takes 3 x 3 kernels at stride and dilation 1, with 16 channels and filters or more in each group, x is ${showShape(x)}, weight is ${showShape(weight)}, stride is [${stride}], dilation is [${dilation}], groups is ${groups}`,
    );
  }
  return g;
}

export const AXES4 = {
  x: '[batch, channels, height, width]',
  weight: '[filters, channels / groups, height, width]',
};

/** Calls `visit` for every product of the convolution, with flat indices into y, x and weight. */
export function forEachProduct(g: Geometry, visit: (y: number, x: number, weight: number) => void): void {
  forRange([g.batch, g.groups, g.filters, g.outHeight, g.outWidth], ([n, group, o, oy, ox], y) => {
    let weight = (group! * g.filters + o!) * weightsOf(g);
    for (let c = 0; c < g.channels; c++) {
      const plane = ((n! * g.groups + group!) * g.channels + c) * g.height;
      for (let r = 0; r < g.kernelHeight; r++) {
        const iy = oy! * g.strideHeight - g.top + r * g.dilationHeight;
        const inside = iy >= 0 && iy < g.height;
        for (let s = 0; s < g.kernelWidth; s++, weight++) {
          const ix = ox! * g.strideWidth - g.left + s * g.dilationWidth;
          if (inside && ix >= 0 && ix < g.width) visit(y, (plane + iy) * g.width + ix, weight);
        }
      }
    }
  });
}

function forRange(
  shape: readonly number[],
  visit: (position: readonly number[], index: number) => void,
): void {
  const position = shape.map(() => 0);
  const total = sizeOf(shape);
  for (let index = 0; index < total; index++) {
    visit(position, index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]!++;
      if (position[axis]! < shape[axis]!) break;
      position[axis] = 0;
    }
  }
}

/** The greatest common divisor. */
export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Weights of one filter. */
export const weightsOf = (g: Geometry): number => g.channels * g.kernelHeight * g.kernelWidth;

/** Whether the kernel sees pixels one by one, each once. */
export const isPointwise = (g: Geometry): boolean =>
  [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth].every((size) => size === 1) &&
  g.height === g.outHeight &&
  g.width === g.outWidth &&
  g.top === 0 &&
  g.left === 0;
