// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, and the gradients; src/ops/standardize.ts
// has the formulas. A row is `blocks` runs of `run` elements, `step` apart, the first at row · run. It is passed over
// three times, of which it spends two in the cache; loops take four elements a step, and up to three at their end.
import { StandardizeParams } from '../build/params';
import { fma, loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';
import { byColumns, COLUMNS, projectColumns, standardizeColumns } from './standardize_columns';

/** Σ x in four chains. */
function sumRun(x: usize, count: i32): f32 {
  let a = splat(0.0);
  let b = a;
  let c = a;
  let d = a;
  for (; count >= 16; count -= 16) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    c = f32x4.add(c, v128.load(x, 32));
    d = f32x4.add(d, v128.load(x, 48));
    x += 64;
  }
  for (; count > 0; count -= 4) {
    a = f32x4.add(a, loadUpTo(x, count));
    x += 16;
  }
  return sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** Adds Σ (x - middle) and Σ (x - middle)² to the eight lanes at `sums`. */
function addDistances(x: usize, count: i32, middle: f32, sums: usize): void {
  const from = splat(middle);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = splat(0.0);
  let d = c;
  for (; count >= 8; count -= 8) {
    const p = f32x4.sub(v128.load(x), from);
    const q = f32x4.sub(v128.load(x, 16), from);
    a = f32x4.add(a, p);
    c = f32x4.add(c, q);
    b = fma(p, p, b);
    d = fma(q, q, d);
    x += 32;
  }
  for (; count > 0; count -= 4) {
    // Lanes beyond the end are taken as the middle, at no distance.
    let p = f32x4.sub(loadUpTo(x, count), from);
    if (count < 4) p = v128.and(p, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
    a = f32x4.add(a, p);
    b = fma(p, p, b);
    x += 16;
  }
  v128.store(sums, f32x4.add(a, c));
  v128.store(sums, f32x4.add(b, d), 16);
}

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
    for (let b = 0; b < blocks; b++) middle += sumRun(x + b * step, run);
    middle *= p.scale;
  }
  memory.fill(to, 0, 32);
  for (let b = 0; b < blocks; b++) addDistances(x + b * step, run, middle, to);
  const shift: f32 = p.centred ? sumLanes(v128.load(to)) * p.scale : 0.0;
  const square = sumLanes(v128.load(to, 16)) * p.scale;
  store<f32>(to, middle);
  store<f32>(to, shift, 4);
  store<f32>(to, max(square - shift * shift, <f32>0.0), 8);
}

// @ts-ignore: decorator
@inline
function scaleFour(x: usize, y: usize, rest: i32, middle: v128, shift: v128, factor: v128, weight: v128, bias: v128): void {
  const h = f32x4.mul(f32x4.sub(f32x4.sub(loadUpTo(x, rest), middle), shift), factor);
  storeUpTo(y, f32x4.add(f32x4.mul(h, weight), bias), rest);
}

/** y = (x - middle - shift) root · weight + bias; weight and bias may be none (0), one number or one per element. */
export function scaleRun(x: usize, y: usize, count: i32, row: usize, root: f32, weight: usize, bias: usize, moves: bool): void {
  const middle = v128.load32_splat(row);
  const shift = v128.load32_splat(row, 4);
  const factor = splat(root);
  if (!moves) {
    const w = weight ? v128.load32_splat(weight) : splat(1.0);
    const b = bias ? v128.load32_splat(bias) : splat(0.0);
    for (; count >= 8; count -= 8) {
      scaleFour(x, y, 4, middle, shift, factor, w, b);
      scaleFour(x + 16, y + 16, 4, middle, shift, factor, w, b);
      x += 32;
      y += 32;
    }
    for (; count >= 4; count -= 4) {
      scaleFour(x, y, 4, middle, shift, factor, w, b);
      x += 16;
      y += 16;
    }
    if (count) scaleFour(x, y, count, middle, shift, factor, w, b);
    return;
  }
  for (; count >= 4; count -= 4) {
    scaleFour(x, y, 4, middle, shift, factor, weight ? v128.load(weight) : splat(1.0), bias ? v128.load(bias) : splat(0.0));
    x += 16;
    y += 16;
    weight += weight ? 16 : 0;
    bias += bias ? 16 : 0;
  }
  if (count) {
    const w = weight ? loadUpTo(weight, count) : splat(1.0);
    scaleFour(x, y, count, middle, shift, factor, w, bias ? loadUpTo(bias, count) : splat(0.0));
  }
}

/** Operands: x, weight, bias, y, mean, variance. Units are rows, or COLUMNS of them where they are columns. */
export function standardize_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  if (byColumns(p)) {
    for (let u = begin; u < end; u++) {
      standardizeColumns(o, p, u * COLUMNS, min(<i32>p.rows - u * COLUMNS, COLUMNS), scratch);
    }
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
  const one = weight ? v128.load32_splat(weight) : splat(1.0);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = splat(0.0);
  let d = c;
  for (; count >= 8; count -= 8) {
    const g = f32x4.mul(v128.load(dy), moves ? v128.load(weight) : one);
    const k = f32x4.mul(v128.load(dy, 16), moves ? v128.load(weight, 16) : one);
    a = f32x4.add(a, g);
    c = f32x4.add(c, k);
    b = fma(g, f32x4.mul(f32x4.sub(v128.load(x), middle), factor), b);
    d = fma(k, f32x4.mul(f32x4.sub(v128.load(x, 16), middle), factor), d);
    dy += 32;
    x += 32;
    weight += 32;
  }
  for (; count > 0; count -= 4) {
    const g = f32x4.mul(loadUpTo(dy, count), moves ? loadUpTo(weight, count) : one);
    a = f32x4.add(a, g);
    b = fma(g, f32x4.mul(f32x4.sub(loadUpTo(x, count), middle), factor), b);
    dy += 16;
    x += 16;
    weight += 16;
  }
  v128.store(sums, f32x4.add(a, c));
  v128.store(sums, f32x4.add(b, d), 16);
}

// @ts-ignore: decorator
@inline
function projectFour(dy: usize, x: usize, dx: usize, rest: i32, mean: v128, s: v128, weight: v128, level: v128, slope: v128, factor: v128): void {
  const h = f32x4.mul(f32x4.sub(loadUpTo(x, rest), mean), s);
  const g = f32x4.sub(f32x4.mul(loadUpTo(dy, rest), weight), level);
  storeUpTo(dx, f32x4.mul(factor, f32x4.sub(g, f32x4.mul(h, slope))), rest);
}

/** dx = factor (g - level - h slope). */
function projectRun(dy: usize, x: usize, dx: usize, count: i32, mean: f32, s: f32, weight: usize, moves: bool, level: f32, slope: f32, factor: f32): void {
  const middle = splat(mean);
  const root = splat(s);
  const from = splat(level);
  const by = splat(slope);
  const scale = splat(factor);
  const one = weight ? v128.load32_splat(weight) : splat(1.0);
  for (; count >= 4; count -= 4) {
    projectFour(dy, x, dx, 4, middle, root, moves ? v128.load(weight) : one, from, by, scale);
    dy += 16;
    x += 16;
    dx += 16;
    weight += 16;
  }
  if (count) projectFour(dy, x, dx, count, middle, root, moves ? loadUpTo(weight, count) : one, from, by, scale);
}

/** Adds dy h to the `count` numbers at dweight, dy to those at dbias. */
function addAffine(dy: usize, x: usize, count: i32, mean: f32, s: f32, dweight: usize, dbias: usize): void {
  const middle = splat(mean);
  const root = splat(s);
  for (; count > 0; count -= 4) {
    const g = loadUpTo(dy, count);
    const h = f32x4.mul(f32x4.sub(loadUpTo(x, count), middle), root);
    storeUpTo(dweight, fma(g, h, loadUpTo(dweight, count)), count);
    storeUpTo(dbias, f32x4.add(loadUpTo(dbias, count), g), count);
    dy += 16;
    x += 16;
    dweight += 16;
    dbias += 16;
  }
}

// @ts-ignore: decorator
@inline
function rootOf(variance: usize, row: i32, p: StandardizeParams): f32 {
  return <f32>1.0 / sqrt<f32>(load<f32>(variance + (<usize>row << 2)) + p.eps);
}

/** One row of dx; leaves Σ g and Σ g h at the start of `scratch`. */
function projectRow(o: usize, p: StandardizeParams, row: i32, scratch: usize): void {
  const dy = operand(o, 0);
  const x = operand(o, 1);
  const each = p.hasWeight != 0 && p.channels > 1;
  const moves = each && p.plane == 1;
  const pieces = each && !moves ? <i32>p.channels : 1;
  const count = each && !moves ? <i32>p.plane : <i32>p.run;
  const mean = load<f32>(operand(o, 2) + (<usize>row << 2));
  const s = rootOf(operand(o, 3), row, p);
  const affine = operand(o, 4) + ((<usize>(row % <i32>p.groups) * p.channels) << 2);
  memory.fill(scratch, 0, 32);
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
  store<f32>(scratch, total);
  store<f32>(scratch, dot, 4);
}

/**
 * Operands: dy, x, mean, variance, weight, dx, dweight, dbias. Units are rows, COLUMNS of them where they are columns, or
 * `together` rows: then dweight and dbias are lists by unit of what its rows add up to, while these are in the cache. One
 * weight for a whole row is a factor of s, so that rows over the batch leave dbias = Σ dy and dweight = Σ dy h.
 */
export function standardize_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const dweight = operand(o, 6);
  const dbias = operand(o, 7);
  const together = <i32>p.together;
  const run = <i32>p.run;
  for (let unit = begin; unit < end; unit++) {
    if (byColumns(p)) {
      projectColumns(o, p, unit * COLUMNS, min(<i32>p.rows - unit * COLUMNS, COLUMNS), scratch);
    } else if (together) {
      const part = (<usize>unit * run) << 2;
      memory.fill(dweight + part, 0, run << 2);
      memory.fill(dbias + part, 0, run << 2);
      for (let row = unit * together; row < min(<i32>p.rows, (unit + 1) * together); row++) {
        const at = (<usize>row * run) << 2;
        projectRow(o, p, row, scratch);
        const mean = load<f32>(operand(o, 2) + (<usize>row << 2));
        addAffine(operand(o, 0) + at, operand(o, 1) + at, run, mean, rootOf(operand(o, 3), row, p), dweight + part, dbias + part);
      }
    } else {
      projectRow(o, p, unit, scratch);
      if (p.overBatch) {
        store<f32>(dweight + (<usize>unit << 2), load<f32>(scratch, 4));
        store<f32>(dbias + (<usize>unit << 2), load<f32>(scratch));
      }
    }
  }
}

/** Operands: dy, x, mean, variance, dweight, dbias. Units are channels. */
export function standardize_affine_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const channels = <i32>(p.groups * p.channels);
  const plane = <i32>p.plane;
  for (let c = begin; c < end; c++) {
    memory.fill(scratch, 0, 32);
    for (let item = 0; item < <i32>p.batch; item++) {
      const row = item * <i32>p.groups + c / <i32>p.channels;
      const at = (<usize>(item * channels + c) * plane) << 2;
      const mean = load<f32>(operand(o, 2) + (<usize>row << 2));
      addRun(operand(o, 0) + at, operand(o, 1) + at, plane, mean, rootOf(operand(o, 3), row, p), 0, false, scratch);
    }
    store<f32>(operand(o, 4) + (c << 2), sumLanes(v128.load(scratch, 16)));
    store<f32>(operand(o, 5) + (c << 2), sumLanes(v128.load(scratch)));
  }
}
