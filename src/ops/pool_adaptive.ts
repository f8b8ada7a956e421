import { fail } from '../errors.js';
import { either, type Kinds, orNull, pairOf, whole } from '../kinds.js';
import { f32, type TensorType } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';
import { type Axis, expectPlanes, type Geometry, type Pooling, type Rank } from './pool_windows.js';

/** A number of outputs along an axis, or null for as many as there are inputs. */
type Size = number | null;

export interface AdaptivePool2dOptions {
  /** [height, width] of the result, or one number for both. */
  readonly outputSize: Size | readonly [Size, Size];
}

export const adaptivePool2dKinds: Kinds<AdaptivePool2dOptions> = {
  outputSize: either(
    orNull(whole),
    pairOf(orNull(whole), 'a pair'),
    'a whole number, null or a pair of them',
  ),
};

export interface AdaptivePool1dOptions {
  /** Length of the result. */
  readonly outputSize: number;
}

export const adaptivePool1dKinds: Kinds<AdaptivePool1dOptions> = { outputSize: whole };

export interface AdaptiveAttrs {
  readonly outputSize: readonly [number, number];
}

/** Output places times the rest of size / out stay below this in the kernels' arithmetic. */
const MOST = 2 ** 31;

/** One axis is the width of a plane of height 1. */
export function adaptiveAttrs(
  name: string,
  options: AdaptivePool2dOptions | AdaptivePool1dOptions | undefined,
  x: Shape,
  rank: Rank,
): AdaptiveAttrs {
  const given = options?.outputSize;
  if (given === undefined) fail(name, 'needs options { outputSize }');
  const sizes: readonly Size[] = typeof given === 'object' && given ? given : [rank === 1 ? 1 : given, given];
  const size = (k: 0 | 1) => expectWhole(name, 'outputSize', sizes[k] ?? x.at(k - 2) ?? 1, 0);
  return { outputSize: [size(0), size(1)] };
}

export function adaptivePlan(
  name: string,
  x: TensorType,
  { outputSize }: AdaptiveAttrs,
  rank: Rank,
): Geometry {
  expectPlanes(name, x, rank);
  const axisOf = (size: number, out: number): Axis => {
    if (out * (size % Math.max(out, 1)) >= MOST)
      fail(name, `outputSize ${out} is too large for an axis of ${size} that it does not divide`);
    return { size, out, kernel: 1, stride: 1, padding: 0, dilation: 1 };
  };
  return {
    planes: sizeOf(x.shape.slice(0, -rank)),
    height: axisOf(rank === 1 ? 1 : x.shape.at(-2)!, outputSize[0]),
    width: axisOf(x.shape.at(-1)!, outputSize[1]),
    adaptive: true,
  };
}

/** Windows that divide a plane evenly into a given number of outputs. */
export const adaptive: Pooling<AdaptivePool2dOptions, AdaptiveAttrs> = {
  kinds: adaptivePool2dKinds,
  attributes: (name, options, x) => adaptiveAttrs(name, options, x, 2),
  plan: (name, x, attrs) => adaptivePlan(name, x, attrs, 2),
  cases: [
    [[1, 2, 1, 1], { outputSize: 1 }],
    [[2, 3, 7, 9], { outputSize: [3, 4] }],
    [[1, 2, 5, 23], { outputSize: [null, 2] }],
    [[2, 3, 4], { outputSize: [5, 7] }],
  ],
  errors: (name) => [
    { types: { x: f32([1, 1, 2, 2]) }, message: `${name}: needs options { outputSize }` },
    {
      types: { x: f32([1, 1, 2, 2]) },
      options: { outputSize: -1 },
      message: `${name}: outputSize must be a whole number of at least 0, got -1`,
    },
    {
      types: { x: f32([1, 1, 2, 2]) },
      options: { outputSize: [1, 2, 3] as unknown as readonly [number, number] },
      message: `${name}: outputSize must be a whole number, null or a pair of them, got [1,2,3]`,
    },
    {
      types: { x: f32([1, 1, 1, 110000]) },
      options: { outputSize: [1, 70000] },
      message: `${name}: outputSize 70000 is too large for an axis of 110000 that it does not divide`,
    },
    {
      types: { x: f32([8, 8]) },
      options: { outputSize: 2 },
      message: `${name}: x must be [batch, channels, height, width] or [channels, height, width], it is [8,8]`,
    },
  ],
};
