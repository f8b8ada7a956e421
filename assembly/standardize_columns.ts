// Standardisation where every row is a column of memory, one element per batch item ([batch, groups, 1, 1] over the batch):
// four rows are four lanes. src/ops/standardize.ts has the formulas.
import { StandardizeParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo } from './simd';

/** Whether rows are columns: then a unit is four of them. */
// @ts-ignore: decorator
@inline
export function byColumns(p: StandardizeParams): bool {
  return p.overBatch != 0 && p.plane == 1;
}

/** Operands: x, weight, bias, y, mean, variance; rows `row` to `row + count` (at most 4). */
export function standardizeColumns(o: usize, p: StandardizeParams, row: i32, count: i32): void {
  const skip = <usize>row << 2;
  const step = <usize>p.step << 2;
  const end = <usize>p.blocks * step;
  const x = operand(o, 0) + skip;
  const y = operand(o, 3) + skip;
  const scale = splat(p.scale);
  let middle = splat(0.0);
  if (p.centred) {
    for (let at: usize = 0; at < end; at += step) middle = f32x4.add(middle, loadUpTo(x + at, count));
    middle = f32x4.mul(middle, scale);
  }
  let shift = splat(0.0);
  let squares = splat(0.0);
  for (let at: usize = 0; at < end; at += step) {
    const distance = f32x4.sub(loadUpTo(x + at, count), middle);
    shift = f32x4.add(shift, distance);
    squares = f32x4.add(squares, f32x4.mul(distance, distance));
  }
  shift = p.centred ? f32x4.mul(shift, scale) : splat(0.0);
  const variance = f32x4.max(f32x4.sub(f32x4.mul(squares, scale), f32x4.mul(shift, shift)), splat(0.0));
  let factor = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(p.eps))));
  if (p.hasWeight) factor = f32x4.mul(factor, loadUpTo(operand(o, 1) + skip, count));
  const bias = p.hasBias ? loadUpTo(operand(o, 2) + skip, count) : splat(0.0);
  for (let at: usize = 0; at < end; at += step) {
    const distance = f32x4.sub(f32x4.sub(loadUpTo(x + at, count), middle), shift);
    storeUpTo(y + at, f32x4.add(f32x4.mul(distance, factor), bias), count);
  }
  storeUpTo(operand(o, 4) + skip, f32x4.add(middle, shift), count);
  storeUpTo(operand(o, 5) + skip, variance, count);
}

/** Operands: dy, x, mean, variance, weight, dx, dweight, dbias; rows `row` to `row + count` (at most 4). */
export function projectColumns(o: usize, p: StandardizeParams, row: i32, count: i32): void {
  const skip = <usize>row << 2;
  const step = <usize>p.step << 2;
  const end = <usize>p.blocks * step;
  const dy = operand(o, 0) + skip;
  const x = operand(o, 1) + skip;
  const mean = loadUpTo(operand(o, 2) + skip, count);
  const s = f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(loadUpTo(operand(o, 3) + skip, count), splat(p.eps))));
  let total = splat(0.0);
  let dot = splat(0.0);
  for (let at: usize = 0; at < end; at += step) {
    const g = loadUpTo(dy + at, count);
    total = f32x4.add(total, g);
    dot = f32x4.add(dot, f32x4.mul(g, f32x4.mul(f32x4.sub(loadUpTo(x + at, count), mean), s)));
  }
  const level = p.centred ? f32x4.mul(total, splat(p.scale)) : splat(0.0);
  const slope = f32x4.mul(dot, splat(p.scale));
  const factor = p.hasWeight ? f32x4.mul(s, loadUpTo(operand(o, 4) + skip, count)) : s;
  for (let at: usize = 0; at < end; at += step) {
    const h = f32x4.mul(f32x4.sub(loadUpTo(x + at, count), mean), s);
    const g = f32x4.sub(loadUpTo(dy + at, count), level);
    storeUpTo(operand(o, 5) + skip + at, f32x4.mul(factor, f32x4.sub(g, f32x4.mul(h, slope))), count);
  }
  storeUpTo(operand(o, 6) + skip, dot, count);
  storeUpTo(operand(o, 7) + skip, total, count);
}

/** dweight and dbias of `count` (1 to 4) neighbouring channels, where rows are batch items with one element per channel. */
export function affineColumns(o: usize, p: StandardizeParams, column: i32, count: i32): void {
  let dy = operand(o, 0) + (<usize>column << 2);
  let x = operand(o, 1) + (<usize>column << 2);
  let a = splat(0.0);
  let b = splat(0.0);
  for (let row = 0; row < <i32>p.batch; row++) {
    const s = <f32>1.0 / sqrt<f32>(load<f32>(operand(o, 3) + (row << 2)) + p.eps);
    const h = f32x4.mul(f32x4.sub(loadUpTo(x, count), v128.load32_splat(operand(o, 2) + (row << 2))), splat(s));
    const g = loadUpTo(dy, count);
    a = f32x4.add(a, g);
    b = f32x4.add(b, f32x4.mul(g, h));
    dy += <usize>p.run << 2;
    x += <usize>p.run << 2;
  }
  storeUpTo(operand(o, 4) + (<usize>column << 2), b, count);
  storeUpTo(operand(o, 5) + (<usize>column << 2), a, count);
}

/** The same of 16 channels, a line of cache, in one pass. */
export function affineColumns16(o: usize, p: StandardizeParams, column: i32): void {
  let dy = operand(o, 0) + (<usize>column << 2);
  let x = operand(o, 1) + (<usize>column << 2);
  let a0 = splat(0.0);
  let a1 = splat(0.0);
  let a2 = splat(0.0);
  let a3 = splat(0.0);
  let b0 = splat(0.0);
  let b1 = splat(0.0);
  let b2 = splat(0.0);
  let b3 = splat(0.0);
  for (let row = 0; row < <i32>p.batch; row++) {
    const mean = v128.load32_splat(operand(o, 2) + (row << 2));
    const s = splat(<f32>1.0 / sqrt<f32>(load<f32>(operand(o, 3) + (row << 2)) + p.eps));
    let g = v128.load(dy);
    a0 = f32x4.add(a0, g);
    b0 = f32x4.add(b0, f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(x), mean), s)));
    g = v128.load(dy, 16);
    a1 = f32x4.add(a1, g);
    b1 = f32x4.add(b1, f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(x, 16), mean), s)));
    g = v128.load(dy, 32);
    a2 = f32x4.add(a2, g);
    b2 = f32x4.add(b2, f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(x, 32), mean), s)));
    g = v128.load(dy, 48);
    a3 = f32x4.add(a3, g);
    b3 = f32x4.add(b3, f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(x, 48), mean), s)));
    dy += <usize>p.run << 2;
    x += <usize>p.run << 2;
  }
  const dweight = operand(o, 4) + (<usize>column << 2);
  const dbias = operand(o, 5) + (<usize>column << 2);
  v128.store(dweight, b0);
  v128.store(dweight, b1, 16);
  v128.store(dweight, b2, 32);
  v128.store(dweight, b3, 48);
  v128.store(dbias, a0);
  v128.store(dbias, a1, 16);
  v128.store(dbias, a2, 32);
  v128.store(dbias, a3, 48);
}
