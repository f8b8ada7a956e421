import { fail } from '../../errors.js';
import { anyNumber, pairOf } from '../../kinds.js';
import { showShape } from '../../shape.js';
import { type DataTensor, withData } from '../sample.js';

/** Height and width, in pixels. */
export type Size = readonly [height: number, width: number];

export interface Image {
  readonly tensor: DataTensor;
  readonly data: DataTensor['data'];
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The value of white: 255 for bytes, 1 for f32. */
  readonly white: number;
}

/** An image [channels, height, width] of bytes or f32; a WeftError for anything else. */
export function asImage(where: string, tensor: DataTensor): Image {
  const { dtype, shape, data } = tensor;
  const [channels, height, width] = shape;
  if (shape.length !== 3 || (dtype !== 'u8' && dtype !== 'f32') || shape.includes(0)) {
    return fail(where, `needs an image, u8 or f32 [channels,height,width], got ${dtype}${showShape(shape)}`);
  }
  return {
    tensor,
    data,
    channels: channels!,
    height: height!,
    width: width!,
    white: dtype === 'u8' ? 255 : 1,
  };
}

/** A zeroed image of the same dtype. */
export function newImage({ tensor }: Image, channels: number, height: number, width: number): Image {
  const { tensor: made, data } = withData(tensor, channels * height * width, [channels, height, width]);
  return { tensor: made, data, channels, height, width, white: made.dtype === 'u8' ? 255 : 1 };
}

/** Rounds to the nearest whole number, halves to the even one, as Python and PyTorch do. */
export function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** One number for both, or a number for each. */
export function asPair(where: string, name: string, value: number | Size): Size {
  const pair: readonly number[] = typeof value === 'number' ? [value, value] : value;
  if (pair.length !== 2 || pair.some((size) => !Number.isInteger(size) || size < 1)) {
    fail(where, `${name} must be a whole number from 1 or [height, width], got ${JSON.stringify(value)}`);
  }
  return pair as Size;
}

/** Refuses places and sizes that are no whole numbers of pixels. */
export function checkPixels(
  where: string,
  values: Readonly<Record<string, number>>,
  least = -Infinity,
): void {
  for (const [name, value] of Object.entries(values)) {
    const from = least === -Infinity ? '' : ` from ${least}`;
    if (!Number.isInteger(value) || value < least)
      fail(where, `${name} must be a whole number${from}, got ${value}`);
  }
}

export const rangeKind = pairOf(anyNumber, 'a pair of numbers');

/** A range [low, high] of finite numbers. */
export function checkRange(where: string, name: string, range: readonly number[], least = -Infinity): void {
  const [low, high] = range;
  if (range.length !== 2 || !range.every(Number.isFinite) || low! > high! || low! < least) {
    const from = least === -Infinity ? '' : least === Number.MIN_VALUE ? ' above 0' : ` from ${least}`;
    fail(where, `${name} must be [low, high]${from}, got [${range.join(', ')}]`);
  }
}

/** One value per channel from one value or a list. */
export function perChannel(
  where: string,
  name: string,
  value: number | readonly number[],
  channels: number,
): readonly number[] {
  if (typeof value === 'number') return new Array<number>(channels).fill(value);
  if (value.length === 1) return new Array<number>(channels).fill(value[0]!);
  if (value.length !== channels)
    fail(where, `${name} has ${value.length} values, the image has ${channels} channels`);
  return value;
}
