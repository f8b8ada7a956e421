import type { KernelCall, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { type Layout, MAX_BATCH_AXES, type Product } from './matmul_layout.js';

const lead = (values: readonly number[], fill: number) => [
  ...Array<number>(MAX_BATCH_AXES - values.length).fill(fill),
  ...values,
];

/** How a kernel reads an operand with these strides and sizes: 0 by elements, 1 or 2 by vec4s along an axis. */
function readsBy(inner: number, across: number, innerSize: number, acrossSize: number): 0 | 1 | 2 {
  if (inner === 1 && innerSize % 4 === 0) return 1;
  return across === 1 && acrossSize % 4 === 0 ? 2 : 0;
}

/** The struct of a product's kernels. */
function params({ layout, hasBias, activation }: Product) {
  const { m, n, k, aRow, aColumn, bRow, bColumn } = layout satisfies Layout;
  return {
    ...{ m, n, k, batch: sizeOf(layout.batch) },
    ...{ leftAcross: aRow, leftInner: aColumn, rightAcross: bColumn, rightInner: bRow },
    leftBy: readsBy(aColumn, aRow, k, m),
    rightBy: readsBy(bRow, bColumn, k, n),
    ...{ parts: 1, part: Math.max(16, k), hasBias: Number(hasBias), activation },
    batchShape: lead(layout.batch, 1),
    leftBatch: lead(layout.aStrides, 0),
    rightBatch: lead(layout.bStrides, 0),
  };
}

/** Variants on webgpu of an op that is a matrix product. `operands` names a, b and the bias. */
export function webgpuProducts<N extends string, A>(
  name: string,
  operands: readonly [string, string, string | null],
  productOf: (call: KernelCall<N, A>) => Product,
): Variant<N, A>[] {
  const tile = (size: number): Variant<N, A> => ({
    name: `${name}_f32__${size}x${size}`,
    when(call) {
      const { m, n } = productOf(call).layout;
      return size === 32 || Math.min(m, n) >= size;
    },
    launches(call) {
      const p = params(productOf(call));
      return [
        {
          kernel: `matmul_f32__${size}x${size}`,
          operands: [...operands, 'output'],
          params: p,
          units: [Math.ceil(p.n / size), Math.ceil(p.m / size), p.batch * p.parts],
        },
      ];
    },
  });
  return [tile(128), tile(64), tile(32)];
}
