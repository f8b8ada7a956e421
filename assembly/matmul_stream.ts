// A product of few rows with a matrix that is read once, from end to end: y[few, n] = x[few, k] · b[k, n]. A unit takes a
// part of b's rows and adds each, times a number, to its own y, which stays in the cache; another pass adds the parts. What
// must come from memory comes one row at a time, for a single sequential stream is the only one at the memory's speed.
import { MatmulStreamParams, MatmulSumParams } from '../build/params';
import { activate } from './matmul_finish';
import { fma, loadUpTo, operand, splat, storeUpTo } from './simd';
import { cut } from './tile';
import { offsetOf } from './walk';

/** y += x[0..4] · four rows of b, `row` bytes apart; `count` columns. */
function add4(x: usize, b: usize, row: usize, y: usize, count: i32): void {
  const x0 = v128.load32_splat(x);
  const x1 = v128.load32_splat(x, 4);
  const x2 = v128.load32_splat(x, 8);
  const x3 = v128.load32_splat(x, 12);
  const b1 = row;
  const b2 = b1 + row;
  const b3 = b2 + row;
  const end = y + ((count & ~3) << 2);
  for (; y < end; y += 16) {
    v128.store(y, fma(x3, v128.load(b + b3), fma(x2, v128.load(b + b2), fma(x1, v128.load(b + b1), fma(x0, v128.load(b), v128.load(y))))));
    b += 16;
  }
  const rest = count & 3;
  if (rest) {
    const sums = fma(x1, loadUpTo(b + b1, rest), fma(x0, loadUpTo(b, rest), loadUpTo(y, rest)));
    storeUpTo(y, fma(x3, loadUpTo(b + b3, rest), fma(x2, loadUpTo(b + b2, rest), sums)), rest);
  }
}

/** y += x[0] · one row of b. */
function add1(x: usize, b: usize, y: usize, count: i32): void {
  const x0 = v128.load32_splat(x);
  const end = y + ((count & ~3) << 2);
  for (; y < end; y += 16) {
    v128.store(y, fma(x0, v128.load(b), v128.load(y)));
    b += 16;
  }
  const rest = count & 3;
  if (rest) storeUpTo(y, fma(x0, loadUpTo(b, rest), loadUpTo(y, rest)), rest);
}

/** Operands: x, b, parts [batch, parts, few, n]. A unit is a stripe of the columns of a part. */
export function matmul_f32__stream(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulStreamParams>(params);
  const n = <i32>p.n;
  const k = <i32>p.k;
  const few = <i32>p.few;
  const parts = <i32>p.parts;
  const stripes = <i32>p.stripes;
  const row = <usize>n << 2;
  const shape = params + offsetof<MatmulStreamParams>('batchShape0');
  for (let unit = begin; unit < end; unit++) {
    const area = unit / stripes;
    const stripe = unit - area * stripes;
    const batch = area / parts;
    const part = area - batch * parts;
    const column = cut(n, stripes, stripe);
    const columns = cut(n, stripes, stripe + 1) - column;
    const last = cut(k, parts, part + 1);
    const x = operand(o, 0) + (offsetOf(batch, 4, shape, params + offsetof<MatmulStreamParams>('xBatch0')) << 2);
    const b = operand(o, 1) + ((offsetOf(batch, 4, shape, params + offsetof<MatmulStreamParams>('bBatch0')) + column) << 2);
    const y = operand(o, 2) + ((area * few * n + column) << 2);
    for (let i = 0; i < few; i++) memory.fill(y + i * row, 0, columns << 2);
    for (let step = cut(k, parts, part); step < last; ) {
      const four = p.together > 1 && step + 4 <= last;
      const from = b + step * row;
      for (let i = 0; i < few; i++) {
        const numbers = x + ((i * k + step) << 2);
        if (four) add4(numbers, from, row, y + i * row, columns);
        else add1(numbers, from, y + i * row, columns);
      }
      step += four ? 4 : 1;
    }
  }
}

/** y [size] = activation(bias + the parts). Operands: parts [⌈size / block⌉, parts, block], bias or 0, y. A unit is 1024 numbers. */
export function matmul_sum_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulSumParams>(params);
  const n = <i32>p.n;
  const block = <i32>p.block;
  const perBlock = (block + 1023) >> 10;
  for (let unit = begin; unit < end; unit++) {
    const index = unit / perBlock;
    const first = (unit - index * perBlock) << 10;
    const from = operand(o, 0) + ((index * <i32>p.parts * block) << 2);
    const to = operand(o, 2) + ((index * block) << 2);
    const last = min(block, first + 1024);
    for (let i = first; i < last; ) {
      const column = i % n;
      const count = min(min(4, n - column), last - i);
      const bias = operand(o, 1);
      let sums = bias ? loadUpTo(bias + (column << 2), count) : splat(0.0);
      for (let part = 0; part < <i32>p.parts; part++) sums = f32x4.add(sums, loadUpTo(from + ((part * block + i) << 2), count));
      storeUpTo(to + (i << 2), sums, count);
      i += count;
    }
    if (p.activation) activate(p.activation, to + (first << 2), last - first);
  }
}
