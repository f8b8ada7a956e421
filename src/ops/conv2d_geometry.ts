import { fail } from '../errors.js';
import type { Launch } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole, type Pair, pair } from './common.js';

export interface Conv2dOptions {
  readonly stride?: Pair;
  /** Zeros added on each side, [height, width]. */
  readonly padding?: Pair;
  readonly dilation?: Pair;
  /** Splits channels and filters into groups that don't see each other, default 1. */
  readonly groups?: number;
}

export interface Conv2dAttrs {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** The gradient ops must be told the shape that they produce. */
export type GradientAttrs = Conv2dAttrs & { readonly shape: Shape };

export function conv2dAttrs(name: string, options: Conv2dOptions = {}): Conv2dAttrs {
  return {
    stride: pair(name, 'stride', options.stride ?? 1, 1),
    padding: pair(name, 'padding', options.padding ?? 0, 0),
    dilation: pair(name, 'dilation', options.dilation ?? 1, 1),
    groups: expectWhole(name, 'groups', options.groups ?? 1, 1),
  };
}

/** Sizes of the convolution of x [n, c, h, w] with weight [o, c / groups, r, s]; channel counts are per group. */
export function geometry(x: Shape, weight: Shape, { stride, padding, dilation, groups }: Conv2dAttrs) {
  const [batch, , height, width] = x as [number, number, number, number];
  const [filters, channels, kernelHeight, kernelWidth] = weight as [number, number, number, number];
  const extent = (size: number, kernel: number, axis: 0 | 1) =>
    Math.floor((size + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
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
    top: padding[0],
    left: padding[1],
    hasBias: 0,
  };
}

export type Geometry = ReturnType<typeof geometry>;

export const outShape = (g: Geometry): number[] => [g.batch, g.groups * g.filters, g.outHeight, g.outWidth];

export function checkShapes(name: string, x: Shape, weight: Shape, attrs: Conv2dAttrs): Geometry {
  const shown = `x is ${showShape(x)}, weight is ${showShape(weight)}`;
  const { groups } = attrs;
  if (x[1] !== weight[1]! * groups) fail(name, `channels differ, ${shown}, groups is ${groups}`);
  if (weight[0]! % groups !== 0) fail(name, `filters don't divide into ${groups} groups, ${shown}`);
  const g = geometry(x, weight, attrs);
  if (g.outHeight < 1 || g.outWidth < 1) {
    fail(
      name,
      `the kernel is larger than the padded input, ${shown}, padding is [${attrs.padding.join(',')}]`,
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
  const inChannels = g.groups * g.channels;
  forRange([g.batch, g.groups, g.filters, g.outHeight, g.outWidth], ([n, group, o, oy, ox], y) => {
    forRange([g.channels, g.kernelHeight, g.kernelWidth], ([c, r, s], tap) => {
      const iy = oy! * g.strideHeight - g.top + r! * g.dilationHeight;
      const ix = ox! * g.strideWidth - g.left + s! * g.dilationWidth;
      if (iy < 0 || iy >= g.height || ix < 0 || ix >= g.width) return;
      const x = ((n! * inChannels + group! * g.channels + c!) * g.height + iy) * g.width + ix;
      visit(y, x, (group! * g.filters + o!) * g.channels * g.kernelHeight * g.kernelWidth + tap);
    });
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

/** Output columns (pixels, batch merged) that one wasm work unit covers. */
const PIXELS = 96;
/** Depth of a block of taps, as in the matrix product. */
const DEPTH = 512;

/** x, padded (cropped where negative) and spread by `step`, in memory of its own. */
export interface Padding {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly top: number;
  readonly left: number;
  readonly stepHeight: number;
  readonly stepWidth: number;
}

export const padLaunch = (from: string, padding: Padding): Launch => ({
  kernel: 'pad2d_f32',
  operands: [from, 'padded'],
  params: { ...padding },
  units: padding.planes,
});

export const paddedBytes = ({ planes, outHeight, outWidth }: Padding): number =>
  4 * planes * outHeight * outWidth + 64;

export function inputPadding(g: Geometry): Padding {
  return {
    planes: g.batch * g.groups * g.channels,
    height: g.height,
    width: g.width,
    outHeight: g.height + 2 * g.top,
    outWidth: g.width + 2 * g.left,
    top: g.top,
    left: g.left,
    stepHeight: 1,
    stepWidth: 1,
  };
}

export const padded = (g: Geometry): Geometry => ({
  ...g,
  height: g.height + 2 * g.top,
  width: g.width + 2 * g.left,
  top: 0,
  left: 0,
});

/**
 * The convolution of an input that needs no padding any more: weights are packed into tiles of rows, then every unit
 * multiplies them with its columns of patches.
 */
export function convolve(
  tile: string,
  g: Geometry,
  from: string,
  weight: string,
  bias: string | null,
): Launch[] {
  const taps = g.channels * g.kernelHeight * g.kernelWidth;
  const columns = g.batch * g.outHeight * g.outWidth;
  return [
    {
      kernel: `conv2d_pack_f32__${tile}`,
      operands: [weight, 'tiles'],
      params: { ...g },
      units: g.groups,
    },
    {
      kernel: `conv2d_f32__${tile}`,
      operands: [from, 'tiles', bias, 'output'],
      params: { ...g },
      units: g.groups * Math.ceil(columns / PIXELS),
      scratch: 4 * (taps + 8 * DEPTH + 6 * 8) + 64,
    },
  ];
}

export const tileBytes = (g: Geometry): number =>
  4 * g.groups * g.filters * g.channels * g.kernelHeight * g.kernelWidth;

/** Tiles of 64 by 64 outputs of the implicit product: workgroups over columns, rows, groups. */
export const implicitProduct = (
  kernel: string,
  operands: readonly (string | null)[],
  g: Geometry,
  m: number,
  n: number,
): Launch => ({
  kernel,
  operands,
  params: { ...g },
  units: [Math.ceil(n / 64), Math.ceil(m / 64), g.groups],
});

/**
 * The input-gradient as a convolution of stride 1: dy, spread by the stride and padded by what the kernel overlaps,
 * with filters rotated by 180 degrees and channels exchanged.
 */
export function transposed(g: Geometry): { padding: Padding; convolution: Geometry } {
  const reachHeight = g.dilationHeight * (g.kernelHeight - 1);
  const reachWidth = g.dilationWidth * (g.kernelWidth - 1);
  const padding = {
    planes: g.batch * g.groups * g.filters,
    height: g.outHeight,
    width: g.outWidth,
    outHeight: g.height + reachHeight,
    outWidth: g.width + reachWidth,
    top: reachHeight - g.top,
    left: reachWidth - g.left,
    stepHeight: g.strideHeight,
    stepWidth: g.strideWidth,
  };
  const convolution = {
    ...g,
    channels: g.filters,
    filters: g.channels,
    height: padding.outHeight,
    width: padding.outWidth,
    outHeight: g.height,
    outWidth: g.width,
    strideHeight: 1,
    strideWidth: 1,
    top: 0,
    left: 0,
  };
  return { padding, convolution };
}
