// Standardisation where every row is a column of memory, one element per batch item ([batch, groups, 1, 1] over the batch).
// A unit is COLUMNS rows, side by side, whose sums lie in scratch: the batch is read line by line.
// src/ops/standardize.ts has the formulas.
import { StandardizeParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';

/** Rows of a unit; src/ops/standardize_call.ts has the same number. */
export const COLUMNS: i32 = 256;

/** Bytes of one list of a unit's numbers. */
const LIST: usize = <usize>COLUMNS << 2;

/** Whether rows are columns. */
// @ts-ignore: decorator
@inline
export function byColumns(p: StandardizeParams): bool {
  return p.overBatch != 0 && p.plane == 1;
}

/**
 * Operands: x, weight, bias, y, mean, variance; `count` rows from `row`. Scratch: the means as a first pass finds them, what
 * a second finds lacking, squares, then factors.
 */
export function standardizeColumns(o: usize, p: StandardizeParams, row: i32, count: i32, scratch: usize): void {
  const skip = <usize>row << 2;
  const step = <usize>p.step << 2;
  const end = <usize>p.blocks * step;
  const x = operand(o, 0) + skip;
  const y = operand(o, 3) + skip;
  const scale = splat(p.scale);
  const size = <usize>count << 2;
  const shifts = scratch + LIST;
  const squares = scratch + 2 * LIST;
  memory.fill(scratch, 0, 3 * LIST);
  if (p.centred) {
    for (let line = x; line < x + end; line += step) {
      for (let at: usize = 0; at < size; at += 16) {
        v128.store(scratch + at, f32x4.add(v128.load(scratch + at), loadUpTo(line + at, <i32>(size - at) >> 2)));
      }
    }
    for (let at: usize = 0; at < size; at += 16) v128.store(scratch + at, f32x4.mul(v128.load(scratch + at), scale));
  }
  for (let line = x; line < x + end; line += step) {
    for (let at: usize = 0; at < size; at += 16) {
      const d = f32x4.sub(loadUpTo(line + at, <i32>(size - at) >> 2), v128.load(scratch + at));
      v128.store(shifts + at, f32x4.add(v128.load(shifts + at), d));
      v128.store(squares + at, f32x4.add(v128.load(squares + at), f32x4.mul(d, d)));
    }
  }
  for (let at: usize = 0; at < size; at += 16) {
    const rest = <i32>(size - at) >> 2;
    const shift = p.centred ? f32x4.mul(v128.load(shifts + at), scale) : splat(0.0);
    const variance = f32x4.max(f32x4.sub(f32x4.mul(v128.load(squares + at), scale), f32x4.mul(shift, shift)), splat(0.0));
    let factor = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(p.eps))));
    if (p.hasWeight) factor = f32x4.mul(factor, loadUpTo(operand(o, 1) + skip + at, rest));
    storeUpTo(operand(o, 4) + skip + at, f32x4.add(v128.load(scratch + at), shift), rest);
    storeUpTo(operand(o, 5) + skip + at, variance, rest);
    v128.store(shifts + at, shift);
    v128.store(squares + at, factor);
  }
  const bias = operand(o, 2) + skip;
  for (let line: usize = 0; line < end; line += step) {
    for (let at: usize = 0; at < size; at += 16) {
      const rest = <i32>(size - at) >> 2;
      const d = f32x4.sub(f32x4.sub(loadUpTo(x + line + at, rest), v128.load(scratch + at)), v128.load(shifts + at));
      let v = f32x4.mul(d, v128.load(squares + at));
      if (p.hasBias) v = f32x4.add(v, loadUpTo(bias + at, rest));
      storeUpTo(y + line + at, v, rest);
    }
  }
}

/** Operands: dy, x, mean, variance, weight, dx, dweight, dbias; `count` rows from `row`. Scratch: roots, Σ dy, Σ dy h. */
export function projectColumns(o: usize, p: StandardizeParams, row: i32, count: i32, scratch: usize): void {
  const skip = <usize>row << 2;
  const step = <usize>p.step << 2;
  const end = <usize>p.blocks * step;
  const dy = operand(o, 0) + skip;
  const x = operand(o, 1) + skip;
  const mean = operand(o, 2) + skip;
  const size = <usize>count << 2;
  const totals = scratch + LIST;
  const dots = scratch + 2 * LIST;
  memory.fill(totals, 0, 2 * LIST);
  for (let at: usize = 0; at < size; at += 16) {
    const variance = loadUpTo(operand(o, 3) + skip + at, <i32>(size - at) >> 2);
    v128.store(scratch + at, f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(p.eps)))));
  }
  for (let line: usize = 0; line < end; line += step) {
    for (let at: usize = 0; at < size; at += 16) {
      const rest = <i32>(size - at) >> 2;
      const g = loadUpTo(dy + line + at, rest);
      const h = f32x4.mul(f32x4.sub(loadUpTo(x + line + at, rest), loadUpTo(mean + at, rest)), v128.load(scratch + at));
      v128.store(totals + at, f32x4.add(v128.load(totals + at), g));
      v128.store(dots + at, f32x4.add(v128.load(dots + at), f32x4.mul(g, h)));
    }
  }
  memory.copy(operand(o, 6) + skip, dots, size);
  memory.copy(operand(o, 7) + skip, totals, size);
  const scale = splat(p.scale);
  for (let line: usize = 0; line < end; line += step) {
    for (let at: usize = 0; at < size; at += 16) {
      const rest = <i32>(size - at) >> 2;
      const s = v128.load(scratch + at);
      const h = f32x4.mul(f32x4.sub(loadUpTo(x + line + at, rest), loadUpTo(mean + at, rest)), s);
      let g = loadUpTo(dy + line + at, rest);
      if (p.centred) g = f32x4.sub(g, f32x4.mul(v128.load(totals + at), scale));
      const factor = p.hasWeight ? f32x4.mul(s, loadUpTo(operand(o, 4) + skip + at, rest)) : s;
      const slope = f32x4.mul(v128.load(dots + at), scale);
      storeUpTo(operand(o, 5) + skip + line + at, f32x4.mul(factor, f32x4.sub(g, f32x4.mul(h, slope))), rest);
    }
  }
}
