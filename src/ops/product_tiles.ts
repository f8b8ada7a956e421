import type { Features, TileRate } from '../op.js';

/** A kernel of tiles of a product, explicit or implicit: outputs of a workgroup, and what the device must have. */
export interface ProductTile {
  readonly kind: string;
  readonly rows: number;
  readonly columns: number;
  readonly feature?: string;
}

/** The kernels that shaders/matmul.wgsl makes; the first is taken where several cost the same. */
export const PRODUCT_TILES: readonly ProductTile[] = [
  { kind: '128x128', rows: 128, columns: 128 },
  { kind: '64x64', rows: 64, columns: 64 },
  { kind: '32x32', rows: 32, columns: 32 },
  { kind: 'direct_4x4', rows: 32, columns: 32 },
  { kind: 'quad_16x8', rows: 64, columns: 64, feature: 'quads' },
  { kind: 'quad_16x4', rows: 32, columns: 32, feature: 'quads' },
];

/** Whether a tile is for results of [rows, columns]: not where one of half its size would do. */
export const fits = (tile: ProductTile, rows: number, columns: number): boolean =>
  tile.rows === LEAST || (2 * rows > tile.rows && 2 * columns > tile.columns);

const LEAST = 32;

type Rates = Readonly<Record<string, TileRate>>;

/**
 * What is assumed of adapters that were not measured. Of a GPU: large tiles load least, small ones fill it sooner; without
 * workgroup memory each value is loaded by many, and whether quads gain by sharing it only measuring tells. Of one that
 * computes on the CPU: workgroup memory is memory like other, and barriers cost much.
 */
const GPU: Rates = {
  '128x128': { all: 6000, one: 75 },
  '64x64': { all: 4800, one: 32 },
  '32x32': { all: 3000, one: 7 },
  quad_16x8: { all: 1200, one: 2 },
  quad_16x4: { all: 1200, one: 2 },
  direct_4x4: { all: 1200, one: 2 },
};
const CPU: Rates = {
  quad_16x4: { all: 14, one: 7 },
  quad_16x8: { all: 13, one: 6.5 },
  direct_4x4: { all: 10, one: 5 },
  '128x128': { all: 5, one: 2.5 },
  '64x64': { all: 4, one: 2 },
  '32x32': { all: 3, one: 1.5 },
};

/**
 * What a product of [rows, columns] with `inner` terms, `count` of them, costs by tiles: all outputs of all workgroups, those
 * past the edges too, at the rate of the whole device, but never less than one workgroup takes. In microseconds.
 */
export function tileCost(
  features: Features,
  tile: ProductTile,
  [rows, columns, inner, count]: readonly [rows: number, columns: number, inner: number, count: number],
): number {
  const rates = features.rates ?? (features.has('software') ? CPU : GPU);
  const rate = rates[tile.kind];
  if (!rate) return Number.POSITIVE_INFINITY;
  const workgroups = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) * count;
  const flops = 2 * tile.rows * tile.columns * inner;
  return Math.max((workgroups * flops) / rate.all, flops / rate.one) / 1e3;
}
