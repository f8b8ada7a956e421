import { expectOptions, type Kind } from '../../kinds.js';
import type { Transform } from '../combine.js';
import { rgbToGrayscale } from './color.js';
import * as geometry from './geometry.js';
import { asPair, type Size } from './image.js';
import { type ResizeOptions, resize as resized, resizeKinds } from './resize.js';

export { compose, lambda, normalize, randomApply, type ToTensorOptions, toTensor } from './basic.js';
export type { Chance } from './chance.js';
export * as functional from './functional.js';
export type { Size } from './image.js';
export {
  type ColorJitterOptions,
  colorJitter,
  type RandomAffineOptions,
  randomAffine,
  randomGrayscale,
  randomHorizontalFlip,
  randomRotation,
  randomVerticalFlip,
  type Spread,
} from './random.js';
export {
  type RandomCropOptions,
  type RandomErasingOptions,
  type RandomResizedCropOptions,
  randomCrop,
  randomErasing,
  randomResizedCrop,
} from './random-boxes.js';

/** To [height, width], or to a shorter side of `size` pixels. */
export function resize(size: number | Size, options: ResizeOptions = {}): Transform {
  asPair('resize', 'size', size);
  expectOptions('resize', options, resizeKinds);
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
  expectOptions('pad', options, geometry.padKinds);
  return (tensor) => geometry.pad(tensor, padding, options);
}

const oneOrThree: Kind<1 | 3> = { words: '1 or 3', fits: (value) => value === 1 || value === 3 };

/** Brightness alone, in one channel or in three equal ones. */
export function grayscale(options: { readonly numOutputChannels?: 1 | 3 } = {}): Transform {
  expectOptions('grayscale', options, { numOutputChannels: oneOrThree });
  return (tensor) => rgbToGrayscale(tensor, options.numOutputChannels);
}
