// The register tile that products and convolutions share: R rows of a packed left operand times 8 columns.
import { fma, splat } from './simd';

// A tile's rows as the size of a class, so that `rowsOf<R>()` is a constant of the compilation.
// @ts-ignore: decorator
@unmanaged export class Rows1 { a: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows2 { a: u8; b: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows3 { a: u8; b: u8; c: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows4 { a: u8; b: u8; c: u8; d: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows5 { a: u8; b: u8; c: u8; d: u8; e: u8; }
// @ts-ignore: decorator
@unmanaged export class Rows6 { a: u8; b: u8; c: u8; d: u8; e: u8; f: u8; }
/** Panels of 8 columns that a tile takes at a time, likewise: one, or two side by side. */
// @ts-ignore: decorator
@unmanaged export class Single { a: u8; }
// @ts-ignore: decorator
@unmanaged export class Pair { a: u8; b: u8; }

// @ts-ignore: decorator
@inline
export function rowsOf<R>(): i32 {
  return <i32>offsetof<R>();
}

/** c[row] = or += the two halves of a row's sum, with the row's bias at the first block of the depth. */
// @ts-ignore: decorator
@inline
function finish(c: usize, low: v128, high: v128, bias: usize, accumulate: bool): void {
  if (accumulate) {
    v128.store(c, f32x4.add(v128.load(c), low));
    v128.store(c, f32x4.add(v128.load(c, 16), high), 16);
  } else if (bias) {
    const b = v128.load32_splat(bias);
    v128.store(c, f32x4.add(low, b));
    v128.store(c, f32x4.add(high, b), 16);
  } else {
    v128.store(c, low);
    v128.store(c, high, 16);
  }
}

/**
 * C [R, 8] = or += A [depth, R] packed · B [depth, 8]. Every block of the depth starts at zero and is then added, which
 * keeps the rounding error of long sums small. `stride` is the distance of C's rows in bytes; 12 accumulators, 2 columns
 * and 1 row fill the 15 vector registers that V8 has.
 */
// @ts-ignore: decorator
@inline
function multiply<R>(depth: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, accumulate: bool): void {
  let c00 = splat(0.0), c01 = splat(0.0), c10 = splat(0.0), c11 = splat(0.0);
  let c20 = splat(0.0), c21 = splat(0.0), c30 = splat(0.0), c31 = splat(0.0);
  let c40 = splat(0.0), c41 = splat(0.0), c50 = splat(0.0), c51 = splat(0.0);
  for (let step = 0; step < depth; step++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
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
  const move = bias ? 4 : 0;
  finish(c, c00, c01, bias, accumulate);
  if (rowsOf<R>() > 1) finish((c += stride), c10, c11, (bias += move), accumulate);
  if (rowsOf<R>() > 2) finish((c += stride), c20, c21, (bias += move), accumulate);
  if (rowsOf<R>() > 3) finish((c += stride), c30, c31, (bias += move), accumulate);
  if (rowsOf<R>() > 4) finish((c += stride), c40, c41, (bias += move), accumulate);
  if (rowsOf<R>() > 5) finish((c += stride), c50, c51, (bias += move), accumulate);
}

function packed1(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows1>(k, a, b, c, stride, bias, more); }
function packed2(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows2>(k, a, b, c, stride, bias, more); }
function packed3(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows3>(k, a, b, c, stride, bias, more); }
function packed4(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows4>(k, a, b, c, stride, bias, more); }
function packed5(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows5>(k, a, b, c, stride, bias, more); }
function packed6(k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void { multiply<Rows6>(k, a, b, c, stride, bias, more); }

/** One tile of `rows` (1 to 6) rows over a packed panel. */
// @ts-ignore: decorator
@inline
export function multiplyPacked(rows: i32, k: i32, a: usize, b: usize, c: usize, stride: usize, bias: usize, more: bool): void {
  if (rows == 6) packed6(k, a, b, c, stride, bias, more);
  else if (rows == 4) packed4(k, a, b, c, stride, bias, more);
  else if (rows == 5) packed5(k, a, b, c, stride, bias, more);
  else if (rows == 3) packed3(k, a, b, c, stride, bias, more);
  else if (rows == 2) packed2(k, a, b, c, stride, bias, more);
  else packed1(k, a, b, c, stride, bias, more);
}

/** Size of the blocks when a sum over `length` is cut into near-equal blocks of at most `most`. */
// @ts-ignore: decorator
@inline
export function blockOf(length: i32, most: i32): i32 {
  const blocks = (length + most - 1) / most;
  return blocks == 0 ? 0 : (length + blocks - 1) / blocks;
}

/** Where part `index` starts when `total` is cut into near-equal parts. */
// @ts-ignore: decorator
@inline
export function cut(total: i32, parts: i32, index: i32): i32 {
  const size = total / parts;
  return size * index + min(index, total - size * parts);
}
