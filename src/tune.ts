import type { Backend } from './backend/backend.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { createGraph, createInput } from './graph.js';
import { apply, type TileRate } from './op.js';
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

/** Milliseconds from which a measurement counts, calls of which the fastest counts, and the largest sizes. */
const LONG_ENOUGH = 1.5;
const CALLS = 3;
const MOST_SIZE = 2048;
const MOST_INNER = 4096;
/** How many times slower than the best a tile is when larger ones of its kind are not tried. */
const FAR_BEHIND = 4;

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
    /** Fills the operands with small whole numbers, whose sums are exact; they are 0 otherwise. */
    fill() {
      inputs.forEach(({ shape }, i) => {
        const data = Float32Array.from({ length: sizeOf(shape) }, (_, at) => ((at * 7 + i) % 13) - 6);
        backend.write(buffers[i]!, data, 'f32');
      });
    },
    async run(): Promise<number> {
      const begun = performance.now();
      program.run(buffers);
      await backend.read(buffers[2]!, 'f32', 1);
      return performance.now() - begun;
    },
    result: () => backend.read(buffers[2]!, 'f32', m * n),
    dispose() {
      program.dispose();
      for (const buffer of buffers) buffer.free();
    },
  };
}

/** The rate of products that `sizes` lists from small to large: of the first that takes long enough, or the last. */
async function rateOf(
  backend: Backend,
  tile: ProductTile,
  sizes: readonly (readonly [number, number, number])[],
): Promise<number> {
  let overhead = 0;
  for (const size of sizes) {
    const product = await prepare(backend, tile, size);
    try {
      // The first call is not counted: drivers finish their work then.
      let best = await product.run();
      if (best < 20 * LONG_ENOUGH) {
        best = Number.POSITIVE_INFINITY;
        for (let i = 0; i < CALLS; i++) best = Math.min(best, await product.run());
      }
      if (size === sizes[0]) overhead = Math.min(best, LONG_ENOUGH) / 2;
      const [m, n, k] = size;
      const ms = Math.max(best - overhead, best / 4);
      if (ms >= LONG_ENOUGH || size === sizes.at(-1)) return (2 * m * n * k) / ms / 1e6;
    } finally {
      product.dispose();
    }
  }
  return 0;
}

const growing = (from: number, to: number, by: number): number[] =>
  from > to ? [] : [from, ...growing(from * by, to, by)];

/** What a tile computes of a product with edges; all are compiled for the same as those that are timed. */
async function resultOf(backend: Backend, tile: ProductTile): Promise<Float32Array> {
  const product = await prepare(backend, tile, [68, 72, 48]);
  try {
    product.fill();
    await product.run();
    return (await product.result()) as Float32Array;
  } finally {
    product.dispose();
  }
}

/**
 * Measures the tiles of products on the backend's device: each on products that grow until one takes long enough, and on one
 * tile alone. A tile whose sums are wrong there, or which is left out because one like it is far behind, has no rate and is
 * not used.
 */
export async function measureTuning(backend: Backend): Promise<Tuning> {
  const rates: Record<string, TileRate> = {};
  let expected: Float32Array | null = null;
  let best = 0;
  let hopeless = false;
  // From the one that needs least of the device to those that need most.
  for (const tile of [...PRODUCT_TILES].reverse()) {
    if (!takes(backend, tile) || hopeless) continue;
    const result = await resultOf(backend, tile);
    expected ??= result;
    if (result.some((value, i) => value !== expected![i])) continue;
    const { kind, rows, columns } = tile;
    const squares = growing(128, MOST_SIZE, 4).map((size) => [size, size, 64 + size / 4] as const);
    const all = await rateOf(backend, tile, squares);
    const single = growing(64, MOST_INNER, 8).map((inner) => [rows, columns, inner] as const);
    const one = await rateOf(backend, tile, single);
    const rounded = (rate: number) => Number(rate.toPrecision(3));
    rates[kind] = { all: rounded(all), one: rounded(Math.min(one, all)) };
    best = Math.max(best, all);
    // Workgroup memory costs so much here that larger tiles don't make it good.
    hopeless = FAR_BEHIND * all < best;
  }
  return { version: 1, adapter: backend.info.description, rates };
}

const takes = ({ features }: Backend, { feature }: ProductTile): boolean =>
  feature === undefined || features.has(feature);

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
