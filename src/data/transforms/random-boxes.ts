// Crops and erasures of random places.
import { fail } from '../../errors.js';
import { either, expectOptions, flag, type Kind, type Kinds, oneOf, whole, wholes } from '../../kinds.js';
import type { Generator } from '../../random.js';
import type { Transform } from '../combine.js';
import { type Chance, chanceKinds, checkProbability } from './chance.js';
import { crop, erase, fillKind, type Padding, type PadOptions, pad, padKinds } from './geometry.js';
import { asImage, asPair, checkRange, type Image, rangeKind, roundHalfEven, type Size } from './image.js';
import { type ResizeOptions, resize, resizeKinds } from './resize.js';

export interface RandomCropOptions extends PadOptions {
  /** Pixels around the image before it is cropped; default 0. */
  readonly padding?: Padding;
  /** Pad an image that is smaller than the crop; default false: it is an error. */
  readonly padIfNeeded?: boolean;
}

const randomCropKinds: Kinds<RandomCropOptions> = {
  ...padKinds,
  padding: either(whole, wholes) as Kind<Padding>,
  padIfNeeded: flag,
};

/** A crop of `size` anywhere in the padded image. Raises a WeftError for an image that is smaller than `size`. */
export function randomCrop(size: number | Size, options: RandomCropOptions = {}): Transform {
  const where = 'randomCrop';
  const [height, width] = asPair(where, 'size', size);
  expectOptions(where, options, randomCropKinds);
  const { padding = 0, padIfNeeded = false, ...filling } = options;
  return (tensor, generator) => {
    let image = asImage(where, padding === 0 ? tensor : pad(tensor, padding, filling));
    const [lackX, lackY] = [Math.max(0, width - image.width), Math.max(0, height - image.height)];
    if (lackX + lackY > 0) {
      if (!padIfNeeded) {
        fail(
          where,
          `size ${height} x ${width} is larger than the padded image, ${image.height} x ${image.width}; set padding or padIfNeeded`,
        );
      }
      image = asImage(where, pad(image.tensor, [lackX, lackY, lackX, lackY], filling));
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

const resizedCropKinds: Kinds<RandomResizedCropOptions> = {
  ...resizeKinds,
  scale: rangeKind,
  ratio: rangeKind,
};

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
  expectOptions(where, options, resizedCropKinds);
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], ...resizing } = options;
  checkRange(where, 'scale', scale, 0);
  checkRange(where, 'ratio', ratio, Number.MIN_VALUE);
  return (tensor, generator) => {
    const { top, left, height, width } = drawBox(asImage(where, tensor), generator, scale, ratio);
    return resize(crop(tensor, top, left, height, width), target, resizing);
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

const randomErasingKinds: Kinds<RandomErasingOptions> = {
  ...chanceKinds,
  scale: rangeKind,
  ratio: rangeKind,
  value: either(fillKind, oneOf('random'), "a number, a list of numbers or 'random'"),
};

/** Fills a rectangle with probability `p` (Zhong et al., "Random erasing data augmentation", 2017). */
export function randomErasing(options: RandomErasingOptions = {}): Transform {
  const where = 'randomErasing';
  expectOptions(where, options, randomErasingKinds);
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
