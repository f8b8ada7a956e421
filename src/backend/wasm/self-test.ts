import { writeParams } from '../params.js';
import type { WasmModule } from './module.js';

const SIZE = 96;
const ROUNDS = 8;

/**
 * The faster register tile for products on this engine: both compute the same sums in the same order, so the choice
 * changes no bit of a result. A product of 96 x 96 x 96 is run a few times on each in turn, after enough calls for the
 * engine to optimise them; the fastest call counts. `start` is free memory, which is used and left dirty.
 */
export function measureTiles({ memory, kernels }: WasmModule, start: number): '4x8' | '6x8' {
  const matrix = 4 * SIZE * SIZE;
  const [operands, params, a, panels, y] = [
    start,
    start + 64,
    start + 1024,
    start + 1024 + matrix,
    start + 1024 + 2 * matrix,
  ];
  const scratch = y + matrix;
  const missing = scratch + 4 * (SIZE * 512 + 64) - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const view = new DataView(memory.buffer);
  const noBias = 0;
  [a, panels, noBias, y].forEach((address, i) => {
    view.setUint32(operands + 4 * i, address, true);
  });
  const sizes = { m: SIZE, n: SIZE, k: SIZE, batch: 1, aRow: SIZE, aColumn: 1, bRow: SIZE, bColumn: 1 };
  const batch = { batchShape: [1, 1, 1, 1], aBatch: [0, 0, 0, 0], bBatch: [0, 0, 0, 0] };
  const plain = { hasBias: 0, activation: 0 };
  const tiles = { '4x8': kernels.get('matmul_f32__4x8')!, '6x8': kernels.get('matmul_f32__6x8')! };
  writeParams(view, params, tiles['4x8'].params, { ...sizes, ...plain, ...batch }, 'self-test');
  const best = { '4x8': Number.POSITIVE_INFINITY, '6x8': Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    for (const tile of ['4x8', '6x8'] as const) {
      const before = performance.now();
      tiles[tile].run(operands, params, scratch, 0, 1);
      best[tile] = Math.min(best[tile], performance.now() - before);
    }
  }
  new Uint8Array(memory.buffer, start, scratch - start).fill(0);
  return best['6x8'] < best['4x8'] ? '6x8' : '4x8';
}
