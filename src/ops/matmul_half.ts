import type { KernelCall, Launch, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { MAX_BATCH_AXES, type Product } from './matmul_layout.js';

/** What devices opened with mixed precision have among their features. */
const MIXED = 'mixed-precision';

/** Copies are padded to whole blocks of a tile along the inner axis. */
const DEPTH = 16;
/** Multiply-adds from which a product is worth copies of its operands. */
const WORTH = 4096;

const lead = (values: readonly number[], fill: number) => [
  ...Array<number>(MAX_BATCH_AXES - values.length).fill(fill),
  ...values,
];

/** Sizes of a product's copies, in vec4s. */
function copiesOf({ layout: { m, n, k, batch } }: Product) {
  const inner = Math.ceil(k / DEPTH) * DEPTH;
  const vectors = (across: number) => sizeOf(batch) * inner * Math.ceil(across / 4);
  return { inner, left: vectors(m), right: vectors(n) };
}

/** The launches of a product by tiles of `size`: both operands in half precision, then the product. */
function launchesOf(
  product: Product,
  [a, b, bias]: readonly [string, string, string | null],
  size: number,
): Launch[] {
  const { layout, hasBias, activation } = product;
  const { m, n, k } = layout;
  const { inner, left, right } = copiesOf(product);
  const batch = sizeOf(layout.batch);
  const common = { batch, k, inner, batchShape: lead(layout.batch, 1) };
  const copies = [
    {
      operand: a,
      copy: 'left',
      units: left,
      across: m,
      strides: [layout.aRow, layout.aColumn, layout.aStrides],
    },
    {
      operand: b,
      copy: 'right',
      units: right,
      across: n,
      strides: [layout.bColumn, layout.bRow, layout.bStrides],
    },
  ] as const;
  return [
    ...copies.map(({ operand, copy, units, across, strides: [acrossStride, innerStride, batchStrides] }) => ({
      kernel: 'matmul_half_pack',
      operands: [operand, copy],
      params: { ...common, across, acrossStride, innerStride, batchStrides: lead(batchStrides, 0) },
      units,
    })),
    {
      kernel: `matmul_f16__${size}x${size}`,
      operands: ['left', 'right', bias, 'output'],
      params: { m, n, inner, hasBias: Number(hasBias), activation },
      units: [Math.ceil(n / size), Math.ceil(m / size), batch],
    },
  ];
}

/** Variants in half precision of an op that is a matrix product, for devices opened with mixed precision. */
export const halfProducts = <N extends string, A>(
  name: string,
  operands: readonly [string, string, string | null],
  productOf: (call: KernelCall<N, A>) => Product,
): Variant<N, A>[] =>
  [128, 64, 32].map((size) => ({
    name: `${name}_f16__${size}x${size}`,
    when(call) {
      if (!call.features.has(MIXED)) return false;
      const { m, n, k, batch } = productOf(call).layout;
      return m * n * k * sizeOf(batch) >= WORTH && (size === 32 || Math.min(m, n) >= size);
    },
    temporaries(call) {
      const { left, right } = copiesOf(productOf(call));
      return { left: 8 * left, right: 8 * right };
    },
    launches: (call) => launchesOf(productOf(call), operands, size),
  }));
