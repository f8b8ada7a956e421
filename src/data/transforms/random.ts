import { fail } from '../../errors.js';
import type { Generator } from '../../random.js';
import type { Transform } from '../combine.js';
import type { DataTensor } from '../sample.js';
import { affine, type RotateOptions, rotate, type WarpOptions } from './affine.js';
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, rgbToGrayscale } from './color.js';
import { crop, erase, horizontalFlip, type Padding, type PadOptions, pad, verticalFlip } from './geometry.js';
import {
  asImage,
  asPair,
  checkProbability,
  checkRange,
  type Image,
  roundHalfEven,
  type Size,
} from './image.js';
import { type ResizeOptions, resize } from './resize.js';

export interface Chance {
  /** How often, from 0 to 1; default 0.5. */
  readonly p?: number;
}

/** [low, high], or a number for [-number, number]. */
export type Spread = number | readonly [low: number, high: number];

function sometimes(where: string, p: number, change: (tensor: DataTensor) => DataTensor): Transform {
  checkProbability(where, p);
  return (tensor, generator) => (generator.uniform() < p ? change(tensor) : tensor);
}

/** Mirrors left for right with probability `p`. */
export const randomHorizontalFlip = ({ p = 0.5 }: Chance = {}): Transform =>
  sometimes('randomHorizontalFlip', p, horizontalFlip);

/** Turns upside down with probability `p`. */
export const randomVerticalFlip = ({ p = 0.5 }: Chance = {}): Transform =>
  sometimes('randomVerticalFlip', p, verticalFlip);

/** Takes the colours away, keeping the number of channels, with probability `p`, by default 0.1. */
export const randomGrayscale = ({ p = 0.1 }: Chance = {}): Transform =>
  sometimes('randomGrayscale', p, (tensor) => rgbToGrayscale(tensor, tensor.shape[0] === 3 ? 3 : 1));

export interface RandomCropOptions extends PadOptions {
  /** Pixels around the image before it is cropped; default 0. */
  readonly padding?: Padding;
  /** Pad an image that is smaller than the crop; default false: it is an error. */
  readonly padIfNeeded?: boolean;
}

/** A crop of `size` anywhere in the padded image. Raises a WeftError for an image that is smaller than `size`. */
export function randomCrop(size: number | Size, options: RandomCropOptions = {}): Transform {
  const where = 'randomCrop';
  const [height, width] = asPair(where, 'size', size);
  const { padding = 0, padIfNeeded = false } = options;
  return (tensor, generator) => {
    let image = asImage(where, padding === 0 ? tensor : pad(tensor, padding, options));
    const [lackX, lackY] = [Math.max(0, width - image.width), Math.max(0, height - image.height)];
    if (lackX + lackY > 0) {
      if (!padIfNeeded) {
        fail(
          where,
          `size ${height} x ${width} is larger than the padded image, ${image.height} x ${image.width}; set padding or padIfNeeded`,
        );
      }
      image = asImage(where, pad(image.tensor, [lackX, lackY, lackX, lackY], options));
    }
    const top = generator.below(image.height - height + 1);
    const left = generator.below(image.width - width + 1);
    return crop(image.tensor, top, left, height, width);
  };
}

export interface RandomResizedCropOptions extends ResizeOptions {
  /** The crop's part of the area; default [0.08, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Its width by its height, before resizing; default [3 / 4, 4 / 3]. */
  readonly ratio?: readonly [low: number, high: number];
}

interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A number whose logarithm is uniform. */
const uniformRatio = (generator: Generator, [low, high]: readonly [number, number]): number =>
  Math.exp(generator.uniform(Math.log(low), Math.log(high)));

/** Where a random crop of some area and proportions lies; the middle where ten draws don't fit. */
function drawBox(
  { height, width }: Image,
  generator: Generator,
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * generator.uniform(...scale);
    const aspect = uniformRatio(generator, ratio);
    const [w, h] = [roundHalfEven(Math.sqrt(area * aspect)), roundHalfEven(Math.sqrt(area / aspect))];
    if (w > 0 && w <= width && h > 0 && h <= height) {
      return {
        top: generator.below(height - h + 1),
        left: generator.below(width - w + 1),
        height: h,
        width: w,
      };
    }
  }
  const w = width / height > ratio[1] ? roundHalfEven(height * ratio[1]) : width;
  const h = width / height < ratio[0] ? roundHalfEven(width / ratio[0]) : height;
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/** A crop of random area and proportions, resized to `size`. */
export function randomResizedCrop(size: number | Size, options: RandomResizedCropOptions = {}): Transform {
  const where = 'randomResizedCrop';
  const target = asPair(where, 'size', size);
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options;
  checkRange(where, 'scale', scale, 0);
  checkRange(where, 'ratio', ratio, Number.MIN_VALUE);
  return (tensor, generator) => {
    const { top, left, height, width } = drawBox(asImage(where, tensor), generator, scale, ratio);
    return resize(crop(tensor, top, left, height, width), target, options);
  };
}

function spreadOf(where: string, name: string, spread: Spread): readonly [number, number] {
  if (typeof spread === 'number' && !(spread >= 0))
    fail(where, `${name} must be a number from 0 or [low, high], got ${spread}`);
  const range = typeof spread === 'number' ? ([-spread, spread] as const) : spread;
  checkRange(where, name, range);
  return range;
}

/** Rotates by an angle of `degrees`, counter-clockwise. */
export function randomRotation(degrees: Spread, options: RotateOptions = {}): Transform {
  const range = spreadOf('randomRotation', 'degrees', degrees);
  const filled = { ...options, fill: options.fill ?? 0 };
  return (tensor, generator) => rotate(tensor, generator.uniform(...range), filled);
}

export interface RandomAffineOptions extends WarpOptions {
  /** Furthest moves along x and y, as parts of width and height; default none. */
  readonly translate?: readonly [x: number, y: number];
  /** Default [1, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Degrees along x; with four numbers the last two are those along y. Default none. */
  readonly shear?: Spread | readonly [xLow: number, xHigh: number, yLow: number, yHigh: number];
}

/** Rotates by `degrees`, moves, scales and shears, each drawn by itself. */
export function randomAffine(degrees: Spread, options: RandomAffineOptions = {}): Transform {
  const where = 'randomAffine';
  const angles = spreadOf(where, 'degrees', degrees);
  const { translate = [0, 0], scale = [1, 1], shear = 0, fill = 0, ...warp } = options;
  if (translate.length !== 2 || translate.some((part) => !(part >= 0 && part <= 1))) {
    fail(where, `translate must be two parts from 0 to 1, got [${translate.join(', ')}]`);
  }
  checkRange(where, 'scale', scale, Number.MIN_VALUE);
  const both = typeof shear !== 'number' && shear.length === 4;
  const shearX = spreadOf(where, 'shear', both ? [shear[0], shear[1]] : (shear as Spread));
  const shearY = spreadOf(where, 'shear', both ? [shear[2], shear[3]] : 0);
  return (tensor, generator) => {
    const { width, height } = asImage(where, tensor);
    const angle = generator.uniform(...angles);
    const [x, y] = [translate[0] * width, translate[1] * height];
    const moves = [roundHalfEven(generator.uniform(-x, x)), roundHalfEven(generator.uniform(-y, y))] as const;
    const factor = generator.uniform(...scale);
    const shears = [generator.uniform(...shearX), generator.uniform(...shearY)] as const;
    return affine(tensor, { ...warp, fill, angle, translate: moves, scale: factor, shear: shears });
  };
}

export interface ColorJitterOptions {
  /** Factors in [max(0, 1 - brightness), 1 + brightness], or in the range that is given; default none. */
  readonly brightness?: Spread;
  readonly contrast?: Spread;
  readonly saturation?: Spread;
  /** Turns in [-hue, hue] of the circle, or in the range that is given, within -0.5 and 0.5; default none. */
  readonly hue?: Spread;
}

/** The factors' range, or null for one that changes nothing. */
function factorsOf(name: string, spread: Spread, center: 0 | 1): readonly [number, number] | null {
  const where = 'colorJitter';
  if (typeof spread === 'number' && !(spread >= 0))
    fail(where, `${name} must be a number from 0 or [low, high], got ${spread}`);
  const low = (by: number) => (center === 1 ? Math.max(0, 1 - by) : -by);
  const range = typeof spread === 'number' ? ([low(spread), center + spread] as const) : spread;
  checkRange(where, name, range, center === 1 ? 0 : -0.5);
  if (center === 0 && range[1] > 0.5)
    fail(where, `hue must be within -0.5 and 0.5, got [${range.join(', ')}]`);
  return range[0] === center && range[1] === center ? null : range;
}

/** Changes brightness, contrast, saturation and hue by random factors, in random order. */
export function colorJitter(options: ColorJitterOptions = {}): Transform {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
  const changes = [
    { range: factorsOf('brightness', brightness, 1), adjust: adjustBrightness },
    { range: factorsOf('contrast', contrast, 1), adjust: adjustContrast },
    { range: factorsOf('saturation', saturation, 1), adjust: adjustSaturation },
    { range: factorsOf('hue', hue, 0), adjust: adjustHue },
  ];
  return (tensor, generator) => {
    const order = generator.permutation(changes.length);
    const factors = changes.map(({ range }) => range && generator.uniform(...range));
    return order.reduce((image, i) => {
      const factor = factors[i];
      return typeof factor === 'number' ? changes[i]!.adjust(image, factor) : image;
    }, tensor);
  };
}

export interface RandomErasingOptions extends Chance {
  /** The rectangle's part of the area; default [0.02, 0.33]. */
  readonly scale?: readonly [low: number, high: number];
  /** Its height by its width; default [0.3, 3.3]. */
  readonly ratio?: readonly [low: number, high: number];
  /** What stands in it: one number, one for each channel, or 'random' for normal numbers in each pixel (f32). Default 0. */
  readonly value?: number | readonly number[] | 'random';
}

/** Fills a rectangle with probability `p` (Zhong et al., "Random erasing data augmentation", 2017). */
export function randomErasing(options: RandomErasingOptions = {}): Transform {
  const where = 'randomErasing';
  const { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options;
  checkProbability(where, p);
  checkRange(where, 'scale', scale, 0);
  checkRange(where, 'ratio', ratio, Number.MIN_VALUE);
  if (scale[1] > 1) fail(where, `scale must be a part of the area, up to 1, got [${scale.join(', ')}]`);
  return (tensor, generator) => {
    const { channels, height, width } = asImage(where, tensor);
    if (value === 'random' && tensor.dtype === 'u8')
      fail(where, "value 'random' needs f32; put toTensor() before it");
    if (generator.uniform() >= p) return tensor;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = height * width * generator.uniform(...scale);
      const aspect = uniformRatio(generator, ratio);
      const [h, w] = [roundHalfEven(Math.sqrt(area * aspect)), roundHalfEven(Math.sqrt(area / aspect))];
      if (h >= height || w >= width) continue;
      const [top, left] = [generator.below(height - h + 1), generator.below(width - w + 1)];
      const filling =
        value === 'random' ? new Float32Array(channels * h * w).map(() => generator.normal()) : value;
      return erase(tensor, top, left, h, w, filling);
    }
    return tensor;
  };
}
