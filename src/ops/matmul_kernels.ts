import type { KernelCall, Variant } from '../op.js';
import type { Product } from './matmul_layout.js';
import { planProduct, type Tile } from './matmul_plan.js';
import { webgpuProducts } from './matmul_webgpu.js';

/** Kernels of an op that is a matrix product. `operands` names a, b and the bias. */
export function productKernels<N extends string, A>(
  name: string,
  operands: readonly [string, string, string | null],
  productOf: (call: KernelCall<N, A>) => Product,
) {
  const wasm = (tile: Tile, feature?: string): Variant<N, A> => ({
    name: `${name}_f32__${tile}`,
    when: ({ features }) => feature === undefined || features.has(feature),
    temporaries: (call) => planProduct(productOf(call), operands, tile).temporaries,
    launches: (call) => planProduct(productOf(call), operands, tile).launches,
  });
  return {
    wasm: [wasm('6x16', 'tile-6x16'), wasm('6x8', 'tile-6x8'), wasm('4x8')],
    webgpu: webgpuProducts(name, operands, productOf),
  };
}
