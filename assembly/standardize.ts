// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, and the gradients; src/ops/standardize.ts
// has the formulas. A row is `blocks` runs of `run` elements, `step` apart, the first at row · run: it comes from memory
// once where it fits in the cache. Where rows are columns ([batch, groups, 1, 1] over the batch), COLUMNS of them are
// copied to scratch memory, four side by side, and go the way of a row, with a lane each in place of a sum of lanes.
import { StandardizeParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';
import {
  addAffine,
  addDistances,
  addProducts,
  FACTOR,
  FROM,
  LEVEL,
  ONES,
  projectRun,
  SLOPE,
  SLOT,
  scaleRun,
  ZEROS,
} from './standardize_runs';

/** Columns of a unit: a cache line. src/ops/standardize_call.ts has the same number. */
const COLUMNS: i32 = 16;
/** Elements whose mean a row's distances are measured from. */
const START: i32 = 64;
/** Where scratch memory has columns, behind two slots, or what nobody asks for, then a row of zeros. */
const SPACE: usize = 2 * SLOT;

/** Whether rows are columns. */
// @ts-ignore: decorator
@inline
function byColumns(p: StandardizeParams): bool {
  return p.overBatch != 0 && p.plane == 1;
}

/** The sum of a row, in every lane, from sums of its lanes; columns have one each. */
// @ts-ignore: decorator
@inline
function total(at: usize, columns: bool): v128 {
  return columns ? v128.load(at) : splat(sumLanes(v128.load(at)));
}

// @ts-ignore: decorator
@inline
function clear(sums: usize): void {
  v128.store(sums, splat(0.0));
  v128.store(sums, splat(0.0), 16);
}

/** A row's number in every lane, or those of as many columns as there are lanes. */
// @ts-ignore: decorator
@inline
function numberOf(at: usize, columns: bool, lanes: i32): v128 {
  return columns ? loadUpTo(at, lanes) : v128.load32_splat(at);
}

// @ts-ignore: decorator
@inline
export function inverseRoot(variance: v128, eps: f32): v128 {
  return f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(eps))));
}

/** Copies columns of `lines` lines, `step` apart, to scratch memory, vectors of four one below the other, or back. */
function copyColumns(columns: usize, count: i32, lines: i32, step: usize, scratch: usize, back: bool): void {
  for (let line = 0; line < lines; line++) {
    let at = scratch + (<usize>line << 4);
    for (let c = 0; c < count; c += 4) {
      const place = columns + (<usize>c << 2);
      if (back) storeUpTo(place, v128.load(at), count - c);
      else v128.store(at, loadUpTo(place, count - c));
      at += <usize>lines << 4;
    }
    columns += step;
  }
}

/**
 * Operands: x, weight, bias, y, mean, variance. Units are rows, or COLUMNS of them where they are columns. One pass finds
 * mean and variance by distances from the mean of the row's start. Where that lies further from the row's mean than the
 * standard deviation, or than a part of it where short runs make for long chains, a second pass measures from what the
 * first found.
 */
export function standardize_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const columns = byColumns(p);
  const jump = <usize>p.step << 2;
  const blocks = columns ? 1 : <i32>p.blocks;
  const run = columns ? <i32>p.batch << 2 : <i32>p.run;
  const start = min(run, columns ? 2 * START : START);
  const portion = splat(<f32>1.0 / <f32>max(columns ? start >> 2 : start, 1));
  const near = splat(<f32>min(run, 256) * (columns ? <f32>(1.0 / 1024.0) : <f32>(1.0 / 256.0)));
  const scale = splat(p.scale);
  const each = p.channels > 1 && (p.hasWeight || p.hasBias);
  const moves = each && p.plane == 1;
  const pieces = each && !moves ? <i32>p.channels : 1;
  const count = each && !moves ? <i32>p.plane : run;
  const w4: usize = moves && p.hasWeight ? 64 : 0;
  const b4: usize = moves && p.hasBias ? 64 : 0;
  const together = columns ? COLUMNS : 1;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * together;
    const last = min(<i32>p.rows, first + together);
    const skip = (<usize>first * p.run) << 2;
    let x = operand(o, 0) + skip;
    let y = operand(o, 3) + skip;
    if (columns) {
      y = scratch + SPACE;
      copyColumns(x, last - first, <i32>p.batch, jump, y, false);
      x = y;
    }
    for (let row = first; row < last; row += 4) {
      const rest = columns ? last - row : 1;
      let from = splat(0.0);
      let shift = from;
      clear(scratch);
      v128.store(scratch, from, FROM);
      if (p.centred) {
        addDistances(x, start, scratch);
        from = f32x4.mul(total(scratch, columns), portion);
      }
      let variance = from;
      for (let again = false; ; again = true) {
        clear(scratch);
        v128.store(scratch, from, FROM);
        for (let b = 0; b < blocks; b++) addDistances(x + b * jump, run, scratch);
        if (p.centred) shift = f32x4.mul(total(scratch, columns), scale);
        const square = f32x4.mul(shift, shift);
        variance = f32x4.max(f32x4.sub(f32x4.mul(total(scratch + 16, columns), scale), square), splat(0.0));
        if (again || !v128.any_true(f32x4.gt(square, f32x4.mul(variance, near)))) break;
        from = f32x4.add(from, shift);
      }
      const root = inverseRoot(variance, p.eps);
      storeUpTo(operand(o, 4) + (<usize>row << 2), f32x4.add(from, shift), rest);
      storeUpTo(operand(o, 5) + (<usize>row << 2), variance, rest);
      const affine = (<usize>(row % <i32>p.groups) * p.channels) << 2;
      const weights = operand(o, 1) + affine;
      const biases = operand(o, 2) + affine;
      for (let b = 0; b < blocks; b++) {
        for (let c = 0; c < pieces; c++) {
          const to = <usize>c << 2;
          const at = <usize>b * jump + to * count;
          const factor = p.hasWeight && !moves ? f32x4.mul(root, numberOf(weights + to, columns, rest)) : root;
          let level = f32x4.neg(f32x4.mul(shift, factor));
          if (p.hasBias && !moves) level = f32x4.add(level, numberOf(biases + to, columns, rest));
          v128.store(scratch, factor, FACTOR);
          v128.store(scratch, level, LEVEL);
          scaleRun(x + at, y + at, count, w4 ? weights : ONES, w4, b4 ? biases : ZEROS, b4, scratch);
        }
      }
      x += <usize>run << 2;
      y += <usize>run << 2;
    }
    if (columns) copyColumns(operand(o, 3) + skip, last - first, <i32>p.batch, jump, scratch + SPACE, true);
  }
}

/**
 * Operands: dy, x, mean, variance, weight, dx, dweight, dbias. Units are rows, COLUMNS of them where they are columns, or
 * `together` rows: then dweight and dbias are lists with a line for each such unit, or for all groups of a batch item, of
 * what its rows add up to while these are in the cache. Rows over the batch leave one of each.
 */
export function standardize_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const columns = byColumns(p);
  const jump = <usize>p.step << 2;
  const blocks = columns ? 1 : <i32>p.blocks;
  const run = columns ? <i32>p.batch << 2 : <i32>p.run;
  const size = <usize>run << 2;
  const scale = splat(p.scale);
  const together = columns ? COLUMNS : max(<i32>p.together, 1);
  const wanted = p.together || p.overBatch;
  const each = p.together || (p.hasWeight && p.channels > 1);
  const moves = each && p.plane == 1;
  const pieces = each && !moves ? <i32>p.channels : 1;
  const count = each && !moves ? <i32>p.plane : run;
  const width = <usize>p.channels << 2;
  const w4: usize = moves && p.hasWeight ? 64 : 0;
  const space = scratch + SPACE;
  for (let unit = begin; unit < end; unit++) {
    const first = unit * together;
    const last = min(<i32>p.rows, first + together);
    const skip = (<usize>first * p.run) << 2;
    // Where a line of the lists has all groups of an item, a unit is a row, and its part lies beside the other groups'.
    const part = <usize>unit * (columns ? <usize>COLUMNS << 2 : width);
    const dweight = wanted ? operand(o, 6) + part : space;
    const dbias = wanted ? operand(o, 7) + part : space + 16;
    if (moves && wanted) {
      memory.fill(dweight, 0, width);
      memory.fill(dbias, 0, width);
    }
    let dy = operand(o, 0) + skip;
    let x = operand(o, 1) + skip;
    let dx = operand(o, 5) + skip;
    if (columns) {
      copyColumns(dy, last - first, <i32>p.batch, jump, space, false);
      dy = space;
      dx = space;
      copyColumns(x, last - first, <i32>p.batch, jump, space + 4 * size, false);
      x = space + 4 * size;
    }
    for (let row = first; row < last; ) {
      const rest = last - row;
      const rows = moves ? min(rest, 2) : 1;
      const weights = operand(o, 4) + <usize>(row % <i32>p.groups) * width;
      const weight = w4 ? weights : ONES;
      for (let k = 0; k < rows; k++) {
        const slot = scratch + <usize>k * SLOT;
        const own = <usize>(row + k) << 2;
        clear(slot);
        v128.store(slot, numberOf(operand(o, 2) + own, columns, rest), FROM);
        v128.store(slot, inverseRoot(numberOf(operand(o, 3) + own, columns, rest), p.eps), FACTOR);
      }
      const root = v128.load(scratch, FACTOR);
      let sum = splat(0.0);
      let dot = sum;
      if (moves) {
        let dy2 = dy + size;
        let x2 = x + size;
        if (rows == 1) {
          // A row of zeros, without a weight in any sum.
          dy2 = space + 32;
          x2 = dy2;
          memory.fill(dy2, 0, size);
          v128.store(scratch, sum, SLOT + FROM);
          v128.store(scratch, sum, SLOT + FACTOR);
        }
        addAffine(dy, x, dy2, x2, run, weight, w4 ? -1 : 0, dweight, dbias, wanted ? -1 : 0, scratch);
      } else {
        for (let c = 0; c < pieces; c++) {
          const to = <usize>c << 2;
          clear(scratch);
          for (let b = 0; b < blocks; b++) {
            const at = <usize>b * jump + to * count;
            addProducts(dy + at, x + at, count, scratch);
          }
          let a = total(scratch, columns);
          let b = f32x4.mul(total(scratch + 16, columns), root);
          if (wanted) {
            const own = to + (columns ? <usize>(row - first) << 2 : 0);
            storeUpTo(dweight + own, b, columns ? rest : 1);
            storeUpTo(dbias + own, a, columns ? rest : 1);
          }
          if (p.hasWeight) {
            const w = numberOf(weights + to, columns, rest);
            a = f32x4.mul(a, w);
            b = f32x4.mul(b, w);
          }
          sum = f32x4.add(sum, a);
          dot = f32x4.add(dot, b);
        }
      }
      for (let k = 0; k < rows; k++) {
        const slot = scratch + <usize>k * SLOT;
        const root = v128.load(slot, FACTOR);
        if (moves) {
          sum = total(slot, false);
          dot = total(slot + 16, false);
        }
        const level = p.centred ? f32x4.neg(f32x4.mul(root, f32x4.mul(sum, scale))) : splat(0.0);
        v128.store(slot, level, LEVEL);
        v128.store(slot, f32x4.neg(f32x4.mul(f32x4.mul(root, root), f32x4.mul(dot, scale))), SLOPE);
        for (let b = 0; b < blocks; b++) {
          for (let c = 0; c < pieces; c++) {
            const at = <usize>b * jump + ((<usize>c * count) << 2);
            const factor = p.hasWeight && !moves ? f32x4.mul(root, numberOf(weights + (c << 2), columns, rest)) : root;
            v128.store(slot, factor, FACTOR);
            projectRun(dy + at, x + at, dx + at, count, weight, w4, slot);
          }
        }
        dy += size;
        x += size;
        dx += size;
      }
      row += columns ? 4 : rows;
    }
    if (columns) copyColumns(operand(o, 5) + skip, last - first, <i32>p.batch, jump, space, true);
  }
}
