// The register tiles of the convolution: R filters times 8 pixels, several panels of 8 pixels a call, so that filters stay
// in the first cache and the loop's set-up is paid once; and for one to three filters, R filters times 40, 20 or 12 pixels.
import { fma, splat } from './simd';
import { ADD, Pair, storeOutputs, RELU, Rows1, Rows2, Rows3, Rows4, Rows5, Rows6, rowsOf, Single, Tabled, tile } from './tile';

/** `storeOutputs` of one vector. */
// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, bias: v128, mode: i32): void {
  let x = f32x4.add(sum, mode & ADD ? v128.load(c) : bias);
  if (mode & RELU) x = f32x4.pmax(x, splat(0.0));
  v128.store(c, x);
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
 * small.
 */
// @ts-ignore: decorator
@inline
function panels<R, P>(count: i32, list: usize, skip: usize, depth: i32, a: usize, y: usize, stride: usize, bias: usize, mode: i32): void {
  const end = list + count * offsetof<Panel>();
  for (; list < end; list += offsetof<Panel>() * rowsOf<P>()) {
    const panel = changetype<Panel>(list);
    const second = changetype<Panel>(list + offsetof<Panel>());
    const b = panel.from;
    const next = rowsOf<P>() == 2 ? second.from - b : 0;
    const across = rowsOf<P>() == 2 ? second.to - panel.to : 0;
    tile<R, P, Tabled>(depth, a, 0, b, panel.table + skip, next, y + panel.to, stride, across, bias, 4, mode);
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
    storeOutputs(c, s0, s1, bias, mode);
    if (rowsOf<R>() == 1) {
      storeOutputs(c + 32, s2, s3, bias, mode);
      storeOutputs(c + 64, s4, s5, bias, mode);
      if (ASC_FEATURE_RELAXED_SIMD) {
        storeOutputs(c + 96, s6, s7, bias, mode);
        storeOutputs(c + 128, s8, s9, bias, mode);
      }
    } else if (rowsOf<R>() == 2) {
      const d = c + stride;
      storeOutputs(c + 32, s2, s3, bias, mode);
      storeOutputs(d, s5, s6, bias + 4, mode);
      storeOutputs(d + 32, s7, s8, bias + 4, mode);
      if (ASC_FEATURE_RELAXED_SIMD) {
        put(c + 64, s4, v128.load32_splat(bias), mode);
        put(d + 64, s9, v128.load32_splat(bias, 4), mode);
      }
    } else {
      const d = c + stride;
      storeOutputs(d, s3, s4, bias + 4, mode);
      storeOutputs(d + stride, s6, s7, bias + 8, mode);
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
