/** The changes themselves, without chance: functions of an image [channels, height, width]. */
export { type AffineOptions, affine, type RotateOptions, rotate, type WarpOptions } from './affine.js';
export { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, rgbToGrayscale } from './color.js';
export {
  centerCrop,
  crop,
  erase,
  horizontalFlip,
  type Padding,
  type PaddingMode,
  type PadOptions,
  pad,
  verticalFlip,
} from './geometry.js';
export { type Interpolation, type ResizeOptions, resize } from './resize.js';
