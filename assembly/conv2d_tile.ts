// The register tiles of the convolution: R filters times 8 pixels, several panels of 8 pixels a call, so that filters stay
// in the first cache and the loop's set-up is paid once; and for one to three filters, R filters times 40, 20 or 12 pixels.
import { fma, splat } from './simd';
import { Rows1, Rows2, Rows3, Rows4, Rows5, Rows6, rowsOf } from './tile';

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

// @ts-ignore: decorator
@inline
function putRow(c: usize, low: v128, high: v128, bias: usize, mode: i32): void {
  const b = v128.load32_splat(bias);
  put(c, low, b, mode);
  put(c + 16, high, b, mode);
}

/**
 * C [R, 8 count] = bias + A [depth, R] · B: panel i of C's columns is read at the i-th pair of `panels`, an address and a
 * table of byte offsets, one for each step, of which `skip` bytes are passed over. Every block of the depth starts at zero
 * and is then added, which keeps the rounding error of long sums small. 12 accumulators, 2 columns and 1 row fill the
 * 15 vector registers that V8 has.
 */
// @ts-ignore: decorator
@inline
function panels<R>(count: i32, panels: usize, skip: usize, depth: i32, tile: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  const end = panels + (count << 3);
  for (; panels < end; panels += 8) {
    const b = <usize>load<u32>(panels);
    let table = load<u32>(panels, 4) + skip;
    const last = table + (depth << 2);
    let a = tile;
    let c00 = splat(0.0), c01 = splat(0.0), c10 = splat(0.0), c11 = splat(0.0);
    let c20 = splat(0.0), c21 = splat(0.0), c30 = splat(0.0), c31 = splat(0.0);
    let c40 = splat(0.0), c41 = splat(0.0), c50 = splat(0.0), c51 = splat(0.0);
    for (; table < last; table += 4) {
      const from = b + load<u32>(table);
      const b0 = v128.load(from);
      const b1 = v128.load(from, 16);
      const a0 = v128.load32_splat(a);
      c00 = fma(a0, b0, c00);
      c01 = fma(a0, b1, c01);
      if (rowsOf<R>() > 1) {
        const a1 = v128.load32_splat(a, 4);
        c10 = fma(a1, b0, c10);
        c11 = fma(a1, b1, c11);
      }
      if (rowsOf<R>() > 2) {
        const a2 = v128.load32_splat(a, 8);
        c20 = fma(a2, b0, c20);
        c21 = fma(a2, b1, c21);
      }
      if (rowsOf<R>() > 3) {
        const a3 = v128.load32_splat(a, 12);
        c30 = fma(a3, b0, c30);
        c31 = fma(a3, b1, c31);
      }
      if (rowsOf<R>() > 4) {
        const a4 = v128.load32_splat(a, 16);
        c40 = fma(a4, b0, c40);
        c41 = fma(a4, b1, c41);
      }
      if (rowsOf<R>() > 5) {
        const a5 = v128.load32_splat(a, 20);
        c50 = fma(a5, b0, c50);
        c51 = fma(a5, b1, c51);
      }
      a += rowsOf<R>() << 2;
    }
    putRow(c, c00, c01, bias, mode);
    if (rowsOf<R>() > 1) putRow(c + stride, c10, c11, bias + 4, mode);
    if (rowsOf<R>() > 2) putRow(c + 2 * stride, c20, c21, bias + 8, mode);
    if (rowsOf<R>() > 3) putRow(c + 3 * stride, c30, c31, bias + 12, mode);
    if (rowsOf<R>() > 4) putRow(c + 4 * stride, c40, c41, bias + 16, mode);
    if (rowsOf<R>() > 5) putRow(c + 5 * stride, c50, c51, bias + 20, mode);
    c += 32;
  }
}

function panels1(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows1>(n, p, skip, k, a, c, stride, bias, mode); }
function panels2(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows2>(n, p, skip, k, a, c, stride, bias, mode); }
function panels3(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows3>(n, p, skip, k, a, c, stride, bias, mode); }
function panels4(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows4>(n, p, skip, k, a, c, stride, bias, mode); }
function panels5(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows5>(n, p, skip, k, a, c, stride, bias, mode); }
function panels6(n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void { panels<Rows6>(n, p, skip, k, a, c, stride, bias, mode); }

/** A tile of `rows` (1 to 6) filters over `n` panels. */
export function multiplyPanels(rows: i32, n: i32, p: usize, skip: usize, k: i32, a: usize, c: usize, stride: usize, bias: usize, mode: i32): void {
  if (rows == 6) panels6(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 5) panels5(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 4) panels4(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 3) panels3(n, p, skip, k, a, c, stride, bias, mode);
  else if (rows == 2) panels2(n, p, skip, k, a, c, stride, bias, mode);
  else panels1(n, p, skip, k, a, c, stride, bias, mode);
}
