import type { KernelCall, Launch, TensorType, Variant } from '../op.js';
import { broadcastShapes, broadcastStrides, type Shape, sizeOf } from '../shape.js';

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
    aStrides: scaled(aBatch, m * k),
    bStrides: scaled(bBatch, k * n),
  };
}

export const MAX_BATCH_AXES = 4;

/** Batch axes, right-aligned in the four that the parameter struct holds. */
function batchParams({ batch, aStrides, bStrides }: Layout) {
  const lead = MAX_BATCH_AXES - batch.length;
  return {
    batchShape: [...Array<number>(lead).fill(1), ...batch],
    aBatch: [...Array<number>(lead).fill(0), ...aStrides],
    bBatch: [...Array<number>(lead).fill(0), ...bStrides],
  };
}

/** What a product's kernels do: the layout, and what becomes of the sums. */
export interface Product {
  readonly layout: Layout;
  readonly hasBias: boolean;
  /** 0 none, 1 relu, 2 tanh, 3 sigmoid. */
  readonly activation: number;
}

function params({ layout: shape, hasBias, activation }: Product) {
  const { m, n, k, aRow, aColumn, bRow, bColumn } = shape;
  const batch = sizeOf(shape.batch);
  return {
    ...{ m, n, k, aRow, aColumn, bRow, bColumn, batch, ...batchParams(shape) },
    ...{ hasBias: Number(hasBias), activation },
  };
}

/** Rows of a and columns of b that one wasm work unit covers, and the depth of a block. */
const ROWS = 96;
const COLUMNS = 512;
const DEPTH = 512;
const up = (value: number, step: number) => Math.ceil(value / step) * step;

/** The wasm launch that packs the operand `b` of a product into the temporary `panels`, 8 columns after 8. */
export function packLaunch(product: Product, b: string): Launch {
  const p = params(product);
  return {
    kernel: 'matmul_pack_b_f32',
    operands: [b, 'panels'],
    params: p,
    units: p.batch * Math.ceil(p.n / 8),
    once: true,
  };
}

/**
 * Kernels of an op that is a matrix product. `operands` names a, b and the bias.
 *
 * On wasm b is packed once into panels of 8 columns; every unit packs its own rows of a and multiplies.
 */
export function productKernels<N extends string, A>(
  name: string,
  [a, b, bias]: readonly [string, string, string | null],
  productOf: (call: KernelCall<N, A>) => Product,
) {
  type Call = KernelCall<N, A>;
  const wasm = (tile: '4x8' | '6x8', feature?: string): Variant<N, A> => ({
    name: `${name}_f32__${tile}`,
    when: ({ features }) => feature === undefined || features.has(feature),
    temporaries(call): Record<string, number> {
      const { k, n, batch } = params(productOf(call));
      return { panels: 4 * batch * k * up(n, 8) };
    },
    launches(call) {
      const p = params(productOf(call));
      const blocks = Math.ceil(p.m / ROWS) * Math.ceil(p.n / COLUMNS);
      return [
        packLaunch(productOf(call), b),
        {
          kernel: `matmul_f32__${tile}`,
          operands: [a, 'panels', bias, 'output'],
          params: p,
          units: p.batch * blocks,
          scratch: 4 * ROWS * DEPTH + 4 * 6 * 8,
        },
      ];
    },
  });
  const webgpu = (tile: number): Variant<N, A> => ({
    name: `${name}_f32__${tile}x${tile}`,
    when(call: Call) {
      const { m, n } = productOf(call).layout;
      return tile === 16 || Math.min(m, n) >= tile;
    },
    launches(call) {
      const p = params(productOf(call));
      return [
        {
          kernel: `matmul_f32__${tile}x${tile}`,
          operands: [a, b, bias, 'output'],
          params: p,
          units: [Math.ceil(p.n / tile), Math.ceil(p.m / tile), p.batch],
        },
      ];
    },
  });
  return { wasm: [wasm('6x8', 'tile-6x8'), wasm('4x8')], webgpu: [webgpu(64), webgpu(16)] };
}
