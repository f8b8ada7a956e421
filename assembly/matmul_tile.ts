// The micro-kernel of the matrix product: R rows of a left operand whose rows are contiguous, read in place through one
// pointer a row, times panels of 8 columns of a right operand, packed or in place. 12 accumulators, 2 columns and 1 number
// fill the 15 vector registers that V8 has; the constant step along a row leaves few enough instructions for a step of
// 4x8 without fused multiply-add. A call walks several panels, since single ones cost a tenth. An engine that joins the
// halves of a panel into registers of 256 bits holds two panels side by side, whose 12 sums hide the latency of an addition
// that 6 don't: 6x16, which any other engine would spill and the self-test doesn't choose there.
import { fma, splat } from './simd';
import { Pair, Rows3, Rows4, Rows5, Rows6, rowsOf, Single } from './tile';

/** c = before + the two halves of a row's sum; 0 for no `before`. */
// @ts-ignore: decorator
@inline
function put(c: usize, low: v128, high: v128, before: usize): void {
  if (before) {
    low = f32x4.add(v128.load(before), low);
    high = f32x4.add(v128.load(before, 16), high);
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/** `put` for each panel of a row. */
// @ts-ignore: decorator
@inline
function putRow<P>(c: usize, s0: v128, s1: v128, s2: v128, s3: v128, before: usize): void {
  put(c, s0, s1, before);
  if (rowsOf<P>() == 2) put(c + 32, s2, s3, before ? before + 32 : 0);
}

/**
 * C [R, 8 panels] = before + A [R, depth] · B [depth, 8 panels]; `before` is C itself, a row that all rows share
 * (beforeRow 0), or 0. All other sizes are in bytes: between rows of A and C, steps and panels of B. For `Pair` the number
 * of panels is even.
 */
// @ts-ignore: decorator
@inline
function multiply<R, P>(depth: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, panels: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  const columns = c + (panels << 5);
  while (c < columns) {
    let a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow;
    let from = b;
    let c00 = splat(0.0), c01 = splat(0.0), c02 = splat(0.0), c03 = splat(0.0);
    let c10 = splat(0.0), c11 = splat(0.0), c12 = splat(0.0), c13 = splat(0.0);
    let c20 = splat(0.0), c21 = splat(0.0), c22 = splat(0.0), c23 = splat(0.0);
    let c30 = splat(0.0), c31 = splat(0.0), c32 = splat(0.0), c33 = splat(0.0);
    let c40 = splat(0.0), c41 = splat(0.0), c42 = splat(0.0), c43 = splat(0.0);
    let c50 = splat(0.0), c51 = splat(0.0), c52 = splat(0.0), c53 = splat(0.0);
    const end = a0 + (depth << 2);
    while (a0 < end) {
      const b0 = v128.load(from);
      const b1 = v128.load(from, 16);
      const b2 = rowsOf<P>() == 2 ? v128.load(from + bPanel) : b0;
      const b3 = rowsOf<P>() == 2 ? v128.load(from + bPanel, 16) : b1;
      const x0 = v128.load32_splat(a0);
      c00 = fma(x0, b0, c00);
      c01 = fma(x0, b1, c01);
      if (rowsOf<P>() == 2) {
        c02 = fma(x0, b2, c02);
        c03 = fma(x0, b3, c03);
      }
      if (rowsOf<R>() > 1) {
        const x1 = v128.load32_splat(a1);
        c10 = fma(x1, b0, c10);
        c11 = fma(x1, b1, c11);
        if (rowsOf<P>() == 2) {
          c12 = fma(x1, b2, c12);
          c13 = fma(x1, b3, c13);
        }
        a1 += 4;
      }
      if (rowsOf<R>() > 2) {
        const x2 = v128.load32_splat(a2);
        c20 = fma(x2, b0, c20);
        c21 = fma(x2, b1, c21);
        if (rowsOf<P>() == 2) {
          c22 = fma(x2, b2, c22);
          c23 = fma(x2, b3, c23);
        }
        a2 += 4;
      }
      if (rowsOf<R>() > 3) {
        const x3 = v128.load32_splat(a3);
        c30 = fma(x3, b0, c30);
        c31 = fma(x3, b1, c31);
        if (rowsOf<P>() == 2) {
          c32 = fma(x3, b2, c32);
          c33 = fma(x3, b3, c33);
        }
        a3 += 4;
      }
      if (rowsOf<R>() > 4) {
        const x4 = v128.load32_splat(a4);
        c40 = fma(x4, b0, c40);
        c41 = fma(x4, b1, c41);
        if (rowsOf<P>() == 2) {
          c42 = fma(x4, b2, c42);
          c43 = fma(x4, b3, c43);
        }
        a4 += 4;
      }
      if (rowsOf<R>() > 5) {
        const x5 = v128.load32_splat(a5);
        c50 = fma(x5, b0, c50);
        c51 = fma(x5, b1, c51);
        if (rowsOf<P>() == 2) {
          c52 = fma(x5, b2, c52);
          c53 = fma(x5, b3, c53);
        }
        a5 += 4;
      }
      a0 += 4;
      from += bStep;
    }
    let to = c;
    let old = before;
    putRow<P>(to, c00, c01, c02, c03, old);
    if (rowsOf<R>() > 1) putRow<P>((to += cRow), c10, c11, c12, c13, (old += beforeRow));
    if (rowsOf<R>() > 2) putRow<P>((to += cRow), c20, c21, c22, c23, (old += beforeRow));
    if (rowsOf<R>() > 3) putRow<P>((to += cRow), c30, c31, c32, c33, (old += beforeRow));
    if (rowsOf<R>() > 4) putRow<P>((to += cRow), c40, c41, c42, c43, (old += beforeRow));
    if (rowsOf<R>() > 5) putRow<P>((to += cRow), c50, c51, c52, c53, (old += beforeRow));
    b += bPanel * rowsOf<P>();
    c += 32 * rowsOf<P>();
    if (before) before += 32 * rowsOf<P>();
  }
}

function panels3(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows3, Single>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }
function panels4(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows4, Single>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }
function panels5(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows5, Single>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }
function panels6(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows6, Single>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }

/** `multiply` for 3 to 6 rows: what near-equal tiles of at most 4 or 6 have where there are 6 rows or more. */
export function multiplyPanels(rows: i32, k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  if (rows == 6) panels6(k, a, aRow, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else if (rows == 5) panels5(k, a, aRow, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else if (rows == 4) panels4(k, a, aRow, b, bStep, bPanel, n, c, cRow, before, beforeRow);
  else panels3(k, a, aRow, b, bStep, bPanel, n, c, cRow, before, beforeRow);
}

function pairs5(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows5, Pair>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }
function pairs6(k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, y: usize, yRow: usize): void { multiply<Rows6, Pair>(k, a, aRow, b, bStep, bPanel, n, c, cRow, y, yRow); }

/** `multiplyPanels`, two panels at a time as long as there are two, for 5 or 6 rows, which most tiles of at most 6 have. */
export function multiplyPairs(rows: i32, k: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize, n: i32, c: usize, cRow: usize, before: usize, beforeRow: usize): void {
  const paired = rows < 5 ? 0 : n & ~1;
  if (rows == 6) pairs6(k, a, aRow, b, bStep, bPanel, paired, c, cRow, before, beforeRow);
  else if (rows == 5) pairs5(k, a, aRow, b, bStep, bPanel, paired, c, cRow, before, beforeRow);
  if (paired == n) return;
  const done = <usize>paired << 5;
  multiplyPanels(rows, k, a, aRow, b + paired * bPanel, bStep, bPanel, n - paired, c + done, cRow, before ? before + done : 0, beforeRow);
}
