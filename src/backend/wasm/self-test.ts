import { writeParams } from '../params.js';
import type { WasmModule } from './module.js';

const SIZE = 96;
const ROUNDS = 8;
const TILES = [4, 6] as const;

/**
 * The faster register tile for products on this engine: both compute the same sums in the same order, so the choice
 * changes no bit of a result. A product of 96 x 96 x 96 is run a few times on each in turn, after enough calls for the
 * engine to optimise them; the fastest call counts. `start` is free memory, which is used and left dirty.
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
  for (let round = 0; round < ROUNDS; round++) {
    for (const tile of TILES) {
      const before = performance.now();
      product.run(operands, params[tile], scratch, 0, 1);
      best[tile] = Math.min(best[tile], performance.now() - before);
    }
  }
  new Uint8Array(memory.buffer, start, scratch - start).fill(0);
  return best[6] < best[4] ? '6x8' : '4x8';
}
