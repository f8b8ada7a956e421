// Y [m, n] = A [m, k] · B [k, n] for each batch. The sums of a tile of 4 or 6 rows by 8 columns, or 6 by 16, stay in registers
// (matmul_tile.ts) for a block of the depth, at most 512 terms, starts at zero and is then added to Y, which keeps the
// rounding error of long sums small; after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
// (2008). A tile's rows stay in the first cache while it walks the panels of its stripe, the panels in the second. A is
// read in place; B in place or as panels (matmul_pack.ts), as src/ops/matmul_plan.ts has found better for the shape.
// For `linear` a bias [n] is what the sums start from, and an activation is applied to them while they are in the cache.
import { MatmulTilesParams } from '../build/params';
import { activate } from './matmul_finish';
import { packEdge } from './matmul_pack';
import { multiplyPairs, multiplyPanels } from './matmul_tile';
import { operand } from './simd';
import { cut } from './tile';
import { offsetOf } from './walk';

/** Rows [rows, 8] at `edge`, of which `count` columns exist, are stored as `before` + them. */
function storeEdge(edge: usize, rows: i32, count: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < count << 2; at += 4) {
      const value = load<f32>(edge + at);
      store<f32>(c + at, before ? load<f32>(before + at) + value : value);
    }
    edge += 32;
    c += cRow;
    before += beforeRow;
  }
}

/** Operands: a, b or its panels, bias or 0, y. Scratch: a panel of `depth` steps and a tile. */
export function matmul_f32__tiles(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulTilesParams>(params);
  const m = <i32>p.m;
  const n = <i32>p.n;
  const k = <i32>p.k;
  const bands = <i32>p.bands;
  const stripes = <i32>p.stripes;
  const tiles = (m + <i32>p.tile - 1) / <i32>p.tile;
  const aRow = <usize>p.aRow << 2;
  const cRow = <usize>n << 2;
  const shape = params + offsetof<MatmulTilesParams>('batchShape0');
  const edge = scratch + (p.depth << 5);
  const packed = p.bRow == 8;
  for (let unit = begin; unit < end; unit++) {
    const area = unit / bands;
    const band = unit - area * bands;
    const batch = area / stripes;
    const stripe = area - batch * stripes;
    const a = operand(o, 0) + (offsetOf(batch, 4, shape, params + offsetof<MatmulTilesParams>('aBatch0')) << 2);
    const b = operand(o, 1) + (offsetOf(batch, 4, shape, params + offsetof<MatmulTilesParams>('bBatch0')) << 2);
    const firstTile = cut(tiles, bands, band);
    const lastTile = cut(tiles, bands, band + 1);
    const panel = cut((n + 7) >> 3, stripes, stripe);
    const column = panel << 3;
    const columns = min(n, cut((n + 7) >> 3, stripes, stripe + 1) << 3) - column;
    const whole = columns >> 3;
    const rest = columns & 7;
    for (let start = 0; ; start += p.depth) {
      const depth = min(p.depth, k - start);
      const panels = b + ((start * p.bRow + panel * p.bPanel) << 2);
      let last = panels + ((whole * p.bPanel) << 2);
      let lastStep = p.bRow << 2;
      if (rest && !packed) {
        packEdge(last, lastStep, depth, rest, scratch);
        last = scratch;
        lastStep = 32;
      }
      for (let tile = firstTile; tile < lastTile; tile++) {
        const row = cut(m, tiles, tile);
        const rows = cut(m, tiles, tile + 1) - row;
        const from = a + row * aRow + (start << 2);
        const c = operand(o, 3) + ((((batch * m + row) * n) + column) << 2);
        const bias = operand(o, 2) ? operand(o, 2) + (column << 2) : 0;
        const before = start ? c : bias;
        const beforeRow = start ? cRow : 0;
        const step = p.bRow << 2;
        const next = p.bPanel << 2;
        const paired = p.pairs && rows > 4 ? whole & ~1 : 0;
        const done = paired << 5;
        if (paired) multiplyPairs(rows, depth, from, aRow, 0, panels, step, next << 1, next, paired >> 1, c, cRow, before, beforeRow);
        if (paired < whole) multiplyPanels(rows, depth, from, aRow, 0, panels + paired * next, step, next, whole - paired, c + done, cRow, before ? before + done : 0, beforeRow);
        if (rest) {
          multiplyPanels(rows, depth, from, aRow, 0, last, lastStep, 0, 1, edge, 32, 0, 0);
          storeEdge(edge, rows, rest, c + (whole << 5), cRow, before ? before + (whole << 5) : 0, beforeRow);
        }
        if (p.activation && start + depth == k) {
          for (let r = 0; r < rows; r++) activate(p.activation, c + r * cRow, columns);
        }
      }
      if (start + depth == k) break;
    }
  }
}
