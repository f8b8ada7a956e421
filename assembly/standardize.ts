// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, and the gradients; src/ops/standardize.ts
// has the formulas. A row is `blocks` runs of `run` elements, `step` apart, the first at row · run.
import { StandardizeParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';
import { affineColumns, affineColumns16, byColumns, projectColumns, standardizeColumns } from './standardize_columns';

/**
 * Leaves at `to`: the mean as a first pass finds it, what a second pass that measures from it finds lacking, and the
 * variance. A mean much larger than the spread costs no accuracy so.
 */
function statistics(x: usize, p: StandardizeParams, to: usize): void {
  const blocks = <i32>p.blocks;
  const run = <i32>p.run;
  const step = <usize>p.step << 2;
  let middle: f32 = 0.0;
  if (p.centred) {
    let sums = splat(0.0);
    let rest: f32 = 0.0;
    for (let b = 0; b < blocks; b++) {
      const at = x + b * step;
      let i = 0;
      for (; i + 4 <= run; i += 4) sums = f32x4.add(sums, v128.load(at + (i << 2)));
      for (; i < run; i++) rest += load<f32>(at + (i << 2));
    }
    middle = (sumLanes(sums) + rest) * p.scale;
  }
  const from = splat(middle);
  let distances = splat(0.0);
  let squares = splat(0.0);
  let distance: f32 = 0.0;
  let square: f32 = 0.0;
  for (let b = 0; b < blocks; b++) {
    const at = x + b * step;
    let i = 0;
    for (; i + 4 <= run; i += 4) {
      const d = f32x4.sub(v128.load(at + (i << 2)), from);
      distances = f32x4.add(distances, d);
      squares = f32x4.add(squares, f32x4.mul(d, d));
    }
    for (; i < run; i++) {
      const d = load<f32>(at + (i << 2)) - middle;
      distance += d;
      square += d * d;
    }
  }
  const shift: f32 = p.centred ? (sumLanes(distances) + distance) * p.scale : 0.0;
  store<f32>(to, middle);
  store<f32>(to, shift, 4);
  store<f32>(to, max((sumLanes(squares) + square) * p.scale - shift * shift, <f32>0.0), 8);
}

/** y = (x - middle - shift) root · weight + bias; weight and bias may be none (0), one number or one per element. */
function scaleRun(x: usize, y: usize, count: i32, row: usize, root: f32, weight: usize, bias: usize, moves: bool): void {
  const middle = v128.load32_splat(row);
  const shift = v128.load32_splat(row, 4);
  const factor = splat(root);
  for (let i = 0; i < count; i += 4) {
    const at = i << 2;
    const rest = count - i;
    let v = f32x4.mul(f32x4.sub(f32x4.sub(loadUpTo(x + at, rest), middle), shift), factor);
    if (weight) v = f32x4.mul(v, moves ? loadUpTo(weight + at, rest) : v128.load32_splat(weight));
    if (bias) v = f32x4.add(v, moves ? loadUpTo(bias + at, rest) : v128.load32_splat(bias));
    storeUpTo(y + at, v, rest);
  }
}

/** Operands: x, weight, bias, y, mean, variance. Units are rows, or four of them where they are columns. */
export function standardize_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  if (byColumns(p)) {
    for (let u = begin; u < end; u++) standardizeColumns(o, p, u * 4, min(<i32>p.rows - u * 4, 4));
    return;
  }
  const plain = !p.hasWeight && !p.hasBias;
  const perElement = !plain && p.plane == 1 && p.channels > 1;
  const pieces = plain || perElement ? 1 : <i32>p.channels;
  const count = plain || perElement ? <i32>p.run : <i32>p.plane;
  for (let row = begin; row < end; row++) {
    const skip = <usize>row * p.run;
    statistics(operand(o, 0) + (skip << 2), p, scratch);
    const variance = load<f32>(scratch, 8);
    const root = <f32>1.0 / sqrt<f32>(variance + p.eps);
    const affine = <usize>(row % <i32>p.groups) * p.channels;
    for (let b = 0; b < <i32>p.blocks; b++) {
      for (let c = 0; c < pieces; c++) {
        const at = (skip + <usize>b * p.step + <usize>c * count) << 2;
        const weight = p.hasWeight ? operand(o, 1) + ((affine + c) << 2) : 0;
        const bias = p.hasBias ? operand(o, 2) + ((affine + c) << 2) : 0;
        scaleRun(operand(o, 0) + at, operand(o, 3) + at, count, scratch, root, weight, bias, perElement);
      }
    }
    store<f32>(operand(o, 4) + (<usize>row << 2), load<f32>(scratch) + load<f32>(scratch, 4));
    store<f32>(operand(o, 5) + (<usize>row << 2), variance);
  }
}

/** Adds Σ g and Σ g h, g = dy · weight and h = (x - mean) s, to the eight lanes at `sums`. */
function addRun(dy: usize, x: usize, count: i32, mean: f32, s: f32, weight: usize, moves: bool, sums: usize): void {
  const middle = splat(mean);
  const factor = splat(s);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  for (let i = 0; i < count; i += 4) {
    const at = i << 2;
    const rest = count - i;
    let g = loadUpTo(dy + at, rest);
    if (weight) g = f32x4.mul(g, moves ? loadUpTo(weight + at, rest) : v128.load32_splat(weight));
    a = f32x4.add(a, g);
    b = f32x4.add(b, f32x4.mul(g, f32x4.mul(f32x4.sub(loadUpTo(x + at, rest), middle), factor)));
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
}

/** dx = factor (g - level - h slope). */
function projectRun(dy: usize, x: usize, dx: usize, count: i32, mean: f32, s: f32, weight: usize, moves: bool, level: f32, slope: f32, factor: f32): void {
  const middle = splat(mean);
  const root = splat(s);
  const from = splat(level);
  const by = splat(slope);
  const scale = splat(factor);
  for (let i = 0; i < count; i += 4) {
    const at = i << 2;
    const rest = count - i;
    let g = loadUpTo(dy + at, rest);
    if (weight) g = f32x4.mul(g, moves ? loadUpTo(weight + at, rest) : v128.load32_splat(weight));
    const h = f32x4.mul(f32x4.sub(loadUpTo(x + at, rest), middle), root);
    storeUpTo(dx + at, f32x4.mul(scale, f32x4.sub(f32x4.sub(g, from), f32x4.mul(h, by))), rest);
  }
}

/**
 * Operands: dy, x, mean, variance, weight, dx, dweight, dbias. Units are rows, or four of them where they are columns.
 * One weight for a whole row is a factor of s, so that rows over the batch leave dbias = Σ dy and dweight = Σ dy h.
 */
export function standardize_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  if (byColumns(p)) {
    for (let u = begin; u < end; u++) projectColumns(o, p, u * 4, min(<i32>p.rows - u * 4, 4));
    return;
  }
  const dy = operand(o, 0);
  const x = operand(o, 1);
  const each = p.hasWeight != 0 && p.channels > 1;
  const moves = each && p.plane == 1;
  const pieces = each && !moves ? <i32>p.channels : 1;
  const count = each && !moves ? <i32>p.plane : <i32>p.run;
  for (let row = begin; row < end; row++) {
    const mean = load<f32>(operand(o, 2) + (<usize>row << 2));
    const s = <f32>1.0 / sqrt<f32>(load<f32>(operand(o, 3) + (<usize>row << 2)) + p.eps);
    const affine = operand(o, 4) + ((<usize>(row % <i32>p.groups) * p.channels) << 2);
    v128.store(scratch, splat(0.0));
    v128.store(scratch, splat(0.0), 16);
    for (let b = 0; b < <i32>p.blocks; b++) {
      for (let c = 0; c < pieces; c++) {
        const at = (<usize>row * p.run + <usize>b * p.step + <usize>c * count) << 2;
        addRun(dy + at, x + at, count, mean, s, each ? affine + (c << 2) : 0, moves, scratch);
      }
    }
    const total = sumLanes(v128.load(scratch));
    const dot = sumLanes(v128.load(scratch, 16));
    const level: f32 = p.centred ? total * p.scale : 0.0;
    const factor = p.hasWeight && !each ? s * load<f32>(affine) : s;
    for (let b = 0; b < <i32>p.blocks; b++) {
      for (let c = 0; c < pieces; c++) {
        const at = (<usize>row * p.run + <usize>b * p.step + <usize>c * count) << 2;
        projectRun(dy + at, x + at, operand(o, 5) + at, count, mean, s, each ? affine + (c << 2) : 0, moves, level, dot * p.scale, factor);
      }
    }
    if (p.overBatch) {
      store<f32>(operand(o, 6) + (<usize>row << 2), dot);
      store<f32>(operand(o, 7) + (<usize>row << 2), total);
    }
  }
}

/** Operands: dy, x, mean, variance, dweight, dbias. Units are 16 channels. */
export function standardize_affine_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const channels = <i32>(p.groups * p.channels);
  const stop = min(end * 16, channels);
  if (p.plane == 1 && p.groups == 1) {
    let c = begin * 16;
    for (; c + 16 <= stop; c += 16) affineColumns16(o, p, c);
    for (; c < stop; c += 4) affineColumns(o, p, c, min(stop - c, 4));
    return;
  }
  const plane = <i32>p.plane;
  for (let c = begin * 16; c < stop; c++) {
    let a = splat(0.0);
    let b = splat(0.0);
    for (let item = 0; item < <i32>p.batch; item++) {
      const row = <usize>(item * <i32>p.groups + c / <i32>p.channels) << 2;
      const mean = v128.load32_splat(operand(o, 2) + row);
      const root = splat(<f32>1.0 / sqrt<f32>(load<f32>(operand(o, 3) + row) + p.eps));
      const at = (<usize>(item * channels + c) * plane) << 2;
      for (let i = 0; i < plane; i += 4) {
        const g = loadUpTo(operand(o, 0) + at + (i << 2), plane - i);
        const h = f32x4.mul(f32x4.sub(loadUpTo(operand(o, 1) + at + (i << 2), plane - i), mean), root);
        a = f32x4.add(a, g);
        b = f32x4.add(b, f32x4.mul(g, h));
      }
    }
    store<f32>(operand(o, 4) + (c << 2), sumLanes(b));
    store<f32>(operand(o, 5) + (c << 2), sumLanes(a));
  }
}
