import type { Transform } from '../combine.js';
import { rgbToGrayscale } from './color.js';
import * as geometry from './geometry.js';
import { asPair, type Size } from './image.js';
import { type ResizeOptions, resize as resized } from './resize.js';

export { compose, lambda, normalize, randomApply, type ToTensorOptions, toTensor } from './basic.js';
export * as functional from './functional.js';
export type { Size } from './image.js';
export {
  type Chance,
  type ColorJitterOptions,
  colorJitter,
  type RandomAffineOptions,
  type RandomCropOptions,
  type RandomErasingOptions,
  type RandomResizedCropOptions,
  randomAffine,
  randomCrop,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRotation,
  randomVerticalFlip,
  type Spread,
} from './random.js';

/** To [height, width], or to a shorter side of `size` pixels. */
export function resize(size: number | Size, options: ResizeOptions = {}): Transform {
  asPair('resize', 'size', size);
  return (tensor) => resized(tensor, size, options);
}

/** The middle `size` pixels, padded with 0 where the image is smaller. */
export function centerCrop(size: number | Size): Transform {
  asPair('centerCrop', 'size', size);
  return (tensor) => geometry.centerCrop(tensor, size);
}

/** Pixels around the image. */
export function pad(padding: geometry.Padding, options: geometry.PadOptions = {}): Transform {
  geometry.sidesOf('pad', padding);
  return (tensor) => geometry.pad(tensor, padding, options);
}

/** Brightness alone, in one channel or in three equal ones. */
export const grayscale =
  ({ numOutputChannels = 1 }: { readonly numOutputChannels?: 1 | 3 } = {}): Transform =>
  (tensor) =>
    rgbToGrayscale(tensor, numOutputChannels);
