// The register tile that products, convolutions and weight-gradients share: R rows of a left operand A times 8 columns of a
// right operand B, step by step. 12 accumulators, 2 columns and 1 number fill the 15 vector registers that V8 has. An
// engine that joins the halves of a panel into registers of 256 bits holds two panels side by side, whose 12 sums hide the
// latency of an addition that 6 don't: 6x16, which any other engine would spill and the self-test doesn't choose there.
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

/** Where a tile finds its operands, likewise: rows of A as they lie, a number a step; steps of B `bStep` bytes apart. */
// @ts-ignore: decorator
@unmanaged export class InPlace { a: u8; }
/** A packed [steps, R]; each step of B at its byte offset in the table `bStep`. */
// @ts-ignore: decorator
@unmanaged export class Tabled { a: u8; b: u8; }
/** A packed [steps, R], B packed [steps, 8]. */
// @ts-ignore: decorator
@unmanaged export class Packed { a: u8; b: u8; c: u8; }
/** Each row of A at its byte offset in the table `aRow` plus each step's in the table `bStep`; B packed [steps, 8]. */
// @ts-ignore: decorator
@unmanaged export class Gathered { a: u8; b: u8; c: u8; d: u8; }

// @ts-ignore: decorator
@inline
export function rowsOf<R>(): i32 {
  return <i32>offsetof<R>();
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

// @ts-ignore: decorator
@inline
function isA<K, L>(): bool {
  return offsetof<K>() == offsetof<L>();
}

// @ts-ignore: decorator
@inline
function isPacked<K>(): bool {
  return isA<K, Tabled>() || isA<K, Packed>();
}

/** What happens to a sum of a convolution when it is stored: it is added to what stands there, or to the bias; relu. */
export const ADD: i32 = 1;
export const RELU: i32 = 2;

/** Both halves of a row's sum, with what stands at `before` if that is to be added. V8 joins only what no store separates. */
// @ts-ignore: decorator
@inline
export function storeSums(c: usize, low: v128, high: v128, before: usize, adds: bool): void {
  if (adds) {
    low = f32x4.add(v128.load(before), low);
    high = f32x4.add(v128.load(before, 16), high);
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/** Both halves of a row's sum in a convolution's output: see `ADD` and `RELU`. */
// @ts-ignore: decorator
@inline
export function storeOutputs(c: usize, low: v128, high: v128, bias: usize, mode: i32): void {
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

// @ts-ignore: decorator
@inline
function putRow<P, K>(c: usize, cPanel: usize, s0: v128, s1: v128, s2: v128, s3: v128, before: usize, adds: bool, mode: i32): void {
  if (isA<K, Tabled>()) {
    storeOutputs(c, s0, s1, before, mode);
    if (rowsOf<P>() == 2) storeOutputs(c + cPanel, s2, s3, before, mode);
  } else {
    storeSums(c, s0, s1, before, adds);
    if (rowsOf<P>() == 2) storeSums(c + cPanel, s2, s3, before + cPanel, adds);
  }
}

/**
 * C [R, 8] = before + A [R, steps] · B [steps, 8]; with `Pair` the same for a panel of B `bPanel` bytes further and one of C
 * at `cPanel`. `before` is what stands in rows `beforeRow` bytes apart, or 0; for `Tabled` it is the bias of the rows.
 */
// @ts-ignore: decorator
@inline
export function tile<R, P, K>(
  steps: i32, a: usize, aRow: usize, b: usize, bStep: usize, bPanel: usize,
  c: usize, cRow: usize, cPanel: usize, before: usize, beforeRow: usize, mode: i32,
): void {
  let a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow;
  if (isA<K, Gathered>()) {
    a0 = a + load<u32>(aRow);
    if (rowsOf<R>() > 1) a1 = a + load<u32>(aRow, 4);
    if (rowsOf<R>() > 2) a2 = a + load<u32>(aRow, 8);
    if (rowsOf<R>() > 3) a3 = a + load<u32>(aRow, 12);
    if (rowsOf<R>() > 4) a4 = a + load<u32>(aRow, 16);
    if (rowsOf<R>() > 5) a5 = a + load<u32>(aRow, 20);
  }
  let s00 = splat(0.0), s01 = splat(0.0), s02 = splat(0.0), s03 = splat(0.0);
  let s10 = splat(0.0), s11 = splat(0.0), s12 = splat(0.0), s13 = splat(0.0);
  let s20 = splat(0.0), s21 = splat(0.0), s22 = splat(0.0), s23 = splat(0.0);
  let s30 = splat(0.0), s31 = splat(0.0), s32 = splat(0.0), s33 = splat(0.0);
  let s40 = splat(0.0), s41 = splat(0.0), s42 = splat(0.0), s43 = splat(0.0);
  let s50 = splat(0.0), s51 = splat(0.0), s52 = splat(0.0), s53 = splat(0.0);
  let at = isA<K, InPlace>() ? a : isA<K, Packed>() ? b : bStep;
  const end = at + (isA<K, Packed>() ? <usize>steps << 5 : <usize>steps << 2);
  while ((isA<K, InPlace>() ? a0 : isA<K, Packed>() ? b : at) < end) {
    const shift = isA<K, Tabled>() || isA<K, Gathered>() ? <usize>load<u32>(at) : 0;
    const from = isA<K, Tabled>() ? b + shift : b;
    const b0 = v128.load(from);
    const b1 = v128.load(from, 16);
    const b2 = rowsOf<P>() == 2 ? v128.load(from + bPanel) : b0;
    const b3 = rowsOf<P>() == 2 ? v128.load(from + bPanel, 16) : b1;
    const x0 = isA<K, Gathered>() ? v128.load32_splat(a0 + shift) : v128.load32_splat(a0);
    s00 = fma(x0, b0, s00);
    s01 = fma(x0, b1, s01);
    if (rowsOf<P>() == 2) {
      s02 = fma(x0, b2, s02);
      s03 = fma(x0, b3, s03);
    }
    if (rowsOf<R>() > 1) {
      const x1 = isPacked<K>() ? v128.load32_splat(a0, 4) : isA<K, Gathered>() ? v128.load32_splat(a1 + shift) : v128.load32_splat(a1);
      s10 = fma(x1, b0, s10);
      s11 = fma(x1, b1, s11);
      if (rowsOf<P>() == 2) {
        s12 = fma(x1, b2, s12);
        s13 = fma(x1, b3, s13);
      }
    }
    if (rowsOf<R>() > 2) {
      const x2 = isPacked<K>() ? v128.load32_splat(a0, 8) : isA<K, Gathered>() ? v128.load32_splat(a2 + shift) : v128.load32_splat(a2);
      s20 = fma(x2, b0, s20);
      s21 = fma(x2, b1, s21);
      if (rowsOf<P>() == 2) {
        s22 = fma(x2, b2, s22);
        s23 = fma(x2, b3, s23);
      }
    }
    if (rowsOf<R>() > 3) {
      const x3 = isPacked<K>() ? v128.load32_splat(a0, 12) : isA<K, Gathered>() ? v128.load32_splat(a3 + shift) : v128.load32_splat(a3);
      s30 = fma(x3, b0, s30);
      s31 = fma(x3, b1, s31);
      if (rowsOf<P>() == 2) {
        s32 = fma(x3, b2, s32);
        s33 = fma(x3, b3, s33);
      }
    }
    if (rowsOf<R>() > 4) {
      const x4 = isPacked<K>() ? v128.load32_splat(a0, 16) : isA<K, Gathered>() ? v128.load32_splat(a4 + shift) : v128.load32_splat(a4);
      s40 = fma(x4, b0, s40);
      s41 = fma(x4, b1, s41);
      if (rowsOf<P>() == 2) {
        s42 = fma(x4, b2, s42);
        s43 = fma(x4, b3, s43);
      }
    }
    if (rowsOf<R>() > 5) {
      const x5 = isPacked<K>() ? v128.load32_splat(a0, 20) : isA<K, Gathered>() ? v128.load32_splat(a5 + shift) : v128.load32_splat(a5);
      s50 = fma(x5, b0, s50);
      s51 = fma(x5, b1, s51);
      if (rowsOf<P>() == 2) {
        s52 = fma(x5, b2, s52);
        s53 = fma(x5, b3, s53);
      }
    }
    if (isPacked<K>()) a0 += rowsOf<R>() << 2;
    if (isA<K, InPlace>()) {
      a0 += 4;
      if (rowsOf<R>() > 1) a1 += 4;
      if (rowsOf<R>() > 2) a2 += 4;
      if (rowsOf<R>() > 3) a3 += 4;
      if (rowsOf<R>() > 4) a4 += 4;
      if (rowsOf<R>() > 5) a5 += 4;
      b += bStep;
    } else if (!isA<K, Tabled>()) {
      b += 32;
    }
    if (isA<K, Tabled>() || isA<K, Gathered>()) at += 4;
  }
  const adds = isA<K, Gathered>() || before != 0;
  putRow<P, K>(c, cPanel, s00, s01, s02, s03, before, adds, mode);
  if (rowsOf<R>() > 1) putRow<P, K>((c += cRow), cPanel, s10, s11, s12, s13, (before += beforeRow), adds, mode);
  if (rowsOf<R>() > 2) putRow<P, K>((c += cRow), cPanel, s20, s21, s22, s23, (before += beforeRow), adds, mode);
  if (rowsOf<R>() > 3) putRow<P, K>((c += cRow), cPanel, s30, s31, s32, s33, (before += beforeRow), adds, mode);
  if (rowsOf<R>() > 4) putRow<P, K>((c += cRow), cPanel, s40, s41, s42, s43, (before += beforeRow), adds, mode);
  if (rowsOf<R>() > 5) putRow<P, K>((c += cRow), cPanel, s50, s51, s52, s53, (before += beforeRow), adds, mode);
}
