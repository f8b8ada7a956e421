import type { Launch } from '../op.js';
import { broadcastStrides, type Shape, sizeOf } from '../shape.js';
import { MAX_BATCH_AXES, type Product } from './matmul_layout.js';

/**
 * Terms of a block of a sum; fewer where the rows of a lie whole pages apart, for then those of a tile share half the places
 * of the first cache.
 */
const DEPTH = 512;
const DEPTH_BY_PAGES = 256;
/** So many rows or columns are few against a matrix that is read once; a tile has at least 3 rows, so tiles start at 6. */
const FEW = 5;
/** Up to so many are few where the matrix would have to be transposed for tiles. */
const FEW_TRANSPOSED = 8;
/** Steps times panels of a stripe, so that it stays in the second cache: 512 KiB. */
const STRIPE = 16384;
/** Columns of a page of memory, and rows of a that share the cost of packing b well. */
const PAGE = 1024;
const SHARING = 128;
/** Bytes that one part of a stream has at least, and beyond which a matrix comes from memory: half of a third cache. */
const PART = 1 << 18;
const CACHED = 1 << 24;
/** Columns whose sums stay in the first cache beside a stream. */
const STREAM_COLUMNS = 4096;
/** Floating-point operations of some 6 µs, and how many units are enough for threads to share. */
const UNIT_FLOPS = 4e5;
const UNITS = 16;
/** The register tiles: most rows, and whether panels go in pairs. */
const TILES = {
  '4x8': { tile: 4, pairs: 0 },
  '6x8': { tile: 6, pairs: 0 },
  '6x16': { tile: 6, pairs: 1 },
} as const;
export type Tile = keyof typeof TILES;

const ceil = (value: number, step: number) => Math.ceil(value / step);
const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));

/** Near-equal blocks of at most `most`. */
const blockOf = (length: number, most: number) => ceil(length, Math.max(1, ceil(length, most)));

/** One operand: a stack of matrices, seen as `rows` contiguous rows, or stored the other way round. */
interface Side {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly transposed: boolean;
  readonly batch: Shape;
}

interface Planned {
  readonly temporaries: Record<string, number>;
  readonly launches: Launch[];
}

const lead = (values: readonly number[], fill: number) => [
  ...Array<number>(MAX_BATCH_AXES - values.length).fill(fill),
  ...values,
];

/** Strides of an operand's batch axes, `size` elements a matrix. */
const strides = ({ batch }: Side, whole: Shape, size: number) =>
  lead(
    broadcastStrides(batch, whole).map((stride) => stride * size),
    0,
  );

/** The launch that packs matrices [rows, columns] into panels of 8 columns, for the temporary `panels`. */
export function packPanels(b: string, rows: number, columns: number, transposed: boolean, count = 1): Launch {
  return {
    kernel: 'matmul_pack_b_f32',
    operands: [b, 'panels'],
    params: { rows, columns, transposed: Number(transposed) },
    units: count * ceil(columns, 16),
    once: true,
  };
}

/** Collects the launches of one product. */
class Planner implements Planned {
  readonly temporaries: Record<string, number> = {};
  readonly launches: Launch[] = [];

  /** The operand with contiguous rows. */
  inRows(side: Side, temporary: string): Side {
    if (!side.transposed || side.rows === 1 || side.columns === 1) return side;
    const { rows, columns } = side;
    const count = sizeOf(side.batch);
    this.temporaries[temporary] = 4 * count * rows * columns;
    this.transpose(side.name, temporary, rows, columns, count);
    return { ...side, name: temporary, transposed: false };
  }

  transpose(from: string, to: string, rows: number, columns: number, count: number): void {
    this.launches.push({
      kernel: 'matmul_pack_a_f32',
      operands: [from, to],
      params: { rows, columns, transposed: 1 },
      units: count * ceil(rows, 16),
    });
  }

  /** Adds the parts of `count` blocks of rows of n, and what follows. */
  sum(
    from: string,
    bias: string | null,
    to: string,
    { count, ...params }: { n: number; block: number; parts: number; activation: number; count: number },
  ): void {
    this.launches.push({
      kernel: 'matmul_sum_f32',
      operands: [from, bias, to],
      params,
      units: count * ceil(params.block, 1024),
    });
  }

  /** The operand in panels of 8 columns. */
  inPanels({ name, rows, columns, transposed, batch }: Side): string {
    const count = sizeOf(batch);
    this.temporaries.panels = 4 * count * rows * 8 * ceil(columns, 8);
    this.launches.push(packPanels(name, rows, columns, transposed, count));
    return 'panels';
  }
}

/** y = a b by register tiles. */
function tiles(
  planner: Planner,
  a: Side,
  b: Side,
  { batch, tile: name, activation }: { batch: Shape; tile: Tile; activation: number },
  [bias, y]: readonly [string | null, string],
): void {
  const { tile, pairs } = TILES[name];
  const [m, n, k] = [a.rows, b.columns, a.columns];
  const left = planner.inRows(a, 'rows');
  // Packing costs what some three rows of a do; rows of b that lie a page or more apart cost more.
  const inPlace = !b.transposed && n < PAGE && m < SHARING;
  const right = inPlace ? b.name : planner.inPanels(b);
  const depth = blockOf(k, k % PAGE === 0 ? DEPTH_BY_PAGES : DEPTH);
  const count = sizeOf(batch);
  const [height, panels] = [ceil(m, tile), ceil(n, 8)];
  const units = clamp(Math.round((2 * count * m * n * k) / UNIT_FLOPS), 1, UNITS);
  const least = Math.max(1, ceil(panels * depth, STRIPE));
  const bands = clamp(ceil(units, count * least), ceil(height, 16), Math.max(ceil(height, 16), height >> 2));
  const stripes = clamp(ceil(units, count * bands), least, Math.max(least, panels >> 2));
  planner.launches.push({
    kernel: 'matmul_f32__tiles',
    operands: [left.name, right, bias, y],
    params: {
      ...{ m, n, k, depth, tile, pairs, bands, stripes, activation },
      ...{ aRow: k, bRow: inPlace ? n : 8, bPanel: inPlace ? 8 : 8 * k },
      batchShape: lead(batch, 1),
      aBatch: strides(a, batch, m * k),
      bBatch: strides(b, batch, inPlace ? k * n : 8 * panels * k),
    },
    units: count * bands * stripes,
    scratch: 4 * 8 * (depth + 6),
  });
}

/** y by dot products of contiguous rows, of which one operand has few; the sums of `few` lie `yFew` apart. */
function dots(
  planner: Planner,
  few: Side,
  many: Side,
  { batch, activation }: { batch: Shape; activation: number },
  bias: string | null,
  fewIsRows: boolean,
): void {
  const k = many.columns;
  const together = few.rows === 1 || (few.rows === 2 && 4 * many.rows * k > CACHED) ? 1 : 4;
  const chunk = 4 * clamp(Math.round(STRIPE / 4 / Math.max(1, k)), 1, ceil(many.rows, 4));
  planner.launches.push({
    kernel: 'matmul_f32__dots',
    operands: [planner.inRows(few, 'rows').name, many.name, 'output'],
    params: {
      ...{ few: few.rows, many: many.rows, k, chunk, together },
      ...{ yFew: fewIsRows ? many.rows : 1, yMany: fewIsRows ? 1 : few.rows },
      batchShape: lead(batch, 1),
      fewBatch: strides(few, batch, few.rows * k),
      manyBatch: strides(many, batch, many.rows * k),
    },
    units: sizeOf(batch) * ceil(many.rows, chunk),
    scratch: 128,
  });
  if (bias !== null || activation !== 0)
    planner.sum('output', bias, 'output', {
      n: fewIsRows ? many.rows : few.rows,
      block: few.rows * many.rows,
      parts: 1,
      activation,
      count: sizeOf(batch),
    });
}

/** y = x b with few rows x, in parts of b's rows and their sum. */
function stream(
  planner: Planner,
  x: Side,
  b: Side,
  { batch, activation }: { batch: Shape; activation: number },
  [bias, y]: readonly [string | null, string],
): void {
  const [few, n, k] = [x.rows, b.columns, x.columns];
  const count = sizeOf(batch);
  const bytes = 4 * k * n;
  const parts = clamp(Math.round(bytes / PART), 1, UNITS);
  const stripes = Math.max(1, ceil(n, STREAM_COLUMNS));
  const direct = parts === 1 && bias === null && activation === 0;
  const left = planner.inRows(x, 'rows');
  if (!direct) planner.temporaries.parts = 4 * count * parts * few * n;
  planner.launches.push({
    kernel: 'matmul_f32__stream',
    operands: [left.name, b.name, direct ? y : 'parts'],
    params: {
      ...{ few, n, k, parts, stripes, together: few === 1 && bytes > CACHED ? 1 : 4 },
      batchShape: lead(batch, 1),
      xBatch: strides(x, batch, few * k),
      bBatch: strides(b, batch, k * n),
    },
    units: count * parts * stripes,
  });
  if (direct) return;
  planner.sum('parts', bias, y, { n, block: few * n, parts, activation, count });
}

const turned = ({ rows, columns, transposed, ...side }: Side): Side => ({
  ...side,
  rows: columns,
  columns: rows,
  transposed: !transposed,
});

/** How wasm computes a product of the operands called `names` (a, b, bias) with a register tile. */
export function planProduct(
  { layout, activation }: Product,
  [nameA, nameB, bias]: readonly [string, string, string | null],
  tile: Tile,
): Planned {
  const { n, k, transposeA, transposeB, aBatch, bBatch } = layout;
  // A b that all batches share makes one product of them.
  const joined = sizeOf(bBatch) === 1 && !transposeA && sizeOf(aBatch) === sizeOf(layout.batch);
  const m = joined ? layout.m * sizeOf(aBatch) : layout.m;
  const batch = joined ? [] : layout.batch;
  const a = { name: nameA, rows: m, columns: k, transposed: transposeA, batch: joined ? [] : aBatch };
  const b = { name: nameB, rows: k, columns: n, transposed: transposeB, batch: joined ? [] : bBatch };
  const planner = new Planner();
  const rest = { batch, activation, tile };
  const [aInRows, bInColumns] = [!transposeA || m === 1, transposeB || n === 1];
  if (bInColumns && m <= FEW_TRANSPOSED && (n > m || !aInRows)) {
    dots(planner, a, turned(b), rest, bias, true);
  } else if (aInRows && n <= FEW) {
    dots(planner, turned(b), a, rest, bias, false);
  } else if (transposeA && n <= FEW_TRANSPOSED && bias === null) {
    // yᵀ = bᵀ aᵀ reads a in place.
    const y = n > 1 ? 'turned' : 'output';
    if (n > 1) planner.temporaries.turned = 4 * sizeOf(batch) * m * n;
    if (n <= (m < PAGE ? FEW : FEW_TRANSPOSED)) stream(planner, turned(b), turned(a), rest, [null, y]);
    else tiles(planner, turned(b), turned(a), rest, [null, y]);
    if (n > 1) planner.transpose(y, 'output', m, n, sizeOf(batch));
  } else if (!transposeB && m <= (n < PAGE ? FEW : FEW_TRANSPOSED)) {
    stream(planner, a, b, rest, [bias, 'output']);
  } else {
    tiles(planner, a, b, rest, [bias, 'output']);
  }
  return planner;
}
