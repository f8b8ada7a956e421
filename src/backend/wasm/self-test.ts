import { writeParams } from '../params.js';
import type { WasmModule } from './module.js';

/** Rows by columns of the register tile of products. */
export type TileName = '4x8' | '6x8' | '6x16';

const SIZE = 96;
/** Calls of each tile after all are seen to be optimised, calls where that isn't seen, and milliseconds, at most. */
const ROUNDS = 8;
const MOST_ROUNDS = 64;
const MOST_MS = 40;

interface Candidate {
  readonly name: TileName;
  readonly params: number;
  readonly tile: number;
  readonly pairs: number;
  first: number;
  best: number;
}

/**
 * The fastest register tile for products on this engine: all compute the same sums in the same order, so the choice
 * changes no bit of a result. 6x16 is for engines with registers of 256 bits or 32 registers. A product of 96 x 96 x 96
 * is run on each in turn until the engine has optimised all, which it does in the background and which makes them several
 * times faster, and a few times more; the fastest call counts. Products are warm then. `start` is free memory, which is
 * used and left dirty.
 */
export function measureTiles({ memory, kernels }: WasmModule, start: number): TileName {
  const matrix = 4 * SIZE * SIZE;
  const operands = start;
  const [a, b, y] = [start + 1024, start + 1024 + matrix, start + 1024 + 2 * matrix];
  const scratch = y + matrix;
  const missing = scratch + 4 * 8 * (SIZE + 6) - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const view = new DataView(memory.buffer);
  const noBias = 0;
  [a, b, noBias, y].forEach((address, i) => {
    view.setUint32(operands + 4 * i, address, true);
  });
  const product = kernels.get('matmul_f32__tiles')!;
  const sizes = { m: SIZE, n: SIZE, k: SIZE, depth: SIZE, aRow: SIZE, bRow: SIZE, bPanel: 8 };
  const batch = { batchShape: [1, 1, 1, 1], aBatch: [0, 0, 0, 0], bBatch: [0, 0, 0, 0] };
  const plain = { bands: 1, stripes: 1, activation: 0 };
  const never = Number.POSITIVE_INFINITY;
  const candidates: readonly Candidate[] = [
    { name: '4x8', params: start + 64, tile: 4, pairs: 0, first: never, best: never },
    { name: '6x8', params: start + 256, tile: 6, pairs: 0, first: never, best: never },
    { name: '6x16', params: start + 448, tile: 6, pairs: 1, first: never, best: never },
  ];
  for (const { params, tile, pairs } of candidates)
    writeParams(view, params, product.params, { ...sizes, ...plain, ...batch, tile, pairs }, 'self-test');
  const begun = performance.now();
  let enough = MOST_ROUNDS;
  for (let round = 0; round < enough && performance.now() - begun < MOST_MS; round++) {
    for (const candidate of candidates) {
      const before = performance.now();
      product.run(operands, candidate.params, scratch, 0, 1);
      const spent = performance.now() - before;
      if (round === 0) candidate.first = spent;
      candidate.best = Math.min(candidate.best, spent);
    }
    const optimised = candidates.every(({ first, best }) => best < first / 2);
    if (optimised) enough = Math.min(enough, round + ROUNDS);
  }
  new Uint8Array(memory.buffer, start, scratch - start).fill(0);
  return candidates.reduce((one, other) => (other.best < one.best ? other : one)).name;
}
