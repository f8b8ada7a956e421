import { apply } from './apply.js';
import type { Backend } from './backend/backend.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { createGraph, createInput } from './graph.js';
import type { TileRate } from './op.js';
import { matmul } from './ops/matmul.js';
import { PRODUCT_TILES, type ProductTile } from './ops/product_tiles.js';
import { sizeOf } from './shape.js';

/** How fast the kernels of products and convolutions are on an adapter: plain data, to be kept as JSON and given back. */
export interface Tuning {
  readonly version: 1;
  /** The adapter that was measured, as `device.info.description` has it. */
  readonly adapter: string;
  /** By tile, as `64x64`: GFLOP/s with the whole device busy, and of one workgroup alone. */
  readonly rates: Readonly<Record<string, TileRate>>;
}

/** Milliseconds from which a measurement counts, calls of which the fastest counts, and the sizes that are taken. */
const LONG_ENOUGH = 1.5;
const CALLS = 3;
const SQUARES = [128, 256, 512, 1024, 2048];
const INNERS = [64, 512, 4096];
/** How many times slower than the best a tile is when it, and larger ones of its kind, are not tried further. */
const FAR_BEHIND = 2;
/** Tiles that pass through workgroup memory are called by their size. */
const SHARED = /^\d+x\d+$/;

/** By adapter, for later devices of the process. */
const measured = new Map<string, Tuning>();

const names = PRODUCT_TILES.map(({ kind }) => kind);

const isRate = (value: unknown): value is TileRate => {
  const { all, one } = (value ?? {}) as Partial<TileRate>;
  return [all, one].every((rate) => typeof rate === 'number' && Number.isFinite(rate) && rate > 0);
};

/** Refuses what is no tuning of this backend's adapter. */
function check(tuning: Tuning, { info }: Backend): void {
  const wrong = (what: string) => fail('open', `tuning ${what}; measure it anew by { tuning: 'measure' }`);
  if (typeof tuning !== 'object' || tuning === null || typeof tuning.rates !== 'object' || !tuning.rates)
    wrong(`must be 'measure' or what device.tuning was, got ${JSON.stringify(tuning)}`);
  if (tuning.version !== 1) wrong(`is of version ${String(tuning.version)}, this is version 1`);
  if (tuning.adapter !== info.description)
    wrong(`is of adapter '${String(tuning.adapter)}', this one is '${info.description}'`);
  const entries = Object.entries(tuning.rates);
  if (entries.length === 0) wrong('has no rates');
  for (const [name, rate] of entries) {
    if (!names.includes(name)) wrong(`has a tile '${name}', there are ${names.join(', ')}`);
    if (!isRate(rate)) wrong(`has no two positive numbers 'all' and 'one' for tile '${name}'`);
  }
}

/** A product by one kernel, ready to run; `run` resolves to the milliseconds until its result exists. */
async function prepare(
  backend: Backend,
  { kind }: ProductTile,
  [m, n, k]: readonly [number, number, number],
) {
  const inputs = [createInput([m, k], 'f32', 'a'), createInput([k, n], 'f32', 'b')];
  const [output] = apply(matmul.op, inputs, undefined);
  const graph = createGraph({ inputs, outputs: [output!] });
  const program = await Program.compile(graph, backend, new FaultMessages(), {
    variant: () => `matmul_f32__${kind}`,
  });
  const buffers = [...inputs, output!].map(({ shape }) => backend.allocate(4 * sizeOf(shape), 'tuning'));
  return {
    async run(): Promise<number> {
      const begun = performance.now();
      program.run(buffers);
      await backend.read(buffers[2]!, 'f32', 1);
      return performance.now() - begun;
    },
    dispose() {
      program.dispose();
      for (const buffer of buffers) buffer.free();
    },
  };
}

type Size = readonly [m: number, n: number, k: number];

const flopsOf = ([m, n, k]: Size): number => 2 * m * n * k;

/** The fastest of some calls, where the first may be the driver's first sight of the kernel. */
async function fastest(product: Awaited<ReturnType<typeof prepare>>): Promise<number> {
  let best = await product.run();
  for (let i = 0; i < CALLS && best < 40 * LONG_ENOUGH; i++) best = Math.min(best, await product.run());
  return best;
}

/**
 * The rate of products of sizes from small to large: of the first, and then of the one that ought to take long enough. Where
 * the first is far behind `best`, it decides.
 */
async function rateOf(
  backend: Backend,
  tile: ProductTile,
  sizes: readonly Size[],
  best = 0,
): Promise<number> {
  let overhead = 0;
  let rate = 0;
  for (let at = 0; at < sizes.length; ) {
    const product = await prepare(backend, tile, sizes[at]!);
    const took = await fastest(product).finally(() => product.dispose());
    if (at === 0) overhead = Math.min(took, LONG_ENOUGH) / 2;
    const ms = Math.max(took - overhead, took / 4);
    rate = flopsOf(sizes[at]!) / ms / 1e6;
    if (ms >= LONG_ENOUGH || FAR_BEHIND * rate < best) break;
    const enough = (size: Size, i: number) => i > at && flopsOf(size) >= 1.5e6 * rate * LONG_ENOUGH;
    const next = sizes.findIndex(enough);
    at = next > 0 ? next : Math.max(at + 1, sizes.length - 1);
  }
  return rate;
}

/**
 * Measures the tiles of products on the backend's device: each on products that grow until one takes long enough, and on one
 * tile alone. A tile that is left out, because the device is a processor or one like it is far behind, has no rate and is not
 * used.
 */
async function measureTuning(backend: Backend): Promise<Tuning> {
  const rates: Record<string, TileRate> = {};
  let best = 0;
  const squares = SQUARES.map((size): Size => [size, size, 64 + size / 4]);
  const rounded = (rate: number) => Number(rate.toPrecision(3));
  const measure = async (tiles: readonly ProductTile[]) => {
    // A kernel is compiled once for all sizes: side by side.
    for (const product of await Promise.all(tiles.map((tile) => prepare(backend, tile, squares[0]!))))
      product.dispose();
    for (const tile of tiles) {
      const { kind, rows, columns } = tile;
      const all = await rateOf(backend, tile, squares, best);
      const single = INNERS.map((inner): Size => [rows, columns, inner]);
      const one = FAR_BEHIND * all < best ? all : await rateOf(backend, tile, single);
      rates[kind] = { all: rounded(all), one: rounded(Math.min(one, all)) };
      best = Math.max(best, all);
    }
  };
  const tiles = PRODUCT_TILES.filter((tile) => takes(backend, tile));
  const [small, large] = [tiles.filter(({ rows }) => rows <= 32), tiles.filter(({ rows }) => rows > 32)];
  // From those that need least of the device to those that need most.
  await measure(small.reverse());
  const hopeless = FAR_BEHIND * (rates['32x32']?.all ?? best) < best;
  await measure(large.filter(({ kind }) => !hopeless || !SHARED.test(kind)).reverse());
  return { version: 1, adapter: backend.info.description, rates };
}

/** Whether a tile can be the best: on a processor, barriers switch between threads, and workgroup memory is like any other. */
function takes({ features }: Backend, { kind, feature }: ProductTile): boolean {
  if (SHARED.test(kind) && (features.has('narrow') || features.has('software'))) return false;
  return feature === undefined || features.has(feature);
}

/** What a device's kernels are chosen by, and where that is from. */
export interface Tuned {
  readonly tuning: Tuning;
  readonly note: string;
}

/** Sets the rates by which kernels are chosen on this backend; null where nothing is known of the adapter. */
export async function tune(backend: Backend, wish: Tuning | 'measure' | undefined): Promise<Tuned | null> {
  const known = measured.get(backend.info.description) ?? null;
  if (wish === undefined && !known) return null;
  if (wish !== undefined && wish !== 'measure') check(wish, backend);
  const begun = performance.now();
  const given = typeof wish === 'object' ? wish : null;
  const tuning = given ?? known ?? (await measureTuning(backend));
  measured.set(tuning.adapter, tuning);
  backend.features.rates = tuning.rates;
  const spent = Math.round(performance.now() - begun);
  const source = given ? 'as given' : known ? 'as measured before' : `as measured in ${spent} ms`;
  return { tuning, note: `tiles of products are chosen by their rates, ${source}` };
}
