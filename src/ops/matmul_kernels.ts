import type { KernelCall, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { type Layout, MAX_BATCH_AXES, type Product } from './matmul_layout.js';
import { planProduct, type Tile } from './matmul_plan.js';

/** Batch axes, right-aligned in the four that the parameter struct holds. */
function batchParams({ batch, aStrides, bStrides }: Layout) {
  const lead = MAX_BATCH_AXES - batch.length;
  return {
    batchShape: [...Array<number>(lead).fill(1), ...batch],
    aBatch: [...Array<number>(lead).fill(0), ...aStrides],
    bBatch: [...Array<number>(lead).fill(0), ...bStrides],
  };
}

function params({ layout: shape, hasBias, activation }: Product) {
  const { m, n, k, aRow, aColumn, bRow, bColumn } = shape;
  const batch = sizeOf(shape.batch);
  return {
    ...{ m, n, k, aRow, aColumn, bRow, bColumn, batch, ...batchParams(shape) },
    ...{ hasBias: Number(hasBias), activation },
  };
}

/** Kernels of an op that is a matrix product. `operands` names a, b and the bias. */
export function productKernels<N extends string, A>(
  name: string,
  operands: readonly [string, string, string | null],
  productOf: (call: KernelCall<N, A>) => Product,
) {
  type Call = KernelCall<N, A>;
  const wasm = (tile: Tile, feature?: string): Variant<N, A> => ({
    name: `${name}_f32__${tile}`,
    when: ({ features }) => feature === undefined || features.has(feature),
    temporaries: (call) => planProduct(productOf(call), operands, tile).temporaries,
    launches: (call) => planProduct(productOf(call), operands, tile).launches,
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
          operands: [...operands, 'output'],
          params: p,
          units: [Math.ceil(p.n / tile), Math.ceil(p.m / tile), p.batch],
        },
      ];
    },
  });
  return {
    wasm: [wasm('6x16', 'tile-6x16'), wasm('6x8', 'tile-6x8'), wasm('4x8')],
    webgpu: [webgpu(64), webgpu(16)],
  };
}
