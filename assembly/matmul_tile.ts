// The micro-kernel of the matrix product: R rows of a left operand whose rows are contiguous, read in place through one
// pointer a row, times panels of 8 columns of a right operand, packed or in place. The constant step along a row leaves few
// enough instructions for a step of 4x8 without fused multiply-add. A call walks several panels, since single ones cost a
// tenth; Winograd's convolution walks the places of a tile, at each of which the left operand is another.
import { InPlace, Pair, Rows3, Rows4, Rows5, Rows6, rowsOf, Single, tile } from './tile';

/**
 * C [R, 8 count] = before + A [R, depth] · B [depth, 8 count]; `before` is C itself, a row that all rows share (beforeRow 0),
 * or 0. All other sizes are in bytes: between rows of A and C, between what one panel and the next read of A, steps and panels
 * of B. For `Pair` a panel of C has 16 columns, whose second half comes from `next` bytes further in B.
 */
// @ts-ignore: decorator
@inline
function multiply<R, P>(depth: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, next: usize, count: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  const width = 32 * rowsOf<P>();
  const columns = c + count * width;
  while (c < columns) {
    tile<R, P, InPlace>(depth, a, aRow, b, bStep, next, c, cRow, 32, before, beforeRow, 0);
    a += aPanel;
    b += bPanel;
    c += width;
    if (before) before += width;
  }
}

function panels3(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows3, Single>(k, a, aRow, aPanel, b, bStep, bPanel, 0, n, c, cRow, y, yRow); }
function panels4(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows4, Single>(k, a, aRow, aPanel, b, bStep, bPanel, 0, n, c, cRow, y, yRow); }
function panels5(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows5, Single>(k, a, aRow, aPanel, b, bStep, bPanel, 0, n, c, cRow, y, yRow); }
function panels6(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows6, Single>(k, a, aRow, aPanel, b, bStep, bPanel, 0, n, c, cRow, y, yRow); }

/** `multiply` for 3 to 6 rows: what near-equal tiles of at most 4 or 6 have where there are 6 rows or more. */
export function multiplyPanels(rows: i32, k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  if (rows == 6) panels6(k, a, aRow, aPanel, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else if (rows == 5) panels5(k, a, aRow, aPanel, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else if (rows == 4) panels4(k, a, aRow, aPanel, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else panels3(k, a, aRow, aPanel, b, bStep, bPanel, n, c, cRow, before, beforeRow);
}

function pairs5(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, next: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows5, Pair>(k, a, aRow, aPanel, b, bStep, bPanel, next, n, c, cRow, y, yRow); }
function pairs6(k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, next: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows6, Pair>(k, a, aRow, aPanel, b, bStep, bPanel, next, n, c, cRow, y, yRow); }

/** `multiply` for pairs of panels, for 5 or 6 rows, which most tiles of at most 6 have. */
export function multiplyPairs(rows: i32, k: i32, a: usize, aRow: usize, aPanel: usize, b: usize, bStep: usize, bPanel: usize, next: usize, n: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  if (rows == 6) pairs6(k, a, aRow, aPanel, b, bStep, bPanel, next, n, c, cRow, before, beforeRow);
  else pairs5(k, a, aRow, aPanel, b, bStep, bPanel, next, n, c, cRow, before, beforeRow);
}
