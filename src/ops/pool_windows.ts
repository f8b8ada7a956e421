import { fail } from '../errors.js';
import { flag, type Kinds, whole, wholeOrPair } from '../kinds.js';
import { expectDType, f32, type TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole, type Pair, pair } from './common.js';

/** Windows that slide over a plane. */
export interface Pool2dOptions {
  /** Window [height, width]. */
  readonly kernel: Pair;
  /** Default: the window. */
  readonly stride?: Pair;
  /** At most half the window. */
  readonly padding?: Pair;
  /** Steps between the elements of a window, default 1. */
  readonly dilation?: Pair;
  /** Whether a last window may reach beyond the padding, default false. It must start before the padding at the end. */
  readonly ceilMode?: boolean;
}

export const pool2dKinds: Kinds<Pool2dOptions> = {
  kernel: wholeOrPair,
  stride: wholeOrPair,
  padding: wholeOrPair,
  dilation: wholeOrPair,
  ceilMode: flag,
};

/** Windows that slide along one axis: {@link Pool2dOptions} with one number each. */
export interface Pool1dOptions {
  readonly kernel: number;
  /** Default: the window. */
  readonly stride?: number;
  /** At most half the window. */
  readonly padding?: number;
  /** Steps between the elements of a window, default 1. */
  readonly dilation?: number;
  /** Whether a last window may reach beyond the padding, default false. */
  readonly ceilMode?: boolean;
}

export const pool1dKinds: Kinds<Pool1dOptions> = {
  kernel: whole,
  stride: whole,
  padding: whole,
  dilation: whole,
  ceilMode: flag,
};

export interface SlidingAttrs {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly ceilMode: boolean;
}

/** One axis of a plane and of the windows over it. */
export interface Axis {
  readonly size: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** Windows over `planes` planes: [height, width] to one output per window. */
export interface Geometry {
  readonly planes: number;
  readonly height: Axis;
  readonly width: Axis;
  /** Windows of floor(i size / out) up to ceil((i + 1) size / out), not those of kernel and stride. */
  readonly adaptive: boolean;
}

/** What a mean is divided by. */
export interface Divisor {
  /** Whether padding counts. */
  readonly countIncludePad: boolean;
  /** In place of any count. */
  readonly divisorOverride: number | null;
}

/** The number of elements inside. */
export const COVERED: Divisor = { countIncludePad: false, divisorOverride: null };

/** How many spatial axes are pooled. */
export type Rank = 1 | 2;

const AXES = {
  1: '[batch, channels, length] or [channels, length]',
  2: '[batch, channels, height, width] or [channels, height, width]',
} as const;

/** Refuses what is not one f32 plane (or line) per channel; only the batch may be empty. */
export function expectPlanes(name: string, x: TensorType, rank: Rank): void {
  expectDType(name, { x }, 'f32');
  const { shape } = x;
  if (shape.length !== rank + 1 && shape.length !== rank + 2) {
    fail(name, `x must be ${AXES[rank]}, it is ${showShape(shape)}`);
  }
  if (shape.slice(-rank - 1).includes(0)) {
    fail(name, `x must not be empty but along the batch, it is ${showShape(shape)}`);
  }
}

const UNIT: Axis = { size: 1, out: 1, kernel: 1, stride: 1, padding: 0, dilation: 1 };

/** What all windows over one or two axes have, and what reads further options of theirs. */
export function readWindow(
  name: string,
  options: Pick<Pool2dOptions | Pool1dOptions, 'kernel' | 'stride' | 'padding'>,
  rank: Rank,
) {
  const read = (key: string, value: Pair, least: number, other: number): [number, number] =>
    rank === 2 ? pair(name, key, value, least) : [other, expectWhole(name, key, value as number, least)];
  const kernel = read('kernel', options.kernel, 1, 1);
  const stride = read('stride', options.stride ?? (rank === 2 ? kernel : kernel[1]), 1, 1);
  const padding = read('padding', options.padding ?? 0, 0, 0);
  return { kernel, stride, padding, read };
}

/** Completes the options of one or two axes; one axis is the width of a plane of height 1. */
export function slidingAttrs(
  name: string,
  options: Pool2dOptions | Pool1dOptions | undefined,
  rank: Rank,
): SlidingAttrs {
  if (!options) fail(name, 'needs options { kernel }');
  const { read, ...window } = readWindow(name, options, rank);
  const { kernel, padding } = window;
  const dilation = read('dilation', options.dilation ?? 1, 1, 1);
  if (padding.some((size, axis) => 2 * size > kernel[axis]!)) {
    fail(name, `padding ${list(padding, rank)} is more than half the kernel ${list(kernel, rank)}`);
  }
  return { ...window, dilation, ceilMode: options.ceilMode ?? false };
}

/** The last `rank` numbers. */
const list = (numbers: readonly number[], rank: Rank): string => showShape(numbers.slice(-rank));

const reach = ({ kernel, dilation }: Pick<Axis, 'kernel' | 'dilation'>): number =>
  (kernel - 1) * dilation + 1;

/** Outputs along an axis. With `ceilMode` the last window must start inside the input or the padding before it. */
function extentOf(axis: Omit<Axis, 'out'>, ceilMode: boolean): number {
  const { size, stride, padding } = axis;
  const room = size + 2 * padding - reach(axis) + (ceilMode ? stride - 1 : 0);
  const out = Math.floor(room / stride) + 1;
  return ceilMode && (out - 1) * stride >= size + padding ? out - 1 : out;
}

/** The windows of x [..., channels, height, width], or [..., channels, length] where `rank` is 1. */
export function slidingPlan(name: string, x: TensorType, attrs: SlidingAttrs, rank: Rank): Geometry {
  expectPlanes(name, x, rank);
  const sizes = x.shape.slice(-rank);
  const axisOf = (k: 0 | 1): Axis => {
    const size = sizes.at(k - 2);
    if (size === undefined) return UNIT;
    const axis = {
      size,
      kernel: attrs.kernel[k],
      stride: attrs.stride[k],
      padding: attrs.padding[k],
      dilation: attrs.dilation[k],
    };
    return { ...axis, out: extentOf(axis, attrs.ceilMode) };
  };
  const [height, width] = [axisOf(0), axisOf(1)];
  if (height.out < 1 || width.out < 1) {
    const reaches = list([reach(height), reach(width)], rank);
    fail(name, `the kernel reaches over ${reaches}, more than the padded input, x is ${showShape(x.shape)}`);
  }
  for (const axis of [height, width]) {
    for (let o = 0; o < axis.out; o++) {
      if (taps(axis, false, o).length === 0)
        fail(name, `a window covers padding alone, x is ${showShape(x.shape)}: use less dilation or padding`);
    }
  }
  return { planes: sizeOf(x.shape.slice(0, -rank)), height, width, adaptive: false };
}

/** x's type with its planes pooled. */
export const pooledType = (x: TensorType, { height, width }: Geometry): TensorType =>
  f32([...x.shape.slice(0, -2), height.out, width.out]);

/** Input places along an axis that window `o` covers, in order. */
function taps(
  { size, out, kernel, stride, padding, dilation }: Axis,
  adaptive: boolean,
  o: number,
): number[] {
  const first = adaptive ? Math.floor((o * size) / out) : o * stride - padding;
  const count = adaptive ? Math.ceil(((o + 1) * size) / out) - first : kernel;
  const places = Array.from({ length: count }, (_, r) => first + r * (adaptive ? 1 : dilation));
  return places.filter((place) => place >= 0 && place < size);
}

/** A window: its output's index, the indices in x that it covers, and where it lies. */
type Visit = (y: number, covered: readonly number[], oy: number, ox: number) => void;

export function forEachWindow({ planes, height, width, adaptive }: Geometry, visit: Visit): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let oy = 0; oy < height.out; oy++) {
      for (let ox = 0; ox < width.out; ox++) {
        const columns = taps(width, adaptive, ox);
        const covered = taps(height, adaptive, oy).flatMap((iy) =>
          columns.map((ix) => (plane * height.size + iy) * width.size + ix),
        );
        visit((plane * height.out + oy) * width.out + ox, covered, oy, ox);
      }
    }
  }
}

/** The most elements that a window covers. */
export function mostTaps({ height, width, adaptive }: Geometry): number {
  const most = ({ size, out, kernel }: Axis) => (adaptive ? Math.ceil(size / Math.max(out, 1)) + 1 : kernel);
  return most(height) * most(width);
}

/** The most windows that cover an element. */
export function mostWindows({ height, width, adaptive }: Geometry): number {
  const most = (axis: Axis) => Math.ceil(adaptive ? axis.out / axis.size + 1 : reach(axis) / axis.stride);
  return most(height) * most(width);
}

/** Fields of the kernels' parameter struct; `words` says that winners are indices, not taps. */
export const windowParams = (
  { planes, height, width, adaptive }: Geometry,
  { countIncludePad, divisorOverride }: Divisor = COVERED,
  words = false,
) => ({
  planes,
  height: height.size,
  width: width.size,
  outHeight: height.out,
  outWidth: width.out,
  kernelHeight: height.kernel,
  kernelWidth: width.kernel,
  strideHeight: height.stride,
  strideWidth: width.stride,
  top: height.padding,
  left: width.padding,
  dilationHeight: height.dilation,
  dilationWidth: width.dilation,
  adaptive: Number(adaptive),
  countIncludePad: Number(countIncludePad && !adaptive),
  words: Number(words),
  divisor: divisorOverride ?? 0,
});

/** How windows are laid out: what the ops of a family of poolings have in common. */
export interface Pooling<U, A extends U & object> {
  readonly kinds: Kinds<U>;
  readonly attributes: (name: string, options: U | undefined, x: Shape) => A;
  /** Checks x too. */
  readonly plan: (name: string, x: TensorType, attrs: A) => Geometry;
  readonly cases: readonly (readonly [Shape, U])[];
  readonly errors: (name: string) => readonly { types: { x: TensorType }; options?: U; message: string }[];
}

/** The attributes and the type of a case's result. */
export function pooledCase<U, A extends U & object>(
  pooling: Pooling<U, A>,
  x: Shape,
  options: U,
): TensorType {
  const attrs = pooling.attributes('case', options, x);
  return pooledType(f32(x), pooling.plan('case', f32(x), attrs));
}

/** What sliding windows refuse. */
export const slidingErrors = (name: string) => [
  { types: { x: f32([1, 1, 2, 2]) }, message: `${name}: needs options { kernel }` },
  {
    types: { x: f32([1, 1, 2, 2]) },
    options: { kernel: 3 },
    message: `${name}: the kernel reaches over [3,3], more than the padded input, x is [1,1,2,2]`,
  },
  {
    types: { x: f32([1, 1, 8, 8]) },
    options: { kernel: 2, padding: 2 },
    message: `${name}: padding [2,2] is more than half the kernel [2,2]`,
  },
  {
    types: { x: f32([8, 8]) },
    options: { kernel: 2 },
    message: `${name}: x must be ${AXES[2]}, it is [8,8]`,
  },
  {
    types: { x: f32([1, 0, 8, 8]) },
    options: { kernel: 2 },
    message: `${name}: x must not be empty but along the batch, it is [1,0,8,8]`,
  },
  {
    types: { x: { shape: [1, 1, 4, 4], dtype: 'i32' as const } },
    options: { kernel: 2 },
    message: `${name}: x must be f32, it is i32[1,1,4,4]`,
  },
];
