import type { Features, KernelCall, Launch, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { MAX_BATCH_AXES, type Product } from './matmul_layout.js';
import { fits, PRODUCT_TILES, type ProductTile, tileCost } from './product_tiles.js';

/** Up to so many rows or columns a product is one of vectors: memory is its limit. */
const FEW = 4;
/** Invocations of a workgroup of products of vectors. */
const WORKGROUP = 64;
/** Inner indices that blocks of tiles have, that a part has at least, and workgroups that keep a device busy. */
const DEPTH = 16;
const PART = 256;
const ENOUGH = { cpu: 8, gpu: 128 };

type Operands = readonly [left: string, right: string, bias: string | null];

/** One operand of a product: its rows (columns) by its inner axis. */
interface Side {
  readonly size: number;
  readonly across: number;
  readonly inner: number;
  readonly batch: readonly number[];
}

const ceil = (value: number, step: number) => Math.ceil(value / step);

const lead = (values: readonly number[], fill: number) => [
  ...Array<number>(MAX_BATCH_AXES - values.length).fill(fill),
  ...values,
];

/** How a kernel reads an operand: 0 by elements, 1 or 2 by vec4s along the inner axis or along rows (columns). */
function readsBy({ inner, across, size }: Side, k: number): 0 | 1 | 2 {
  if (inner === 1 && k % 4 === 0) return 1;
  return across === 1 && size % 4 === 0 ? 2 : 0;
}

/** How the inner axis is cut: into so many parts of so many indices. */
interface Split {
  readonly parts: number;
  readonly part: number;
}

const wholeInner = (k: number): Split => ({ parts: 1, part: DEPTH * ceil(k, DEPTH) });

/**
 * Parts for a result of so few tiles of 32 x 32 that they leave a device idle. The same for every tile, so that results are
 * equal bits by any.
 */
function splitInner(features: Features, { m, n, k, batch }: Product['layout']): Split {
  const enough = features.has('software') ? ENOUGH.cpu : ENOUGH.gpu;
  const tiles = ceil(m, 32) * ceil(n, 32) * sizeOf(batch);
  const wanted = Math.min(ceil(enough, Math.max(1, tiles)), Math.floor(k / PART));
  const part = DEPTH * Math.max(1, ceil(ceil(k, Math.max(1, wanted)), DEPTH));
  return { parts: Math.max(1, ceil(k, part)), part };
}

/** A product of `left` and `right`, and what its kernels must know. */
function productOf({ layout, hasBias, activation }: Product, split: Split, turned = false) {
  const { m, n, k, aRow, aColumn, bRow, bColumn, aStrides, bStrides } = layout;
  const a: Side = { size: m, across: aRow, inner: aColumn, batch: aStrides };
  const b: Side = { size: n, across: bColumn, inner: bRow, batch: bStrides };
  const [left, right] = turned ? [b, a] : [a, b];
  const batch = sizeOf(layout.batch);
  const params = {
    ...{ m: left.size, n: right.size, k, batch, ...split },
    ...{ leftAcross: left.across, leftInner: left.inner },
    ...{ rightAcross: right.across, rightInner: right.inner },
    batchShape: lead(layout.batch, 1),
    leftBatch: lead(left.batch, 0),
    rightBatch: lead(right.batch, 0),
  };
  const reading = {
    LEFT_BY: readsBy(left, k),
    RIGHT_BY: readsBy(right, k),
    WHOLE: Number(k % DEPTH === 0),
  };
  return { params, reading, epilogue: { HAS_BIAS: Number(hasBias), ACTIVATION: activation }, right };
}

type Planned = ReturnType<typeof productOf>;

/** Launches of a product whose own is `launch`, with the sum of its parts behind it where there are several. */
function withParts(
  { params, reading, epilogue }: Planned,
  n: number,
  [left, right, bias]: Operands,
  launch: Pick<Launch, 'kernel' | 'units' | 'constants'>,
): Launch[] {
  const constants = { ...reading, ...launch.constants };
  if (params.parts === 1)
    return [
      {
        ...launch,
        params,
        operands: [left, right, bias, 'output'],
        constants: { ...constants, ...epilogue },
      },
    ];
  const size = params.batch * params.m * params.n;
  return [
    { ...launch, params, operands: [left, right, null, 'parts'], constants },
    {
      kernel: 'matmul_parts_f32',
      operands: ['parts', bias, 'output'],
      params: { size, parts: params.parts, n },
      constants: epilogue,
      units: size,
    },
  ];
}

const partsOf = ({ params: { m, n, batch, parts } }: Planned): Readonly<Record<string, number>> =>
  parts === 1 ? {} : { parts: 4 * parts * batch * m * n };

const isVector = ({ layout: { m, n } }: Product): boolean => Math.min(m, n) <= FEW;

/** The launches of a product of few rows, or of few columns by its transpose. */
function vectorLaunches(features: Features, product: Product, [a, b, bias]: Operands): Launch[] {
  const { m, n } = product.layout;
  const turned = n < m;
  const planned = productOf(product, splitInner(features, product.layout), turned);
  const { params, right } = planned;
  const lanes = right.inner === 1 ? 2 ** Math.ceil(Math.log2(ceil(params.part, 4))) : 8;
  const LANES = Math.max(4, Math.min(WORKGROUP, lanes));
  const columns = (4 * WORKGROUP) / LANES;
  return withParts(planned, n, turned ? [b, a, bias] : [a, b, bias], {
    kernel: 'matmul_f32__vector',
    constants: { FEW: params.m, LANES, TURNED: Number(turned) },
    units: [ceil(params.n, columns), 1, params.batch * params.parts],
  });
}

/** A product as one launch of a tile's kernel, its inner axis whole; a bias is of rows. `operands` names the output too. */
export function wholeProduct(
  product: Product,
  operands: readonly [left: string, right: string, bias: string | null, output: string],
  tile: ProductTile,
): Launch {
  const { params, reading, epilogue } = productOf(product, wholeInner(product.layout.k));
  const { m, n, batch } = params;
  return {
    kernel: `matmul_f32__${tile.kind}`,
    operands,
    params,
    constants: { ...reading, ...epilogue, HAS_BIAS: 2 * epilogue.HAS_BIAS },
    units: [ceil(n, tile.columns), ceil(m, tile.rows), batch],
  };
}

/** Variants on webgpu of an op that is a matrix product. `operands` names a, b and the bias. */
export function webgpuProducts<N extends string, A>(
  name: string,
  operands: Operands,
  describe: (call: KernelCall<N, A>) => Product,
): Variant<N, A>[] {
  const planOf = (call: KernelCall<N, A>): Planned => {
    const product = describe(call);
    return productOf(product, splitInner(call.features, product.layout));
  };
  const vector: Variant<N, A> = {
    name: `${name}_f32__vector`,
    when: (call) => isVector(describe(call)),
    temporaries: (call) => partsOf(planOf(call)),
    launches: (call) => vectorLaunches(call.features, describe(call), operands),
  };
  const tiles = PRODUCT_TILES.map((tile): Variant<N, A> => {
    const { kind, rows, columns, feature = null } = tile;
    return {
      name: `${name}_f32__${kind}`,
      when(call) {
        const product = describe(call);
        const { m, n } = product.layout;
        return !isVector(product) && fits(tile, m, n) && (feature === null || call.features.has(feature));
      },
      cost(call) {
        const { m, n, part, parts, batch } = planOf(call).params;
        return tileCost(call.features, tile, [m, n, part, batch * parts]);
      },
      temporaries: (call) => partsOf(planOf(call)),
      launches(call) {
        const planned = planOf(call);
        const { m, n, batch, parts } = planned.params;
        return withParts(planned, n, operands, {
          kernel: `matmul_f32__${kind}`,
          units: [ceil(n, columns), ceil(m, rows), batch * parts],
        });
      },
    };
  });
  return [vector, ...tiles];
}
