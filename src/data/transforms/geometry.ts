import { fail } from '../../errors.js';
import { anyNumber, either, expectOptions, type Kind, type Kinds, listOf, oneOf } from '../../kinds.js';
import type { DataTensor } from '../sample.js';
import { asImage, asPair, checkPixels, newImage, perChannel, roundHalfEven, type Size } from './image.js';

/** `height` by `width` pixels whose upper left one is (top, left); what lies outside the image is 0. */
export function crop(
  tensor: DataTensor,
  top: number,
  left: number,
  height: number,
  width: number,
): DataTensor {
  const image = asImage('crop', tensor);
  checkPixels('crop', { top, left });
  checkPixels('crop', { height, width }, 1);
  const out = newImage(image, image.channels, height, width);
  const [firstX, lastX] = [Math.max(0, left), Math.min(image.width, left + width)];
  const [firstY, lastY] = [Math.max(0, top), Math.min(image.height, top + height)];
  for (let c = 0; c < image.channels; c++) {
    for (let y = firstY; y < lastY && firstX < lastX; y++) {
      const row = (c * image.height + y) * image.width;
      out.data.set(
        image.data.subarray(row + firstX, row + lastX),
        (c * height + y - top) * width + firstX - left,
      );
    }
  }
  return out.tensor;
}

/** Pixels around an image: a number for all sides, [x, y], or [left, top, right, bottom]. */
export type Padding =
  | number
  | readonly [x: number, y: number]
  | readonly [left: number, top: number, right: number, bottom: number];
/** `constant` gives `fill`; `reflect` leaves the edge out, `symmetric` repeats it. */
export type PaddingMode = (typeof MODES)[number];
const MODES = ['constant', 'edge', 'reflect', 'symmetric'] as const;

export interface PadOptions {
  /** One value, or one for each channel; default 0. */
  readonly fill?: number | readonly number[];
  readonly paddingMode?: PaddingMode;
}

/** One value, or one for each channel. */
export const fillKind: Kind<number | readonly number[]> = either(
  anyNumber,
  listOf(anyNumber, 'a list of numbers'),
);
export const padKinds: Kinds<PadOptions> = { fill: fillKind, paddingMode: oneOf(...MODES) };

export function sidesOf(where: string, padding: Padding): readonly [number, number, number, number] {
  const list = typeof padding === 'number' ? [padding] : padding;
  if (![1, 2, 4].includes(list.length) || list.some((side) => !Number.isInteger(side) || side < 0)) {
    fail(
      where,
      `padding must be whole numbers from 0, one, [x, y] or [left, top, right, bottom], got ${JSON.stringify(padding)}`,
    );
  }
  const [left, top = left, right = left, bottom = top] = list as number[];
  return [left!, top!, right!, bottom!];
}

/** Where each pixel of a padded line comes from; -1 for the fill. */
function sourcesOf(mode: PaddingMode, before: number, size: number, after: number): Int32Array {
  return Int32Array.from({ length: before + size + after }, (_, i) => {
    const at = i - before;
    if (at >= 0 && at < size) return at;
    if (mode === 'constant') return -1;
    if (mode === 'edge') return at < 0 ? 0 : size - 1;
    if (mode === 'symmetric') {
      const turn = ((at % (2 * size)) + 2 * size) % (2 * size);
      return turn < size ? turn : 2 * size - 1 - turn;
    }
    return at < 0 ? -at : 2 * (size - 1) - at;
  });
}

/** An image with pixels around it. Raises a WeftError for a reflection that is longer than the image. */
export function pad(tensor: DataTensor, padding: Padding, options: PadOptions = {}): DataTensor {
  expectOptions('pad', options, padKinds);
  const { fill = 0, paddingMode = 'constant' } = options;
  const image = asImage('pad', tensor);
  const [left, top, right, bottom] = sidesOf('pad', padding);
  const { channels, height, width } = image;
  if (paddingMode === 'reflect' && (Math.max(left, right) >= width || Math.max(top, bottom) >= height)) {
    fail(
      'pad',
      `reflect needs padding below the image's ${height} x ${width} pixels, got [${[left, top, right, bottom]}]`,
    );
  }
  const fills = perChannel('pad', 'fill', fill, channels);
  const columns = sourcesOf(paddingMode, left, width, right);
  const rows = sourcesOf(paddingMode, top, height, bottom);
  const out = newImage(image, channels, rows.length, columns.length);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (const y of rows) {
      const row = (c * height + y) * width;
      for (let x = 0; x < columns.length; x++) {
        const column = columns[x]!;
        out.data[at++] = y < 0 || column < 0 ? fills[c]! : image.data[row + column]!;
      }
    }
  }
  return out.tensor;
}

/** The middle of an image, padded with 0 where the image is smaller. */
export function centerCrop(tensor: DataTensor, size: number | Size): DataTensor {
  const [height, width] = asPair('centerCrop', 'size', size);
  const image = asImage('centerCrop', tensor);
  const [spareY, spareX] = [height - image.height, width - image.width];
  if (spareX > 0 || spareY > 0) {
    const before = (spare: number) => Math.max(0, Math.floor(spare / 2));
    const after = (spare: number) => Math.max(0, Math.floor((spare + 1) / 2));
    const padded = pad(tensor, [before(spareX), before(spareY), after(spareX), after(spareY)]);
    return spareX >= 0 && spareY >= 0 ? padded : centerCrop(padded, size);
  }
  return crop(tensor, roundHalfEven(-spareY / 2), roundHalfEven(-spareX / 2), height, width);
}

/** Mirrored, left for right. */
export function horizontalFlip(tensor: DataTensor): DataTensor {
  const image = asImage('horizontalFlip', tensor);
  const { channels, height, width, data } = image;
  const out = newImage(image, channels, height, width);
  for (let row = 0; row < data.length; row += width) {
    for (let x = 0; x < width; x++) out.data[row + x] = data[row + width - 1 - x]!;
  }
  return out.tensor;
}

/** Upside down. */
export function verticalFlip(tensor: DataTensor): DataTensor {
  const image = asImage('verticalFlip', tensor);
  const { channels, height, width, data } = image;
  const out = newImage(image, channels, height, width);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const from = (c * height + y) * width;
      out.data.set(data.subarray(from, from + width), (c * height + height - 1 - y) * width);
    }
  }
  return out.tensor;
}

/**
 * An image with `value` in a rectangle, as far as that lies in the image: one number, one for each channel, or
 * [channels, height, width] of them.
 */
export function erase(
  tensor: DataTensor,
  top: number,
  left: number,
  height: number,
  width: number,
  value: number | readonly number[] | Float32Array,
): DataTensor {
  const image = asImage('erase', tensor);
  checkPixels('erase', { top, left, height, width }, 0);
  const out = newImage(image, image.channels, image.height, image.width);
  out.data.set(image.data);
  const each = value instanceof Float32Array ? null : perChannel('erase', 'value', value, image.channels);
  const rows = Math.min(height, image.height - top);
  const columns = Math.max(0, Math.min(width, image.width - left));
  for (let c = 0; c < image.channels; c++) {
    for (let y = 0; y < rows; y++) {
      const at = (c * image.height + top + y) * image.width + left;
      const from = (c * height + y) * width;
      if (each) out.data.fill(each[c]!, at, at + columns);
      else out.data.set((value as Float32Array).subarray(from, from + columns), at);
    }
  }
  return out.tensor;
}
