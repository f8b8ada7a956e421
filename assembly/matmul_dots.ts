// A product of few rows with many, both contiguous: y[few, many] = few [few, k] · many [many, k]ᵀ. Nothing is packed, for
// the many are read once. Against one or two rows they are read one at a time, for a single sequential stream is the only
// one at the memory's speed; against more, four at a time and two of the few: 8 sums of 4 lanes in registers, six loads for eight
// products. Beyond the second cache a unit's rows are fetched in order first, since four streams at once wait for each line.
import { MatmulDotsParams } from '../build/params';
import { fma, loadUpTo, operand, splat, storeUpTo, sumLanes, transpose4 } from './simd';
import { touch } from './touch';
import { offsetOf } from './walk';

/** The products of rows x and x + xRow with four rows, four lanes of each at `to`. */
function dots2x4(k: i32, x: usize, xRow: usize, w0: usize, w1: usize, w2: usize, w3: usize, to: usize): void {
  let x1 = x + xRow;
  let c00 = splat(0.0), c01 = splat(0.0), c02 = splat(0.0), c03 = splat(0.0);
  let c10 = splat(0.0), c11 = splat(0.0), c12 = splat(0.0), c13 = splat(0.0);
  const end = x + ((k & ~3) << 2);
  while (x < end) {
    const b0 = v128.load(x);
    const b1 = v128.load(x1);
    const a0 = v128.load(w0);
    c00 = fma(a0, b0, c00);
    c10 = fma(a0, b1, c10);
    const a1 = v128.load(w1);
    c01 = fma(a1, b0, c01);
    c11 = fma(a1, b1, c11);
    const a2 = v128.load(w2);
    c02 = fma(a2, b0, c02);
    c12 = fma(a2, b1, c12);
    const a3 = v128.load(w3);
    c03 = fma(a3, b0, c03);
    c13 = fma(a3, b1, c13);
    x += 16;
    x1 += 16;
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  v128.store(to, c02, 32);
  v128.store(to, c03, 48);
  v128.store(to, c10, 64);
  v128.store(to, c11, 80);
  v128.store(to, c12, 96);
  v128.store(to, c13, 112);
}

/** The lanes of four vectors added, and the last `rest` (0 to 3) products of row x with four rows. */
function sumDots(from: usize, rest: i32, x: usize, w0: usize, w1: usize, w2: usize, w3: usize): v128 {
  transpose4(from, 16, from, 16);
  let sums = f32x4.add(f32x4.add(v128.load(from), v128.load(from, 16)), f32x4.add(v128.load(from, 32), v128.load(from, 48)));
  for (let i = 0; i < rest << 2; i += 4) {
    let w = v128.load32_zero(w0 + i);
    w = v128.load_lane<u32>(w1 + i, w, 1);
    w = v128.load_lane<u32>(w2 + i, w, 2);
    w = v128.load_lane<u32>(w3 + i, w, 3);
    sums = fma(w, v128.load32_splat(x + i), sums);
  }
  return sums;
}

/** The product of row x with one row, at `to`. */
function dot(k: i32, x: usize, w: usize, to: usize): void {
  let c0 = splat(0.0), c1 = splat(0.0), c2 = splat(0.0), c3 = splat(0.0);
  const end = x + ((k & ~15) << 2);
  while (x < end) {
    c0 = fma(v128.load(w), v128.load(x), c0);
    c1 = fma(v128.load(w, 16), v128.load(x, 16), c1);
    c2 = fma(v128.load(w, 32), v128.load(x, 32), c2);
    c3 = fma(v128.load(w, 48), v128.load(x, 48), c3);
    x += 64;
    w += 64;
  }
  for (let left = k & 15; left > 0; left -= 4) {
    c0 = fma(loadUpTo(w, left), loadUpTo(x, left), c0);
    x += 16;
    w += 16;
  }
  store<f32>(to, sumLanes(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3))));
}

/** Operands: few, many, y. Scratch: 8 vectors. A unit is `chunk` of the many, a multiple of 4. */
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
    const y = operand(o, 2) + ((batch * few * many) << 2);
    if (few > 1 && (many * k) >> 20) touch(w + first * row, w + min(many, first + chunk) * row, scratch);
    for (let j = first; j < min(many, first + chunk); j += 4) {
      const count = min(4, many - j);
      const w0 = w + j * row;
      const w1 = w + (j + min(1, count - 1)) * row;
      const w2 = w + (j + min(2, count - 1)) * row;
      const w3 = w + (j + count - 1) * row;
      const end0 = w0 + ((k & ~3) << 2);
      for (let i = 0, rows = 0; i < few; i += rows) {
        rows = min(p.together > 1 ? 2 : 1, few - i);
        const from = x + i * row;
        if (rows == 2) dots2x4(k, from, row, w0, w1, w2, w3, scratch);
        else for (let r = 0; r < count; r++) dot(k, from, w0 + r * row, scratch + (r << 2));
        for (let r = 0; r < rows; r++) {
          const sums = rows == 2 ? sumDots(scratch + (r << 6), k & 3, from + r * row + ((k & ~3) << 2), end0, w1 - w0 + end0, w2 - w0 + end0, w3 - w0 + end0) : v128.load(scratch);
          const to = y + (((i + r) * p.yFew + j * p.yMany) << 2);
          if (p.yMany == 1) {
            storeUpTo(to, sums, count);
          } else {
            v128.store(scratch, sums);
            for (let c = 0; c < count; c++) store<f32>(to + c * (p.yMany << 2), load<f32>(scratch + (c << 2)));
          }
        }
      }
    }
  }
}
