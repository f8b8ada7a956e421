import { writeParams } from '../params.js';
import type { WasmModule } from './module.js';

const SIZE = 96;
/** Calls of each tile after both are seen to be optimised, calls where that isn't seen, and milliseconds, at most. */
const ROUNDS = 8;
const MOST_ROUNDS = 64;
const MOST_MS = 40;
const TILES = [4, 6] as const;

/**
 * The faster register tile for products on this engine: both compute the same sums in the same order, so the choice
 * changes no bit of a result. A product of 96 x 96 x 96 is run on each in turn until the engine has optimised both, which
 * it does in the background and which makes them several times faster, and a few times more; the fastest call counts.
 * Products are warm then. `start` is free memory, which is used and left dirty.
 */
export function measureTiles({ memory, kernels }: WasmModule, start: number): '4x8' | '6x8' {
  const matrix = 4 * SIZE * SIZE;
  const operands = start;
  const params = { 4: start + 64, 6: start + 256 };
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
  const best = { 4: Number.POSITIVE_INFINITY, 6: Number.POSITIVE_INFINITY };
  for (const tile of TILES)
    writeParams(view, params[tile], product.params, { ...sizes, ...plain, ...batch, tile }, 'self-test');
  const first = { ...best };
  const begun = performance.now();
  let enough = MOST_ROUNDS;
  for (let round = 0; round < enough && performance.now() - begun < MOST_MS; round++) {
    for (const tile of TILES) {
      const before = performance.now();
      product.run(operands, params[tile], scratch, 0, 1);
      const spent = performance.now() - before;
      if (round === 0) first[tile] = spent;
      best[tile] = Math.min(best[tile], spent);
    }
    const optimised = TILES.every((tile) => best[tile] < first[tile] / 2);
    if (optimised) enough = Math.min(enough, round + ROUNDS);
  }
  new Uint8Array(memory.buffer, start, scratch - start).fill(0);
  return best[6] < best[4] ? '6x8' : '4x8';
}
