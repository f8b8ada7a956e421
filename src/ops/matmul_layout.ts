import type { TensorType } from '../op.js';
import { broadcastShapes, broadcastStrides, type Shape } from '../shape.js';

export interface MatmulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** A vector as a matrix: one row on the left, one column on the right. */
export const asLeft = (shape: Shape): Shape => (shape.length === 1 ? [1, ...shape] : shape);
export const asRight = (shape: Shape): Shape => (shape.length === 1 ? [...shape, 1] : shape);

export type Layout = ReturnType<typeof layout>;

/** Sizes, strides in elements, and the walk over the batch axes. */
export function layout(a: TensorType, b: TensorType, { transposeA, transposeB }: MatmulAttrs) {
  const [left, right] = [asLeft(a.shape), asRight(b.shape)];
  const [aRows, aColumns] = left.slice(-2) as [number, number];
  const [bRows, bColumns] = right.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const n = transposeB ? bRows : bColumns;
  const [aBatch, bBatch] = [left.slice(0, -2), right.slice(0, -2)];
  const batch = broadcastShapes(aBatch, bBatch) ?? [];
  const scaled = (shape: readonly number[], matrix: number) =>
    broadcastStrides(shape, batch).map((s) => s * matrix);
  return {
    m,
    n,
    k,
    aRow: transposeA ? 1 : aColumns,
    aColumn: transposeA ? aColumns : 1,
    bRow: transposeB ? 1 : bColumns,
    bColumn: transposeB ? bColumns : 1,
    batch,
    ...{ transposeA, transposeB, aBatch, bBatch },
    aStrides: scaled(aBatch, m * k),
    bStrides: scaled(bBatch, k * n),
  };
}

export const MAX_BATCH_AXES = 4;

/** What a product's kernels do: the layout, and what becomes of the sums. */
export interface Product {
  readonly layout: Layout;
  readonly hasBias: boolean;
  /** 0 none, 1 relu, 2 tanh, 3 sigmoid. */
  readonly activation: number;
}
