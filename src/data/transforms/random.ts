import { fail } from '../../errors.js';
import { anyNumber, either, expectOptions, type Kind, type Kinds, numbers } from '../../kinds.js';
import type { Transform } from '../combine.js';
import type { DataTensor } from '../sample.js';
import { affine, type RotateOptions, rotate, rotateKinds, type WarpOptions, warpKinds } from './affine.js';
import { type Chance, chanceOf } from './chance.js';
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, rgbToGrayscale } from './color.js';
import { horizontalFlip, verticalFlip } from './geometry.js';
import { asImage, checkRange, rangeKind, roundHalfEven } from './image.js';

/** [low, high], or a number for [-number, number]. */
export type Spread = number | readonly [low: number, high: number];

const spreadKind: Kind<Spread> = either(anyNumber, rangeKind);

function sometimes(
  where: string,
  options: Chance,
  change: (tensor: DataTensor) => DataTensor,
  usual = 0.5,
): Transform {
  const p = chanceOf(where, options, usual);
  return (tensor, generator) => (generator.uniform() < p ? change(tensor) : tensor);
}

/** Mirrors left for right with probability `p`. */
export const randomHorizontalFlip = (options: Chance = {}): Transform =>
  sometimes('randomHorizontalFlip', options, horizontalFlip);

/** Turns upside down with probability `p`. */
export const randomVerticalFlip = (options: Chance = {}): Transform =>
  sometimes('randomVerticalFlip', options, verticalFlip);

/** Takes the colours away, keeping the number of channels, with probability `p`, by default 0.1. */
export const randomGrayscale = (options: Chance = {}): Transform =>
  sometimes(
    'randomGrayscale',
    options,
    (tensor) => rgbToGrayscale(tensor, tensor.shape[0] === 3 ? 3 : 1),
    0.1,
  );

function spreadOf(where: string, name: string, spread: Spread): readonly [number, number] {
  if (typeof spread === 'number' && !(spread >= 0))
    fail(where, `${name} must be a number from 0 or [low, high], got ${spread}`);
  const range = typeof spread === 'number' ? ([-spread, spread] as const) : spread;
  checkRange(where, name, range);
  return range;
}

/** Rotates by an angle of `degrees`, counter-clockwise. */
export function randomRotation(degrees: Spread, options: RotateOptions = {}): Transform {
  expectOptions('randomRotation', options, rotateKinds);
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

const randomAffineKinds: Kinds<RandomAffineOptions> = {
  ...warpKinds,
  translate: rangeKind,
  scale: rangeKind,
  shear: either(anyNumber, numbers) as Kind<NonNullable<RandomAffineOptions['shear']>>,
};

/** Rotates by `degrees`, moves, scales and shears, each drawn by itself. */
export function randomAffine(degrees: Spread, options: RandomAffineOptions = {}): Transform {
  const where = 'randomAffine';
  expectOptions(where, options, randomAffineKinds);
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

const colorJitterKinds: Kinds<ColorJitterOptions> = {
  brightness: spreadKind,
  contrast: spreadKind,
  saturation: spreadKind,
  hue: spreadKind,
};

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
  expectOptions('colorJitter', options, colorJitterKinds);
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
