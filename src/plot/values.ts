import { fail } from '../errors.js';
import { sizeOf } from '../shape.js';

/** Numbers in a row: an array, a typed array, or a host tensor of any shape, in its order. */
export type Numbers =
  | ArrayLike<number>
  | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** Numbers with a shape: a host tensor, or what looks like one. Row-major. */
export interface Grid {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** A table of numbers: a host tensor [rows, columns], or rows of equal length. */
export type Table = Grid | readonly ArrayLike<number>[];

export const isGrid = (value: unknown): value is Grid =>
  typeof value === 'object' && value !== null && 'data' in value && 'shape' in value;

const kind = (value: unknown): string =>
  value === null ? 'null' : typeof value === 'object' ? value.constructor?.name || 'object' : typeof value;

/** `data` filled as its `shape` says. */
export function checkGrid(where: string, name: string, { data, shape }: Grid): Grid {
  const size = sizeOf(shape);
  if (data.length !== size)
    fail(where, `${name} has ${data.length} values, its shape [${shape.join(',')}] takes ${size}`);
  if (size === 0) fail(where, `${name} is empty, its shape is [${shape.join(',')}]`);
  return { data, shape };
}

export interface Expected {
  /** Whether NaN and infinities may stand among the numbers; default false. */
  readonly gaps?: boolean;
  readonly length?: number;
  /** What the length must equal, for the message. */
  readonly like?: string;
  readonly empty?: boolean;
}

/** The numbers of an argument, checked; messages name it as `name`. */
export function numbers(where: string, name: string, value: Numbers, expected: Expected = {}): Float64Array {
  const list = isGrid(value) ? checkGrid(where, name, value).data : value;
  if (typeof list !== 'object' || list === null || typeof list.length !== 'number')
    return fail(where, `${name} must be an array of numbers or a host tensor, it is a ${kind(value)}`);
  const { length, like = 'its values', gaps = false, empty = false } = expected;
  if (list.length === 0 && !empty) fail(where, `${name} is empty; give it at least one number`);
  if (length !== undefined && list.length !== length)
    fail(where, `${name} has ${list.length} values, ${like} ${length}; give as many`);
  const out = new Float64Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const one: unknown = list[i];
    if (typeof one !== 'number') fail(where, `${name}[${i}] must be a number, it is a ${kind(one)}`);
    if (!gaps && !Number.isFinite(one)) fail(where, `${name}[${i}] is ${one}; give finite numbers`);
    out[i] = one as number;
  }
  return out;
}

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** A table as one array; NaN and infinities pass where `gaps`. */
export function matrix(where: string, name: string, value: Table, gaps = false): Matrix {
  if (isGrid(value)) {
    const { shape } = checkGrid(where, name, value);
    if (shape.length !== 2)
      fail(where, `${name} must have two dimensions [rows, columns], it has the shape [${shape.join(',')}]`);
    return { rows: shape[0]!, columns: shape[1]!, data: numbers(where, name, value, { gaps }) };
  }
  if (!Array.isArray(value) || value.length === 0)
    return fail(where, `${name} must be a host tensor [rows, columns] or an array of rows with one at least`);
  const rows = (value as readonly ArrayLike<number>[]).map((row, i) =>
    numbers(where, `${name}[${i}]`, row, {
      gaps,
      ...(i > 0 ? { length: value[0].length as number, like: `${name}[0]` } : {}),
    }),
  );
  const data = new Float64Array(rows.length * rows[0]!.length);
  for (const [i, row] of rows.entries()) data.set(row, i * row.length);
  return { rows: rows.length, columns: rows[0]!.length, data };
}

/** Least and greatest finite value; null where there is none. */
export function extentOf(lists: Iterable<ArrayLike<number>>): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** An interval given by the user: two finite numbers, the second greater. */
export function interval(where: string, name: string, value: readonly [number, number]): [number, number] {
  const [low, high] = value;
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high))
    fail(where, `${name} must be two finite numbers, the second greater, it is [${String(value)}]`);
  return [low, high];
}

/** Class indices 0 to `count` - 1. */
export function labels(
  where: string,
  name: string,
  value: Numbers,
  count: number,
  expected: Expected = {},
): number[] {
  return [...numbers(where, name, value, expected)].map((label, i) => {
    if (!Number.isInteger(label) || label < 0 || label >= count)
      fail(where, `${name}[${i}] is ${label}; classes are whole numbers from 0 to ${count - 1}`);
    return label;
  });
}

/** A whole number of at least `least`. */
export function whole(where: string, name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least)
    fail(where, `${name} must be a whole number of at least ${least}, it is ${value}`);
  return value;
}
