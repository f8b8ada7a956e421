// The products of all places of a Winograd tile in one call, for a product of 16 to 64 channels is too short to be called by itself:
// R filters times a panel of 8 tiles at each place. 12 accumulators, 2 columns and 1 row fill the 15 vector registers that
// V8 has; the panel's address counts the steps, since without fused multiply-add the number of instructions is the limit.
import { fma, splat } from './simd';
import { Rows3, Rows4, Rows5, Rows6, rowsOf } from './tile';

/** m [count, R, 8] = a [count, depth / 4, R] · b [count, depth / 4, 8]; 16 R bytes lie between the places of a, 64 between b's. */
// @ts-ignore: decorator
@inline
function places<R>(count: usize, depth: usize, a: usize, b: usize, m: usize): void {
  const stop = m + (rowsOf<R>() << 5) * count;
  while (m < stop) {
    let c00 = splat(0.0), c01 = splat(0.0), c10 = splat(0.0), c11 = splat(0.0);
    let c20 = splat(0.0), c21 = splat(0.0), c30 = splat(0.0), c31 = splat(0.0);
    let c40 = splat(0.0), c41 = splat(0.0), c50 = splat(0.0), c51 = splat(0.0);
    const end = b + (depth << 3);
    while (b < end) {
      const low = v128.load(b);
      const high = v128.load(b, 16);
      const a0 = v128.load32_splat(a);
      c00 = fma(a0, low, c00);
      c01 = fma(a0, high, c01);
      const a1 = v128.load32_splat(a, 4);
      c10 = fma(a1, low, c10);
      c11 = fma(a1, high, c11);
      const a2 = v128.load32_splat(a, 8);
      c20 = fma(a2, low, c20);
      c21 = fma(a2, high, c21);
      if (rowsOf<R>() > 3) {
        const a3 = v128.load32_splat(a, 12);
        c30 = fma(a3, low, c30);
        c31 = fma(a3, high, c31);
      }
      if (rowsOf<R>() > 4) {
        const a4 = v128.load32_splat(a, 16);
        c40 = fma(a4, low, c40);
        c41 = fma(a4, high, c41);
      }
      if (rowsOf<R>() > 5) {
        const a5 = v128.load32_splat(a, 20);
        c50 = fma(a5, low, c50);
        c51 = fma(a5, high, c51);
      }
      a += rowsOf<R>() << 2;
      b += 32;
    }
    storeRow(m, c00, c01);
    storeRow(m + 32, c10, c11);
    storeRow(m + 64, c20, c21);
    if (rowsOf<R>() > 3) storeRow(m + 96, c30, c31);
    if (rowsOf<R>() > 4) storeRow(m + 128, c40, c41);
    if (rowsOf<R>() > 5) storeRow(m + 160, c50, c51);
    m += rowsOf<R>() << 5;
    a += rowsOf<R>() << 4;
    b += 64;
  }
}

// @ts-ignore: decorator
@inline
function storeRow(m: usize, low: v128, high: v128): void {
  v128.store(m, low);
  v128.store(m, high, 16);
}

function places3(count: usize, depth: usize, a: usize, b: usize, m: usize): void { places<Rows3>(count, depth, a, b, m); }
function places4(count: usize, depth: usize, a: usize, b: usize, m: usize): void { places<Rows4>(count, depth, a, b, m); }
function places5(count: usize, depth: usize, a: usize, b: usize, m: usize): void { places<Rows5>(count, depth, a, b, m); }
function places6(count: usize, depth: usize, a: usize, b: usize, m: usize): void { places<Rows6>(count, depth, a, b, m); }

/** `places` for 3 to 6 rows, which is what 9 filters and more are cut into. */
// @ts-ignore: decorator
@inline
export function multiplyPlaces(rows: i32, count: usize, depth: usize, a: usize, b: usize, m: usize): void {
  if (rows == 6) places6(count, depth, a, b, m);
  else if (rows == 4) places4(count, depth, a, b, m);
  else if (rows == 5) places5(count, depth, a, b, m);
  else places3(count, depth, a, b, m);
}
