// A product of few rows with many, both contiguous: y[few, many] = few [few, k] · many [many, k]ᵀ. Nothing is packed, for
// the many are read once: four of them at a time against two of the few, 8 sums of 4 lanes each in registers. The lanes
// are added at the end, (0 + 2) + (1 + 3), so that a result does not depend on where its row falls in a tile.
import { MatmulDotsParams } from '../build/params';
import { activate } from './matmul_finish';
import { fma, loadTail, loadUpTo, operand, splat, storeUpTo } from './simd';
import { offsetOf } from './walk';

/** The sums of four vectors. */
// @ts-ignore: decorator
@inline
function sums4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}

/** Dot products of rows x and, where `pair`, x + xRow with four rows w at `w0` .. `w3`; left at `to`. */
// @ts-ignore: decorator
@inline
function dots(pair: bool, k: i32, x: usize, xRow: usize, w0: usize, w1: usize, w2: usize, w3: usize, to: usize): void {
  let x1 = x + xRow;
  let c00 = splat(0.0), c01 = splat(0.0), c02 = splat(0.0), c03 = splat(0.0);
  let c10 = splat(0.0), c11 = splat(0.0), c12 = splat(0.0), c13 = splat(0.0);
  const end = x + ((k & ~3) << 2);
  while (x < end) {
    const b0 = v128.load(x);
    const a0 = v128.load(w0);
    const a1 = v128.load(w1);
    const a2 = v128.load(w2);
    const a3 = v128.load(w3);
    c00 = fma(a0, b0, c00);
    c01 = fma(a1, b0, c01);
    c02 = fma(a2, b0, c02);
    c03 = fma(a3, b0, c03);
    if (pair) {
      const b1 = v128.load(x1);
      c10 = fma(a0, b1, c10);
      c11 = fma(a1, b1, c11);
      c12 = fma(a2, b1, c12);
      c13 = fma(a3, b1, c13);
      x1 += 16;
    }
    x += 16;
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  const rest = k & 3;
  if (rest) {
    const b0 = loadTail(x, rest);
    const a0 = loadTail(w0, rest);
    const a1 = loadTail(w1, rest);
    const a2 = loadTail(w2, rest);
    const a3 = loadTail(w3, rest);
    c00 = fma(a0, b0, c00);
    c01 = fma(a1, b0, c01);
    c02 = fma(a2, b0, c02);
    c03 = fma(a3, b0, c03);
    if (pair) {
      const b1 = loadTail(x1, rest);
      c10 = fma(a0, b1, c10);
      c11 = fma(a1, b1, c11);
      c12 = fma(a2, b1, c12);
      c13 = fma(a3, b1, c13);
    }
  }
  v128.store(to, sums4(c00, c01, c02, c03));
  if (pair) v128.store(to, sums4(c10, c11, c12, c13), 16);
}

function dots1(k: i32, x: usize, w0: usize, w1: usize, w2: usize, w3: usize, to: usize): void { dots(false, k, x, 0, w0, w1, w2, w3, to); }
function dots2(k: i32, x: usize, xRow: usize, w0: usize, w1: usize, w2: usize, w3: usize, to: usize): void { dots(true, k, x, xRow, w0, w1, w2, w3, to); }

/** Operands: few, many, bias or 0, y. Scratch: 8 sums. A unit is `chunk` of the many, a multiple of 4. */
export function matmul_f32__dots(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulDotsParams>(params);
  const many = <i32>p.many;
  const few = <i32>p.few;
  const chunk = <i32>p.chunk;
  const k = <i32>p.k;
  const row = <usize>k << 2;
  const perBatch = (many + chunk - 1) / chunk;
  const shape = params + offsetof<MatmulDotsParams>('batchShape0');
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / perBatch;
    const first = (unit - batch * perBatch) * chunk;
    const x = operand(o, 0) + (offsetOf(batch, 4, shape, params + offsetof<MatmulDotsParams>('fewBatch0')) << 2);
    const w = operand(o, 1) + (offsetOf(batch, 4, shape, params + offsetof<MatmulDotsParams>('manyBatch0')) << 2);
    const y = operand(o, 3) + ((batch * few * many) << 2);
    for (let j = first; j < min(many, first + chunk); j += 4) {
      const count = min(4, many - j);
      const w0 = w + j * row;
      const w1 = w + (j + min(1, count - 1)) * row;
      const w2 = w + (j + min(2, count - 1)) * row;
      const w3 = w + (j + count - 1) * row;
      for (let i = 0; i < few; i += 2) {
        const rows = min(2, few - i);
        if (rows == 2) dots2(k, x + i * row, row, w0, w1, w2, w3, scratch);
        else dots1(k, x + i * row, w0, w1, w2, w3, scratch);
        for (let r = 0; r < rows; r++) {
          let sums = v128.load(scratch + (r << 4));
          const bias = operand(o, 2) + (((i + r) * p.biasFew + j * p.biasMany) << 2);
          if (operand(o, 2)) sums = f32x4.add(p.biasFew ? v128.load32_splat(bias) : loadUpTo(bias, count), sums);
          sums = activate(p.activation, sums);
          const to = y + (((i + r) * p.yFew + j * p.yMany) << 2);
          if (p.yMany == 1) {
            storeUpTo(to, sums, count);
          } else {
            const step = p.yMany << 2;
            v128.store_lane<u32>(to, sums, 0);
            if (count > 1) v128.store_lane<u32>(to + step, sums, 1);
            if (count > 2) v128.store_lane<u32>(to + 2 * step, sums, 2);
            if (count > 3) v128.store_lane<u32>(to + 3 * step, sums, 3);
          }
        }
      }
    }
  }
}
