import { fail } from '../../errors.js';
import type { DataTensor } from '../sample.js';
import { asImage, type Image, newImage } from './image.js';

const { fround } = Math;

function checkFactor(where: string, factor: number): void {
  if (!(factor >= 0 && factor < Infinity)) fail(where, `factor must be a number from 0, got ${factor}`);
}

function colourImage(where: string, tensor: DataTensor): Image {
  const image = asImage(where, tensor);
  if (image.channels !== 1 && image.channels !== 3) {
    fail(where, `needs an image of 1 or 3 channels, got ${image.channels}`);
  }
  return image;
}

/** Brightness of each pixel, by the weights of ITU-R 601-2; bytes stay bytes, rounded down. */
function greyOf({ data, channels, height, width, tensor }: Image): Float32Array {
  const plane = height * width;
  if (channels === 1) return Float32Array.from(data);
  const grey = new Float32Array(plane);
  for (let i = 0; i < plane; i++) {
    const red = fround(data[i]! * fround(0.2989));
    grey[i] = fround(red + data[plane + i]! * fround(0.587)) + data[2 * plane + i]! * fround(0.114);
  }
  return tensor.dtype === 'u8' ? grey.map(Math.floor) : grey;
}

/** factor * image + (1 - factor) * other(pixel), within black and white; bytes are rounded down. */
function blend(image: Image, factor: number, other: (pixel: number) => number): DataTensor {
  const { channels, height, width, white, data } = image;
  const out = newImage(image, channels, height, width);
  const plane = height * width;
  const [mine, theirs] = [fround(factor), fround(1 - factor)];
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) {
      const value = fround(fround(data[c * plane + i]! * mine) + theirs * other(i));
      out.data[c * plane + i] = Math.min(white, Math.max(0, value));
    }
  }
  return out.tensor;
}

/** Brighter by a factor above 1, darker below. */
export function adjustBrightness(tensor: DataTensor, factor: number): DataTensor {
  checkFactor('adjustBrightness', factor);
  return blend(asImage('adjustBrightness', tensor), factor, () => 0);
}

/** More contrast to the mean brightness by a factor above 1, less below; 1 or 3 channels. */
export function adjustContrast(tensor: DataTensor, factor: number): DataTensor {
  checkFactor('adjustContrast', factor);
  const image = colourImage('adjustContrast', tensor);
  const grey = greyOf(image);
  const mean = fround(grey.reduce((sum, value) => sum + value, 0) / grey.length);
  return blend(image, factor, () => mean);
}

/** More colour by a factor above 1, less below, none at 0; 1 or 3 channels. */
export function adjustSaturation(tensor: DataTensor, factor: number): DataTensor {
  checkFactor('adjustSaturation', factor);
  const image = colourImage('adjustSaturation', tensor);
  if (image.channels === 1) return tensor;
  const grey = greyOf(image);
  return blend(image, factor, (i) => grey[i]!);
}

/** Hue in [0, 1), saturation and value of a colour in [0, 1], and back to a colour with another hue. */
function turnHue(rgb: Float64Array, by: number): void {
  const [r, g, b] = rgb as unknown as [number, number, number];
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  if (range === 0) return;
  const sector = most === r ? (g - b) / range : most === g ? 2 + (b - r) / range : 4 + (r - g) / range;
  const hue = (((sector / 6 + by) % 1) + 1) % 1;
  const part = Math.floor(hue * 6);
  const rest = hue * 6 - part;
  const saturation = range / most;
  const p = most * (1 - saturation);
  const q = most * (1 - saturation * rest);
  const t = most * (1 - saturation * (1 - rest));
  const turned = [
    [most, t, p],
    [q, most, p],
    [p, most, t],
    [p, q, most],
    [t, p, most],
    [most, p, q],
  ][part % 6]!;
  rgb.set(turned);
}

/** Colours turned by `factor` of the circle, from -0.5 to 0.5; an image of one channel stays as it is. */
export function adjustHue(tensor: DataTensor, factor: number): DataTensor {
  if (!(factor >= -0.5 && factor <= 0.5)) fail('adjustHue', `factor must be from -0.5 to 0.5, got ${factor}`);
  const image = colourImage('adjustHue', tensor);
  if (image.channels === 1) return tensor;
  const { height, width, data, white } = image;
  const out = newImage(image, 3, height, width);
  const plane = height * width;
  // torchvision makes bytes of [0, 1] by this factor, rounded down.
  const scale = white === 255 ? 255.999 : 1;
  const rgb = new Float64Array(3);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) rgb[c] = data[c * plane + i]! / white;
    turnHue(rgb, factor);
    for (let c = 0; c < 3; c++) out.data[c * plane + i] = Math.min(1, Math.max(0, rgb[c]!)) * scale;
  }
  return out.tensor;
}

/** Brightness alone, in one channel or in three equal ones. */
export function rgbToGrayscale(tensor: DataTensor, numOutputChannels: 1 | 3 = 1): DataTensor {
  const image = colourImage('rgbToGrayscale', tensor);
  const out = newImage(image, numOutputChannels, image.height, image.width);
  const grey = greyOf(image);
  for (let c = 0; c < numOutputChannels; c++) out.data.set(grey, c * grey.length);
  return out.tensor;
}
