/** Rows of a tensor along one of its axes. */
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';

/** wasm: rows up to this long are taken four at a time, in lanes; assembly/softmax.ts has the same number. */
export const SHORT = 32;

/** `axis` as 0..rank-1; a scalar is taken as a row of one element. */
export const axisOf = (name: string, axis: number, shape: Shape): number =>
  normalizeAxis(name, axis, Math.max(1, shape.length));

/** Rows along an axis: `outer` blocks of `length` elements that lie `inner` apart. */
export function rowsOf(shape: Shape, axis: number) {
  const length = shape.length === 0 ? 1 : shape[axis]!;
  return { outer: sizeOf(shape.slice(0, axis)), length, inner: sizeOf(shape.slice(axis + 1)) };
}

/** Index of element k of row number `row`. */
export const placeOf = (
  { length, inner }: { length: number; inner: number },
  row: number,
  k: number,
): number => (Math.floor(row / inner) * length + k) * inner + (row % inner);

/** For each row along an axis the indices of its elements. */
export function placesOfRows(shape: Shape, axis: number): number[][] {
  const rows = rowsOf(shape, axis);
  return Array.from({ length: rows.outer * rows.inner }, (_, row) =>
    Array.from({ length: rows.length }, (_, k) => placeOf(rows, row, k)),
  );
}

/** Replaces every row by what `f` makes of it; `reverse` hands rows over and takes them back last element first. */
export function mapRows(
  shape: Shape,
  axis: number,
  inputs: readonly Float64Array[],
  f: (...rows: Float64Array[]) => Float64Array,
  reverse = false,
): Float64Array {
  const rows = rowsOf(shape, axis);
  const { length } = rows;
  const y = new Float64Array(sizeOf(shape));
  for (let row = 0; row < rows.outer * rows.inner; row++) {
    const at = (k: number) => placeOf(rows, row, reverse ? length - 1 - k : k);
    const result = f(...inputs.map((data) => Float64Array.from({ length }, (_, k) => data[at(k)]!)));
    result.forEach((value, k) => {
      y[at(k)] = value;
    });
  }
  return y;
}
