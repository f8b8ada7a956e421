import { fail } from '../../errors.js';
import { anyNumber, expectOptions, flag, type Kinds, number, pairOf } from '../../kinds.js';
import type { DataTensor } from '../sample.js';
import { fillKind } from './geometry.js';
import { asImage, type Image, newImage, perChannel, roundHalfEven } from './image.js';
import { type Interpolation, interpolationKind } from './resize.js';

export interface WarpOptions {
  /** Default nearest, as in torchvision. */
  readonly interpolation?: Interpolation;
  /**
   * What lies outside the image: one value, or one for each channel. Default 0, with which bilinear pixels of the edge,
   * as torchvision's without a fill, are not blended with it once more.
   */
  readonly fill?: number | readonly number[];
  /** [x, y] from the upper left corner, in pixels; default: the middle. */
  readonly center?: readonly [x: number, y: number];
}

export interface AffineOptions extends WarpOptions {
  /** Degrees, clockwise; default 0. */
  readonly angle?: number;
  /** Pixels to the right and down; default 0. */
  readonly translate?: readonly [x: number, y: number];
  /** Above 0; default 1. */
  readonly scale?: number;
  /** Degrees along x and y; default 0. */
  readonly shear?: readonly [x: number, y: number];
}

const pair = pairOf(number, 'a pair of numbers');

export const warpKinds: Kinds<WarpOptions> = {
  interpolation: interpolationKind,
  fill: fillKind,
  center: pair,
};
const affineKinds: Kinds<AffineOptions> = {
  ...warpKinds,
  angle: anyNumber,
  translate: pair,
  scale: anyNumber,
  shear: pair,
};

/** [a, b, c, d, e, f]: the source of (x, y) is (a x + b y + c, d x + e y + f), both from the image's middle. */
type Matrix = readonly [number, number, number, number, number, number];

/** The inverse of: shear, rotate, scale about the centre, then translate. */
function inverseMatrix(
  [cx, cy]: readonly [number, number],
  degrees: number,
  [tx, ty]: readonly [number, number],
  scale: number,
  shear: readonly [number, number],
): Matrix {
  const radians = (angle: number) => (angle * Math.PI) / 180;
  const [rotation, sx, sy] = [radians(degrees), radians(shear[0]), radians(shear[1])];
  const a = Math.cos(rotation - sy) / Math.cos(sy);
  const b = -a * Math.tan(sx) - Math.sin(rotation);
  const c = Math.sin(rotation - sy) / Math.cos(sy);
  const d = -c * Math.tan(sx) + Math.cos(rotation);
  const [p, q, r, s] = [d / scale, -b / scale, -c / scale, a / scale];
  return [p, q, cx - p * (cx + tx) - q * (cy + ty), r, s, cy - r * (cx + tx) - s * (cy + ty)];
}

const fromMiddle = ({ width, height }: Image, center: WarpOptions['center']): readonly [number, number] =>
  center ? [center[0] - width / 2, center[1] - height / 2] : [0, 0];

function warp(
  where: string,
  image: Image,
  matrix: Matrix,
  height: number,
  width: number,
  options: WarpOptions,
): DataTensor {
  const { interpolation = 'nearest', fill } = options;
  const fills = fill === undefined ? null : perChannel(where, 'fill', fill, image.channels);
  return interpolation === 'nearest'
    ? warpNearest(image, matrix, height, width, fills)
    : warpBilinear(image, matrix, height, width, fills);
}

/** Calls `visit` with the number of each pixel of the result and where it comes from, in pixels of the source. */
function forEachSource(
  image: Image,
  [a, b, c, d, e, f]: Matrix,
  height: number,
  width: number,
  visit: (at: number, x: number, y: number) => void,
): void {
  for (let row = 0, at = 0; row < height; row++) {
    const y = row - (height - 1) / 2;
    const startX = b * y + c + (image.width - 1) / 2;
    const startY = e * y + f + (image.height - 1) / 2;
    for (let column = 0; column < width; column++, at++) {
      const x = column - (width - 1) / 2;
      visit(at, a * x + startX, d * x + startY);
    }
  }
}

function warpNearest(
  image: Image,
  matrix: Matrix,
  height: number,
  width: number,
  fills: readonly number[] | null,
): DataTensor {
  const out = newImage(image, image.channels, height, width);
  const plane = height * width;
  const sources = new Int32Array(plane);
  forEachSource(image, matrix, height, width, (at, x, y) => {
    const [column, row] = [roundHalfEven(x), roundHalfEven(y)];
    const inside = column >= 0 && column < image.width && row >= 0 && row < image.height;
    sources[at] = inside ? row * image.width + column : -1;
  });
  for (let c = 0; c < image.channels; c++) {
    const start = c * image.height * image.width;
    for (let i = 0; i < plane; i++) {
      const source = sources[i]!;
      out.data[c * plane + i] = source < 0 ? (fills?.[c] ?? 0) : image.data[start + source]!;
    }
  }
  return out.tensor;
}

/** Pixels outside weigh 0; the sum is blended with a fill by the weight of those inside, as in torchvision. */
function warpBilinear(
  image: Image,
  matrix: Matrix,
  height: number,
  width: number,
  fills: readonly number[] | null,
): DataTensor {
  const { channels, data } = image;
  const out = newImage(image, channels, height, width);
  const [plane, source] = [height * width, image.height * image.width];
  const bytes = image.tensor.dtype === 'u8';
  const taps = new Int32Array(4);
  const weights = new Float64Array(4);
  forEachSource(image, matrix, height, width, (at, x, y) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    let inside = 0;
    for (let k = 0; k < 4; k++) {
      const [column, row] = [left + (k & 1), top + (k >> 1)];
      const within = column >= 0 && column < image.width && row >= 0 && row < image.height;
      taps[k] = within ? row * image.width + column : 0;
      weights[k] = within ? (1 - Math.abs(x - column)) * (1 - Math.abs(y - row)) : 0;
      inside += weights[k]!;
    }
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k]! * data[c * source + taps[k]!]!;
      const value = fills ? (sum - fills[c]!) * inside + fills[c]! : sum;
      out.data[c * plane + at] = bytes ? roundHalfEven(value) : value;
    }
  });
  return out.tensor;
}

/** Rotated, sheared, scaled and moved, about its centre. Raises a WeftError for a scale that is not above 0. */
export function affine(tensor: DataTensor, options: AffineOptions): DataTensor {
  expectOptions('affine', options, affineKinds);
  const { angle = 0, translate = [0, 0], scale = 1, shear = [0, 0], center } = options;
  const image = asImage('affine', tensor);
  if (!Number.isFinite(angle)) fail('affine', `angle must be a number of degrees, got ${angle}`);
  if (!(scale > 0)) fail('affine', `scale must be above 0, got ${scale}`);
  const matrix = inverseMatrix(fromMiddle(image, center), angle, translate, scale, shear);
  return warp('affine', image, matrix, image.height, image.width, options);
}

export interface RotateOptions extends WarpOptions {
  /** Make the image so large that all of it is seen; default false. It takes no `center`. */
  readonly expand?: boolean;
}

export const rotateKinds: Kinds<RotateOptions> = { ...warpKinds, expand: flag };

/** Rotated by `angle` degrees, counter-clockwise. */
export function rotate(tensor: DataTensor, angle: number, options: RotateOptions = {}): DataTensor {
  expectOptions('rotate', options, rotateKinds);
  const { expand = false, center } = options;
  const image = asImage('rotate', tensor);
  if (!Number.isFinite(angle)) fail('rotate', `angle must be a number of degrees, got ${angle}`);
  if (expand && center) fail('rotate', 'expand takes no center: the result would not be all of the image');
  const turns = angle / 90;
  const isWhole = turns % 2 === 0 || (Number.isInteger(turns) && (expand || image.height === image.width));
  if (isWhole && !center) return quarterTurns(image, ((turns % 4) + 4) % 4);
  const matrix = inverseMatrix(fromMiddle(image, center), -angle, [0, 0], 1, [0, 0]);
  const [height, width] = expand ? expandedSize(image, matrix) : [image.height, image.width];
  return warp('rotate', image, matrix, height, width, options);
}

/** Turned counter-clockwise by 0 to 3 quarters, pixel for pixel. */
function quarterTurns(image: Image, turns: number): DataTensor {
  const { channels, height, width, data } = image;
  const sizes = turns % 2 === 0 ? ([height, width] as const) : ([width, height] as const);
  const out = newImage(image, channels, ...sizes);
  // Where the upper left pixel comes from, and how far apart the sources are along x and y.
  const [first, alongX, alongY] = [
    [0, 1, width],
    [width - 1, width, -1],
    [height * width - 1, -1, -width],
    [(height - 1) * width, -width, 1],
  ][turns] as [number, number, number];
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < out.height; y++) {
      const start = c * height * width + first + y * alongY;
      for (let x = 0; x < out.width; x++) out.data[at++] = data[start + x * alongX]!;
    }
  }
  return out.tensor;
}

/** The size that holds all corners, which a ten-thousandth of a pixel does not make larger. */
function expandedSize({ width, height }: Image, [a, b, , d, e]: Matrix): [height: number, width: number] {
  const span = (size: number, [p, q]: readonly [number, number]) => {
    const ends = [-1, 1].flatMap((x) => [-1, 1].map((y) => (p * x * width + q * y * height) / 2 + size / 2));
    const whole = (value: number) => Math.trunc(value * 1e4) * 1e-4;
    return Math.ceil(whole(Math.max(...ends))) - Math.floor(whole(Math.min(...ends)));
  };
  return [span(height, [d, e]), span(width, [a, b])];
}
