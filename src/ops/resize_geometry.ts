import { fail } from '../errors.js';
import { either, flag, type Kinds, number, numbers, oneOf, orNull, wholeOrWholes } from '../kinds.js';
import { type Shape, showShape } from '../shape.js';
import { expectWhole } from './common.js';

export interface InterpolateOptions {
  /** The new length, or [height, width], or one number for both. Either this or `scaleFactor` is given. */
  readonly size?: number | readonly number[] | null;
  /** The new size is floor(size · scaleFactor); coordinates are scaled by the factor as given. */
  readonly scaleFactor?: number | readonly number[] | null;
  /** 'nearest' (default), 'linear' for x [n, c, l], 'bilinear' for x [n, c, h, w]. */
  readonly mode?: 'nearest' | 'linear' | 'bilinear';
  /** Whether the first and last elements keep their places, default false; not for 'nearest'. */
  readonly alignCorners?: boolean;
}

export const interpolateKinds: Kinds<InterpolateOptions> = {
  size: orNull(wholeOrWholes),
  scaleFactor: orNull(either(number, numbers, 'a number or a list of them')),
  mode: oneOf('nearest', 'linear', 'bilinear'),
  alignCorners: flag,
};

export interface ResizeAttrs {
  readonly size: readonly number[] | null;
  readonly scaleFactor: readonly number[] | null;
  readonly mode: 'nearest' | 'linear' | 'bilinear';
  readonly alignCorners: boolean;
}

/** Spatial axes of each mode. */
const MODES: Readonly<Record<ResizeAttrs['mode'], readonly number[]>> = {
  nearest: [1, 2],
  linear: [1],
  bilinear: [2],
};

/** Complete attributes for x of this shape; checks everything but what its sizes make of them. */
export function resizeAttrs(name: string, options: InterpolateOptions | undefined, x: Shape): ResizeAttrs {
  const { size = null, scaleFactor = null, mode = 'nearest', alignCorners = false } = options ?? {};
  const axes = x.length - 2;
  if ((size === null) === (scaleFactor === null)) fail(name, 'needs either size or scaleFactor');
  if (axes !== 1 && axes !== 2) {
    const wanted = '[batch, channels, length] or [batch, channels, height, width]';
    fail(name, `x must have axes ${wanted}, it is ${showShape(x)}`);
  }
  const takes = MODES[mode];
  if (!takes.includes(axes)) fail(name, `mode '${mode}' needs ${takes[0]! + 2} axes, x is ${showShape(x)}`);
  if (alignCorners && mode === 'nearest') fail(name, "alignCorners is not for mode 'nearest'");
  const perAxis = (key: string, value: number | readonly number[] | null) => {
    const list = typeof value === 'number' ? Array<number>(axes).fill(value) : value;
    if (list && list.length !== axes) {
      fail(
        name,
        `${key} [${list.join(',')}] must have one number per axis of x ${showShape(x)} after channels`,
      );
    }
    return list;
  };
  const sizes = perAxis('size', size);
  sizes?.forEach((length) => {
    expectWhole(name, 'size', length, 1);
  });
  const factors = perAxis('scaleFactor', scaleFactor);
  factors?.forEach((factor) => {
    if (!(factor > 0 && factor < Infinity)) fail(name, `scaleFactor must be positive, got ${factor}`);
  });
  return { size: sizes, scaleFactor: factors, mode, alignCorners };
}

/** Shape of the resized x. */
export function resizedShape(name: string, x: Shape, { size, scaleFactor }: ResizeAttrs): number[] {
  const lengths = x.slice(2).map((length, axis) => size?.[axis] ?? Math.floor(length * scaleFactor![axis]!));
  if ([...x.slice(2), ...lengths].some((length) => length < 1)) {
    fail(name, `x ${showShape(x)} would become ${showShape([...x.slice(0, 2), ...lengths])}`);
  }
  return [...x.slice(0, 2), ...lengths];
}

/**
 * Along one axis, output i stands at (step i + start) / per of the input, cut off below 0, where linear: whole numbers, so
 * that every backend finds the same elements and weights. Nearest: it is element floor(i · scale), in f32.
 */
interface Axis {
  readonly size: number;
  readonly outSize: number;
  readonly step: number;
  readonly start: number;
  readonly per: number;
  readonly scale: number;
  readonly linear: boolean;
}

/** An axis that is left alone. */
const kept = (size: number, linear = false): Axis => ({
  size,
  outSize: size,
  step: 1,
  start: 0,
  per: 1,
  scale: 1,
  linear,
});

/**
 * PyTorch's nearest elements: the ratio of the sizes, or 1 / scaleFactor, rounded to f32, except that twice the size
 * repeats each element twice.
 */
function nearestAxis(size: number, outSize: number, factor: number | null): Axis {
  const ratio = factor === null ? Math.fround(size) / Math.fround(outSize) : 1 / factor;
  const scale = outSize === 2 * size ? 0.5 : Math.fround(ratio);
  return { ...kept(size), outSize, scale };
}

/** How far, in elements, a coordinate may be off where its fraction does not fit the kernels' 31 bits. */
const COARSEST = 2 ** -12;

/**
 * PyTorch's coordinates for linear interpolation: ratio · i with alignCorners, else ratio · (i + ½) - ½, with the ratio of
 * the sizes, of the sizes less one with alignCorners, or 1 / scaleFactor. A size that stays the same is a copy.
 */
function axisOf(
  name: string,
  size: number,
  outSize: number,
  factor: number | null,
  attrs: ResizeAttrs,
): Axis {
  const { mode, alignCorners } = attrs;
  if (size === outSize) return kept(size, mode !== 'nearest');
  if (mode === 'nearest') return nearestAxis(size, outSize, factor);
  const corners = outSize > 1 ? (size - 1) / (outSize - 1) : 0;
  const ratio = alignCorners ? corners : factor === null ? size / outSize : 1 / factor;
  const fits = (p: number, q: number) => Math.max(2 * p * outSize + p + q, 2 * q * (size + 2)) < 2 ** 31;
  const [p, q] = fraction(ratio, fits) ?? [0, 1];
  if (Math.abs(p / q - ratio) * outSize > COARSEST) {
    fail(name, `coordinates of ${size} elements resized to ${outSize} need more than 31 bits`);
  }
  const place = alignCorners ? { step: p, start: 0, per: q } : { step: 2 * p, start: p - q, per: 2 * q };
  return { size, outSize, ...place, scale: 0, linear: true };
}

/** The simplest continued fraction within 2^-50 of `value`, or the last one that fits; null if none does. */
function fraction(value: number, fits: (p: number, q: number) => boolean): readonly [number, number] | null {
  let best: readonly [number, number] | null = null;
  let [before, last] = [
    [0, 1],
    [1, 0],
  ] as [[number, number], [number, number]];
  for (let rest = value; ; ) {
    const whole = Math.floor(rest);
    [before, last] = [last, [whole * last[0] + before[0], whole * last[1] + before[1]]];
    const [p, q] = last;
    if (!fits(p, q)) return best;
    best = [p, q];
    if (Math.abs(p / q - value) <= value * 2 ** -50) return best;
    rest = 1 / (rest - whole);
  }
}

/** x [n, c, h, w], or [n, c, l] as lines of height 1, and what becomes of its last two axes. */
export function resizing(name: string, x: Shape, attrs: ResizeAttrs) {
  const y = resizedShape(name, x, attrs);
  const axes = x
    .slice(2)
    .map((size, axis) => axisOf(name, size, y[axis + 2]!, attrs.scaleFactor?.[axis] ?? null, attrs));
  const [rows, columns] = axes.length === 1 ? [kept(1), axes[0]!] : (axes as [Axis, Axis]);
  return { planes: x[0]! * x[1]!, rows, columns };
}

export type Resizing = ReturnType<typeof resizing>;

/** The elements that output i reads along an axis, with their weights. */
function taps(axis: Axis, i: number): readonly (readonly [number, number])[] {
  const { size, step, start, per, scale, linear } = axis;
  if (!linear) return [[Math.min(Math.floor(Math.fround(i * scale)), size - 1), 1]];
  const at = Math.max(step * i + start, 0);
  const lower = Math.min(Math.floor(at / per), size - 1);
  const share = Math.min((at - lower * per) / per, 1);
  return [
    [lower, 1 - share],
    [Math.min(lower + 1, size - 1), share],
  ];
}

/** Calls `visit` with each element of the input that an element of the output reads, and its weight. */
export function forEachRead(
  { planes, rows, columns }: Resizing,
  visit: (y: number, x: number, weight: number) => void,
): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let oy = 0; oy < rows.outSize; oy++) {
      for (let ox = 0; ox < columns.outSize; ox++) {
        for (const [row, down] of taps(rows, oy)) {
          for (const [column, across] of taps(columns, ox)) {
            const x = (plane * rows.size + row) * columns.size + column;
            visit((plane * rows.outSize + oy) * columns.outSize + ox, x, down * across);
          }
        }
      }
    }
  }
}

/** How many outputs read the element that most of them read. */
export function mostReads({ rows, columns }: Resizing): number {
  const most = (axis: Axis) => {
    const counts = new Array<number>(axis.size).fill(0);
    for (let i = 0; i < axis.outSize; i++) for (const [at] of taps(axis, i)) counts[at]!++;
    return Math.max(...counts);
  };
  return most(rows) * most(columns);
}

export const resizeParams = ({ planes, rows, columns }: Resizing) => ({
  planes,
  height: rows.size,
  width: columns.size,
  outHeight: rows.outSize,
  outWidth: columns.outSize,
  rowStep: rows.step,
  rowStart: rows.start,
  rowPer: rows.per,
  columnStep: columns.step,
  columnStart: columns.start,
  columnPer: columns.per,
  rowScale: rows.scale,
  columnScale: columns.scale,
  linearRows: Number(rows.linear),
  linearColumns: Number(columns.linear),
});
