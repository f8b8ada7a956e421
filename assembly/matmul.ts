// Y [m, n] = A [m, k] · B [k, n] for each batch; rows and columns of A and B lie at any stride, so that transposed
// operands need no copy. After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): B is
// packed into panels of 8 columns, a block of A into tiles of 4 or 6 rows, and the tile's sums stay in registers. For
// `linear` a bias [n] is added to the rows and an activation applied to the sums while they are in the cache.
import { MatmulParams } from '../build/params';
import { loadTail, operand, sigmoid4, splat, storeTail, tanh4, transpose4 } from './simd';
import { blockOf, multiplyPacked, Rows4, Rows6, tileRows } from './tile';
import { offsetOf } from './walk';

/** Rows and columns of one work unit, and the depth of a block; src/ops/matmul.ts plans with the same numbers. */
const ROWS: i32 = 96;
const COLUMNS: i32 = 512;
const DEPTH: i32 = 512;

/** Offset, in elements, of a batch for an operand with these strides. */
function batchOffset(batch: i32, params: usize, strides: usize): i32 {
  return offsetOf(batch, 4, params + offsetof<MatmulParams>('batchShape0'), strides);
}

/**
 * B into panels [batch, ⌈n / 8⌉, k, 8]; columns beyond n are zero. A unit is a panel. B's rows or its columns are
 * contiguous.
 */
export function matmul_pack_b_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulParams>(params);
  const n = <i32>p.n;
  const k = <i32>p.k;
  const perBatch = (n + 7) >> 3;
  const rowStride = <usize>p.bRow << 2;
  const columnStride = <usize>p.bColumn << 2;
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / perBatch;
    const column = (unit - batch * perBatch) << 3;
    const count = min(8, n - column);
    let from = operand(o, 0) + (batchOffset(batch, params, params + offsetof<MatmulParams>('bBatch0')) << 2) + column * columnStride;
    let to = operand(o, 1) + ((unit * k) << 5);
    if (count == 8 && columnStride == 4) {
      for (let i = 0; i < k; i++) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
        from += rowStride;
        to += 32;
      }
      continue;
    }
    let i = 0;
    if (count == 8 && rowStride == 4) {
      for (; i + 4 <= k; i += 4) {
        transpose4(from, columnStride, to, 32);
        transpose4(from + 4 * columnStride, columnStride, to + 16, 32);
        from += 16;
        to += 128;
      }
    }
    for (; i < k; i++) {
      for (let j = 0; j < 8; j++) {
        store<f32>(to + (j << 2), j < count ? load<f32>(from + j * columnStride) : 0.0);
      }
      from += rowStride;
      to += 32;
    }
  }
}

/** A block of A, `rows` by `depth`, into tiles [depth, R], one after the other. */
// @ts-ignore: decorator
@inline
function packA<R>(a: usize, rowStride: usize, columnStride: usize, rows: i32, depth: i32, to: usize): void {
  for (let row = 0; row < rows; ) {
    const height = tileRows<R>(row, rows);
    let from = a + row * rowStride;
    let i = 0;
    if (height == 4 && columnStride == 4) {
      for (; i + 4 <= depth; i += 4) {
        transpose4(from, rowStride, to, 16);
        from += 16;
        to += 64;
      }
    }
    for (; i < depth; i++) {
      for (let r = 0; r < height; r++) store<f32>(to + (r << 2), load<f32>(from + r * rowStride));
      from += columnStride;
      to += height << 2;
    }
    row += height;
  }
}

// @ts-ignore: decorator
@inline
function activate(activation: u32, x: v128): v128 {
  if (activation == 1) return v128.andnot(x, f32x4.le(x, splat(0.0)));
  if (activation == 2) return tanh4(x);
  if (activation == 3) return sigmoid4(x);
  return x;
}

/** y = activation(y + bias) in `rows` rows of y, n apart, for `count` (1 to 8) columns from `column` on. */
function finish(activation: u32, bias: usize, y: usize, column: i32, count: i32, rows: i32, n: i32): void {
  for (let done = 0; done < count; done += 4) {
    const rest = min(4, count - done);
    const from = (column + done) << 2;
    const add = bias == 0 ? splat(0.0) : rest == 4 ? v128.load(bias + from) : loadTail(bias + from, rest);
    let to = y + from;
    for (let row = 0; row < rows; row++) {
      let x = rest == 4 ? v128.load(to) : loadTail(to, rest);
      if (bias) x = f32x4.add(x, add);
      x = activate(activation, x);
      if (rest == 4) v128.store(to, x);
      else storeTail(to, x, rest);
      to += n << 2;
    }
  }
}

/** A unit is a block of 96 rows by 512 columns of one batch. */
// @ts-ignore: decorator
@inline
function matmul<R>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulParams>(params);
  const m = <i32>p.m;
  const n = <i32>p.n;
  const k = <i32>p.k;
  const down = (m + ROWS - 1) / ROWS;
  const across = (n + COLUMNS - 1) / COLUMNS;
  const panels = (n + 7) >> 3;
  const rowStride = <usize>p.aRow << 2;
  const columnStride = <usize>p.aColumn << 2;
  const edge = scratch + ((ROWS * DEPTH) << 2);
  const block = blockOf(k, DEPTH);
  const bias = operand(o, 2);
  const finishes = bias != 0 || p.activation != 0;
  for (let unit = begin; unit < end; unit++) {
    const band = unit / across;
    const firstColumn = (unit - band * across) * COLUMNS;
    const batch = band / down;
    const firstRow = (band - batch * down) * ROWS;
    const rows = min(ROWS, m - firstRow);
    const lastColumn = min(n, firstColumn + COLUMNS);
    const a = operand(o, 0) + (batchOffset(batch, params, params + offsetof<MatmulParams>('aBatch0')) << 2) + firstRow * rowStride;
    const b = operand(o, 1) + ((batch * panels * k) << 5);
    const y = operand(o, 3) + ((batch * m * n + firstRow * n) << 2);
    if (k == 0) {
      for (let row = 0; row < rows; row++) memory.fill(y + ((row * n + firstColumn) << 2), 0, (lastColumn - firstColumn) << 2);
    }
    for (let start = 0; start < k; start += block) {
      const depth = min(block, k - start);
      packA<R>(a + start * columnStride, rowStride, columnStride, rows, depth, scratch);
      for (let column = firstColumn; column < lastColumn; column += 8) {
        const panel = b + (((column >> 3) * k + start) << 5);
        columnsOfTile<R>(rows, depth, scratch, panel, y + (column << 2), n << 2, min(8, n - column), edge, start > 0);
        if (finishes && start + depth == k) finish(p.activation, bias, y, column, min(8, n - column), rows, n);
      }
    }
    if (finishes && k == 0) {
      for (let column = firstColumn; column < lastColumn; column += 8) finish(p.activation, bias, y, column, min(8, n - column), rows, n);
    }
  }
}

/** All tiles of rows over one panel; a panel that is cut by the right edge goes through `edge`. */
// @ts-ignore: decorator
@inline
function columnsOfTile<R>(rows: i32, depth: i32, a: usize, panel: usize, y: usize, stride: usize, count: i32, edge: usize, more: bool): void {
  for (let row = 0; row < rows; ) {
    const height = tileRows<R>(row, rows);
    const tile = a + ((row * depth) << 2);
    const c = y + row * stride;
    if (count == 8) {
      multiplyPacked(height, depth, tile, panel, c, stride, 0, more);
    } else {
      multiplyPacked(height, depth, tile, panel, edge, 32, 0, false);
      for (let r = 0; r < height; r++) {
        for (let j = 0; j < count; j++) {
          const to = c + r * stride + (j << 2);
          const value = load<f32>(edge + (r << 5) + (j << 2));
          store<f32>(to, more ? load<f32>(to) + value : value);
        }
      }
    }
    row += height;
  }
}

export function matmul_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { matmul<Rows4>(o, p, s, begin, end); }
export function matmul_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { matmul<Rows6>(o, p, s, begin, end); }
