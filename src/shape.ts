import { fail } from './errors.js';

/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

const MAX_RANK = 8;
/** Kernels count elements in 32 bits, with a sign on the CPU. */
const MAX_ELEMENTS = 2 ** 31 - 1;

/** How many elements a shape has. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** A shape as messages show it: `[2,3]`. */
export const showShape = (shape: Shape): string => `[${shape.join(',')}]`;

/** Whether two shapes have the same sizes. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Checks that `shape` is a list of at most eight whole numbers that are not negative, of elements that can be counted. */
export function checkShape(where: string, shape: Shape): void {
  if (shape.length > MAX_RANK) fail(where, `shape ${showShape(shape)} has more than ${MAX_RANK} axes`);
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      fail(where, `shape ${showShape(shape)} must hold whole numbers that are not negative`);
    }
  }
  if (sizeOf(shape) > MAX_ELEMENTS)
    fail(
      where,
      `shape ${showShape(shape)} has ${sizeOf(shape)} elements; kernels count up to ${MAX_ELEMENTS}`,
    );
}

/** The broadcast of two shapes by NumPy's rule, or null where they don't agree. */
export function broadcastShapes(a: Shape, b: Shape): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const p = a[a.length - i] ?? 1;
    const q = b[b.length - i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) return null;
    shape[rank - i] = p === 1 ? q : p;
  }
  return shape;
}

/** Strides of `shape` when it is read as `target`: zero along every broadcast axis. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]!));
}

/** `axis` as 0..rank-1; negative axes count from the end. */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    fail(where, `axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Sorted axes without repetition; none given means all. */
export function normalizeAxes(
  where: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const given = typeof axes === 'number' ? [axes] : axes;
  const list = given.map((axis) => normalizeAxis(where, axis, rank));
  if (new Set(list).size !== list.length) fail(where, `axes [${given.join(',')}] name an axis twice`);
  return list.sort((a, b) => a - b);
}

/** A loop nest over `shape` in which each operand moves by its own strides. */
export interface Walk {
  readonly shape: number[];
  readonly strides: number[][];
}

/**
 * The same walk over fewer axes: axes of size 1 are dropped, neighbours along which every operand moves as along one
 * longer axis are merged. Never shorter than one axis.
 */
export function collapse(shape: Shape, strides: readonly (readonly number[])[]): Walk {
  const sizes: number[] = [];
  const moves: number[][] = strides.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const merges = last >= 0 && strides.every((s, k) => moves[k]![last] === s[axis]! * size);
    if (merges) {
      sizes[last] = sizes[last]! * size;
      strides.forEach((s, k) => {
        moves[k]![last] = s[axis]!;
      });
    } else {
      sizes.push(size);
      strides.forEach((s, k) => {
        moves[k]!.push(s[axis]!);
      });
    }
  });
  if (sizes.length === 0) return { shape: [1], strides: strides.map(() => [0]) };
  return { shape: sizes, strides: moves };
}

/** Calls `visit` with the offsets of every operand for each element of the walk, in row-major order. */
export function forEachOffset(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (index: number, offsets: readonly number[]) => void,
): void {
  const total = sizeOf(shape);
  const position = shape.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let index = 0; index < total; index++) {
    visit(index, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]!++;
      for (let k = 0; k < strides.length; k++) offsets[k]! += strides[k]![axis]!;
      if (position[axis]! < shape[axis]!) break;
      for (let k = 0; k < strides.length; k++) offsets[k]! -= strides[k]![axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
}
