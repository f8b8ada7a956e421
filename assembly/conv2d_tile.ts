// The register tiles of the convolution: R filters times 8 pixels, several panels of 8 pixels a call, so that filters stay
// in the first cache and the loop's set-up is paid once; and for one to three filters, R filters times 40, 20 or 12 pixels.
import { fma, splat } from './simd';
import { Pair, Rows1, Rows2, Rows3, Rows4, Rows5, Rows6, rowsOf, Single } from './tile';

/** What happens to a sum when it is stored: it is added to what stands there, or to the bias; relu. */
export const ADD: i32 = 1;
export const RELU: i32 = 2;

// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, bias: v128, mode: i32): void {
  let x = f32x4.add(sum, mode & ADD ? v128.load(c) : bias);
  if (mode & RELU) x = f32x4.pmax(x, splat(0.0));
  v128.store(c, x);
}

/** `put` of two vectors side by side, which V8 can join if they are stored in one go. */
// @ts-ignore: decorator
@inline
function putRow(c: usize, low: v128, high: v128, bias: usize, mode: i32): void {
  if (mode & ADD) {
    low = f32x4.add(low, v128.load(c));
    high = f32x4.add(high, v128.load(c, 16));
  } else {
    const b = v128.load32_splat(bias);
    low = f32x4.add(low, b);
    high = f32x4.add(high, b);
  }
  const least = splat(mode & RELU ? 0.0 : -Infinity);
  v128.store(c, f32x4.pmax(low, least));
  v128.store(c, f32x4.pmax(high, least), 16);
}

/** `putRow` for each panel; `next` is the second one's distance. */
// @ts-ignore: decorator
@inline
function putPanels<P>(c: usize, next: usize, s0: v128, s1: v128, s2: v128, s3: v128, bias: usize, mode: i32): void {
  putRow(c, s0, s1, bias, mode);
  if (rowsOf<P>() == 2) putRow(c + next, s2, s3, bias, mode);
}

/** What a list says of a panel of 8 columns. */
// @ts-ignore: decorator
@unmanaged
export class Panel {
  /** Where it is read: an address, and a table of byte offsets, one for each step. */
  from: usize;
  table: usize;
  /** Bytes from the first panel's result to its own. */
  to: usize;
}

/**
 * C [R, 8 count] = bias + A [depth, R] · B, in panels of 8 columns as `list` says, whose tables' first `skip` bytes are
 * passed over. Every block of the depth starts at zero and is then added, which keeps the rounding error of long sums
 * small. 12 accumulators, 2 columns and 1 row fill the 15 vector registers that V8 has.
 */
// @ts-ignore: decorator
@inline
function panels<R, P>(count: i32, list: usize, skip: usize, depth: i32, tile: usize, y: usize, stride: usize, bias: usize, mode: i32): void {
  const end = list + count * offsetof<Panel>();
  for (; list < end; list += offsetof<Panel>() * rowsOf<P>()) {
    const panel = changetype<Panel>(list);
    const second = changetype<Panel>(list + offsetof<Panel>());
    const b = panel.from;
    const next = rowsOf<P>() == 2 ? second.from - b : 0;
    let table = panel.table + skip;
    const last = table + (depth << 2);
    let a = tile;
    let c00 = splat(0.0), c01 = splat(0.0), c02 = splat(0.0), c03 = splat(0.0);
    let c10 = splat(0.0), c11 = splat(0.0), c12 = splat(0.0), c13 = splat(0.0);
    let c20 = splat(0.0), c21 = splat(0.0), c22 = splat(0.0), c23 = splat(0.0);
    let c30 = splat(0.0), c31 = splat(0.0), c32 = splat(0.0), c33 = splat(0.0);
    let c40 = splat(0.0), c41 = splat(0.0), c42 = splat(0.0), c43 = splat(0.0);
    let c50 = splat(0.0), c51 = splat(0.0), c52 = splat(0.0), c53 = splat(0.0);
    for (; table < last; table += 4) {
      const from = b + load<u32>(table);
      const b0 = v128.load(from);
      const b1 = v128.load(from, 16);
      const b2 = rowsOf<P>() == 2 ? v128.load(from + next) : b0;
      const b3 = rowsOf<P>() == 2 ? v128.load(from + next, 16) : b1;
      const a0 = v128.load32_splat(a);
      c00 = fma(a0, b0, c00);
      c01 = fma(a0, b1, c01);
      if (rowsOf<P>() == 2) {
        c02 = fma(a0, b2, c02);
        c03 = fma(a0, b3, c03);
      }
      if (rowsOf<R>() > 1) {
        const a1 = v128.load32_splat(a, 4);
        c10 = fma(a1, b0, c10);
        c11 = fma(a1, b1, c11);
        if (rowsOf<P>() == 2) {
          c12 = fma(a1, b2, c12);
          c13 = fma(a1, b3, c13);
        }
      }
      if (rowsOf<R>() > 2) {
        const a2 = v128.load32_splat(a, 8);
        c20 = fma(a2, b0, c20);
        c21 = fma(a2, b1, c21);
        if (rowsOf<P>() == 2) {
          c22 = fma(a2, b2, c22);
          c23 = fma(a2, b3, c23);
        }
      }
      if (rowsOf<R>() > 3) {
        const a3 = v128.load32_splat(a, 12);
        c30 = fma(a3, b0, c30);
        c31 = fma(a3, b1, c31);
        if (rowsOf<P>() == 2) {
          c32 = fma(a3, b2, c32);
          c33 = fma(a3, b3, c33);
        }
      }
      if (rowsOf<R>() > 4) {
        const a4 = v128.load32_splat(a, 16);
        c40 = fma(a4, b0, c40);
        c41 = fma(a4, b1, c41);
        if (rowsOf<P>() == 2) {
          c42 = fma(a4, b2, c42);
          c43 = fma(a4, b3, c43);
        }
      }
      if (rowsOf<R>() > 5) {
        const a5 = v128.load32_splat(a, 20);
        c50 = fma(a5, b0, c50);
        c51 = fma(a5, b1, c51);
        if (rowsOf<P>() == 2) {
          c52 = fma(a5, b2, c52);
          c53 = fma(a5, b3, c53);
        }
      }
      a += rowsOf<R>() << 2;
    }
    const c = y + panel.to;
    const across = rowsOf<P>() == 2 ? second.to - panel.to : 0;
    putPanels<P>(c, across, c00, c01, c02, c03, bias, mode);
    if (rowsOf<R>() > 1) putPanels<P>(c + stride, across, c10, c11, c12, c13, bias + 4, mode);
    if (rowsOf<R>() > 2) putPanels<P>(c + 2 * stride, across, c20, c21, c22, c23, bias + 8, mode);
    if (rowsOf<R>() > 3) putPanels<P>(c + 3 * stride, across, c30, c31, c32, c33, bias + 12, mode);
    if (rowsOf<R>() > 4) putPanels<P>(c + 4 * stride, across, c40, c41, c42, c43, bias + 16, mode);
    if (rowsOf<R>() > 5) putPanels<P>(c + 5 * stride, across, c50, c51, c52, c53, bias + 20, mode);
  }
}

function panels1(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows1, Single>(n, p, skip, k, a, c, stride, bias, mode); }
function panels2(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows2, Single>(n, p, skip, k, a, c, stride, bias, mode); }
function panels3(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows3, Single>(n, p, skip, k, a, c, stride, bias, mode); }
function panels4(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows4, Single>(n, p, skip, k, a, c, stride, bias, mode); }
function panels5(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows5, Single>(n, p, skip, k, a, c, stride, bias, mode); }
function panels6(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows6, Single>(n, p, skip, k, a, c, stride, bias, mode); }

function pairs5(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows5, Pair>(n, p, skip, k, a, c, stride, bias, mode); }
function pairs6(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows6, Pair>(n, p, skip, k, a, c, stride, bias, mode); }

// @ts-ignore: decorator
@inline
function tableOf(list: usize, panel: i32): usize {
  return changetype<Panel>(list + panel * offsetof<Panel>()).table;
}

/** `multiplyPanels`, for 5 or 6 filters by runs of pairs of panels that share a table. */
export function multiplyPairs(rows: i32, n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  while (n > 0) {
    let paired = 0;
    if (rows > 4) while (paired + 1 < n && tableOf(p, paired) == tableOf(p, paired + 1)) paired += 2;
    if (rows == 6) pairs6(paired, p, skip, k, a, c, stride, bias, mode);
    else if (rows == 5) pairs5(paired, p, skip, k, a, c, stride, bias, mode);
    const single = rows > 4 ? min(1, n - paired) : n;
    multiplyPanels(rows, single, p + paired * offsetof<Panel>(), skip, k, a, c, stride, bias, mode);
    n -= paired + single;
    p += (paired + single) * offsetof<Panel>();
  }
}

/** A tile of `rows` (1 to 6) filters over `n` panels. */
export function multiplyPanels(rows: i32, n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  if (rows == 6) panels6(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 5) panels5(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 4) panels4(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 3) panels3(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 2) panels2(n, p, skip, k, a, c, stride, bias, mode);
  else panels1(n, p, skip, k, a, c, stride, bias, mode);
}

/**
 * Columns of a tile of 1, 2 or 3 filters: no more accumulators than leave room for a column, the rows' filters and, where no
 * instruction fuses them, a product.
 */
// @ts-ignore: decorator
@inline
export function thinColumns(rows: i32): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD) return rows == 1 ? 24 : rows == 2 ? 16 : 8;
  return rows == 1 ? 40 : rows == 2 ? 20 : 12;
}

/** C [R, count · columns] = bias + A [depth, R] · B, of which step k is read at `b` and the k-th offset of `table`. */
// @ts-ignore: decorator
@inline
function thin<R>(count: i32, b: usize, table: usize, depth: i32, tile: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  const end = table + (depth << 2);
  for (; count > 0; count--) {
    let a = tile;
    let s0 = splat(0.0), s1 = splat(0.0), s2 = splat(0.0), s3 = splat(0.0), s4 = splat(0.0);
    let s5 = splat(0.0), s6 = splat(0.0), s7 = splat(0.0), s8 = splat(0.0), s9 = splat(0.0);
    for (let at = table; at < end; at += 4) {
      const from = b + load<u32>(at);
      const a0 = v128.load32_splat(a);
      if (rowsOf<R>() == 1) {
        s0 = fma(a0, v128.load(from), s0);
        s1 = fma(a0, v128.load(from, 16), s1);
        s2 = fma(a0, v128.load(from, 32), s2);
        s3 = fma(a0, v128.load(from, 48), s3);
        s4 = fma(a0, v128.load(from, 64), s4);
        s5 = fma(a0, v128.load(from, 80), s5);
        if (ASC_FEATURE_RELAXED_SIMD) {
          s6 = fma(a0, v128.load(from, 96), s6);
          s7 = fma(a0, v128.load(from, 112), s7);
          s8 = fma(a0, v128.load(from, 128), s8);
          s9 = fma(a0, v128.load(from, 144), s9);
        }
      } else if (rowsOf<R>() == 2) {
        const a1 = v128.load32_splat(a, 4);
        const b0 = v128.load(from);
        s0 = fma(a0, b0, s0);
        s5 = fma(a1, b0, s5);
        const b1 = v128.load(from, 16);
        s1 = fma(a0, b1, s1);
        s6 = fma(a1, b1, s6);
        const b2 = v128.load(from, 32);
        s2 = fma(a0, b2, s2);
        s7 = fma(a1, b2, s7);
        const b3 = v128.load(from, 48);
        s3 = fma(a0, b3, s3);
        s8 = fma(a1, b3, s8);
        if (ASC_FEATURE_RELAXED_SIMD) {
          const b4 = v128.load(from, 64);
          s4 = fma(a0, b4, s4);
          s9 = fma(a1, b4, s9);
        }
      } else {
        const a1 = v128.load32_splat(a, 4);
        const a2 = v128.load32_splat(a, 8);
        const b0 = v128.load(from);
        s0 = fma(a0, b0, s0);
        s3 = fma(a1, b0, s3);
        s6 = fma(a2, b0, s6);
        const b1 = v128.load(from, 16);
        s1 = fma(a0, b1, s1);
        s4 = fma(a1, b1, s4);
        s7 = fma(a2, b1, s7);
        if (ASC_FEATURE_RELAXED_SIMD) {
          const b2 = v128.load(from, 32);
          s2 = fma(a0, b2, s2);
          s5 = fma(a1, b2, s5);
          s8 = fma(a2, b2, s8);
        }
      }
      a += rowsOf<R>() << 2;
    }
    putRow(c, s0, s1, bias, mode);
    if (rowsOf<R>() == 1) {
      putRow(c + 32, s2, s3, bias, mode);
      putRow(c + 64, s4, s5, bias, mode);
      if (ASC_FEATURE_RELAXED_SIMD) {
        putRow(c + 96, s6, s7, bias, mode);
        putRow(c + 128, s8, s9, bias, mode);
      }
    } else if (rowsOf<R>() == 2) {
      const d = c + stride;
      putRow(c + 32, s2, s3, bias, mode);
      putRow(d, s5, s6, bias + 4, mode);
      putRow(d + 32, s7, s8, bias + 4, mode);
      if (ASC_FEATURE_RELAXED_SIMD) {
        put(c + 64, s4, v128.load32_splat(bias), mode);
        put(d + 64, s9, v128.load32_splat(bias, 4), mode);
      }
    } else {
      const d = c + stride;
      putRow(d, s3, s4, bias + 4, mode);
      putRow(d + stride, s6, s7, bias + 8, mode);
      if (ASC_FEATURE_RELAXED_SIMD) {
        put(c + 32, s2, v128.load32_splat(bias), mode);
        put(d + 32, s5, v128.load32_splat(bias, 4), mode);
        put(d + stride + 32, s8, v128.load32_splat(bias, 8), mode);
      }
    }
    b += <usize>thinColumns(rowsOf<R>()) << 2;
    c += <usize>thinColumns(rowsOf<R>()) << 2;
  }
}

/** A tile of 1 to 3 filters over `count` times as many columns as `thinColumns` says. */
export function multiplyThin(rows: i32, count: i32, b: usize, table: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  if (rows == 1) thin<Rows1>(count, b, table, k, a, c, stride, bias, mode);
  else if (rows == 2) thin<Rows2>(count, b, table, k, a, c, stride, bias, mode);
  else thin<Rows3>(count, b, table, k, a, c, stride, bias, mode);
}
