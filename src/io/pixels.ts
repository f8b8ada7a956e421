import { fail } from '../errors.js';

/** How an image's channels come: `RGB` (default), `L` grey, `RGBA`, or as many as the file has. */
export type ImageMode = 'RGB' | 'L' | 'RGBA' | 'unchanged';

/** Pixels as a decoder gives them: [height, width, channels], 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

export interface DecodedImage {
  readonly data: Uint8Array;
  /** [channels, height, width] */
  readonly shape: readonly number[];
  readonly dtype: 'u8';
}

const CHANNELS: Readonly<Record<ImageMode, number | null>> = { L: 1, RGB: 3, RGBA: 4, unchanged: null };

/**
 * Pixels as an image [channels, height, width] of a mode. Grey is the ITU-R 601-2 luma in 16 bits, as Pillow's; alpha is
 * left out, not blended, where the mode has none, and 255 where the file has none.
 */
export function toImage(where: string, pixels: Pixels, mode: ImageMode = 'RGB'): DecodedImage {
  if (!Object.hasOwn(CHANNELS, mode)) fail(where, `mode must be RGB, L, RGBA or unchanged, got ${mode}`);
  const { data, width, height, channels: given } = pixels;
  const channels = CHANNELS[mode] ?? given;
  const plane = width * height;
  const colours = given >= 3 ? 3 : 1;
  const out = new Uint8Array(channels * plane);
  if (channels === 1 && colours === 3) {
    for (let i = 0; i < plane; i++) {
      const at = i * given;
      out[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
    }
    return { data: out, shape: [1, height, width], dtype: 'u8' };
  }
  const opaque = given === colours;
  for (let c = 0; c < channels; c++) {
    const isAlpha = (channels === 4 && c === 3) || (channels === 2 && c === 1);
    const from = isAlpha ? given - 1 : Math.min(c, colours - 1);
    for (let i = 0; i < plane; i++) out[c * plane + i] = isAlpha && opaque ? 255 : data[i * given + from]!;
  }
  return { data: out, shape: [channels, height, width], dtype: 'u8' };
}
