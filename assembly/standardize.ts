// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1, and the gradients; src/ops/standardize.ts
// has the formulas. A row is `blocks` runs of `run` elements, `step` apart, the first at row · run: it comes from memory
// once where it fits in the cache. Where rows are columns ([batch, groups, 1, 1] over the batch), COLUMNS of them are
// copied to scratch memory, four side by side, and go the way of a row, with a lane each in place of a sum of lanes.
//
// Processors foresee what is read next where addresses rise steadily through a page. So rows over the batch are taken BAND
// at a time, in the order of memory: twice from there is twice as fast as once, plane by plane, where the second pass finds
// them in the cache. Other rows go one by one: two at once from one page are three times as slow.
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
/** Rows over the batch that are taken together, and slots in scratch memory. src/ops/standardize_call.ts has the same number. */
const BAND: i32 = 64;
/** Where scratch memory has columns, behind the slots, or what nobody asks for. */
const SPACE: usize = BAND * SLOT;

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

/** Where a row's weights or biases lie. */
function affineOf(p: StandardizeParams, all: usize, row: i32): usize {
  return all + ((<usize>(row < <i32>p.groups ? row : row % <i32>p.groups) * p.channels) << 2);
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
  const size = <usize>run << 2;
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
  const unit = columns ? COLUMNS : 1;
  const together = columns ? COLUMNS : p.overBatch ? BAND : 1;
  const lanes = columns ? 4 : 1;
  const stop = min(<i32>p.rows, end * unit);
  for (let first = begin * unit; first < stop; first += together) {
    const last = min(stop, first + together);
    const slots = scratch + SLOT * (columns ? (last - first + 3) >> 2 : last - first);
    const skip = (<usize>first * p.run) << 2;
    let x = operand(o, 0) + skip;
    let y = operand(o, 3) + skip;
    if (columns) {
      y = scratch + SPACE;
      copyColumns(x, last - first, <i32>p.batch, jump, y, false);
      x = y;
    }
    let at = x;
    for (let slot = scratch; slot < slots; slot += SLOT) {
      let from = splat(0.0);
      clear(slot);
      v128.store(slot, from, FROM);
      if (p.centred) {
        addDistances(at, start, slot);
        from = f32x4.mul(total(slot, columns), portion);
        clear(slot);
        v128.store(slot, from, FROM);
      }
      at += size;
    }
    for (let b = 0; b < blocks; b++) {
      at = x + b * jump;
      for (let slot = scratch; slot < slots; slot += SLOT) {
        addDistances(at, run, slot);
        at += size;
      }
    }
    at = x;
    let row = first;
    for (let slot = scratch; slot < slots; slot += SLOT) {
      let from = v128.load(slot, FROM);
      let shift = splat(0.0);
      let variance = shift;
      for (let again = false; ; again = true) {
        if (p.centred) shift = f32x4.mul(total(slot, columns), scale);
        const square = f32x4.mul(shift, shift);
        variance = f32x4.max(f32x4.sub(f32x4.mul(total(slot + 16, columns), scale), square), splat(0.0));
        if (again || !v128.any_true(f32x4.gt(square, f32x4.mul(variance, near)))) break;
        from = f32x4.add(from, shift);
        clear(slot);
        v128.store(slot, from, FROM);
        for (let b = 0; b < blocks; b++) addDistances(at + b * jump, run, slot);
      }
      const rest = columns ? last - row : 1;
      storeUpTo(operand(o, 4) + (<usize>row << 2), f32x4.add(from, shift), rest);
      storeUpTo(operand(o, 5) + (<usize>row << 2), variance, rest);
      v128.store(slot, shift);
      v128.store(slot, inverseRoot(variance, p.eps), 16);
      at += size;
      row += lanes;
    }
    for (let b = 0; b < blocks; b++) {
      let at = <usize>b * jump;
      row = first;
      for (let slot = scratch; slot < slots; slot += SLOT) {
        const rest = columns ? last - row : 1;
        const shift = v128.load(slot);
        const root = v128.load(slot, 16);
        const weights = affineOf(p, operand(o, 1), row);
        const biases = affineOf(p, operand(o, 2), row);
        for (let c = 0; c < pieces; c++) {
          const to = <usize>c << 2;
          const factor = p.hasWeight && !moves ? f32x4.mul(root, numberOf(weights + to, columns, rest)) : root;
          let level = f32x4.neg(f32x4.mul(shift, factor));
          if (p.hasBias && !moves) level = f32x4.add(level, numberOf(biases + to, columns, rest));
          v128.store(slot, factor, FACTOR);
          v128.store(slot, level, LEVEL);
          scaleRun(x + at, y + at, count, w4 ? weights : ONES, w4, b4 ? biases : ZEROS, b4, slot);
          at += <usize>count << 2;
        }
        row += lanes;
      }
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
  const wanted = p.together || p.overBatch;
  const each = p.together || (p.hasWeight && p.channels > 1);
  const moves = each && p.plane == 1;
  const pieces = each && !moves ? <i32>p.channels : 1;
  const count = each && !moves ? <i32>p.plane : run;
  const width = <usize>p.channels << 2;
  const lanes = columns ? 4 : 1;
  const sums = moves ? 0 : blocks;
  const w4: usize = moves && p.hasWeight ? 64 : 0;
  const space = scratch + SPACE;
  const unit = columns ? COLUMNS : max(<i32>p.together, 1);
  const together = columns ? COLUMNS : p.overBatch ? BAND : 1;
  const stop = min(<i32>p.rows, end * unit);
  for (let first = begin * unit; first < stop; first += together) {
    const last = min(stop, first + together);
    const skip = (<usize>first * p.run) << 2;
    // Where a line of the lists has all groups of an item, a unit is a row, and its part lies beside the other groups'.
    const part = p.overBatch ? <usize>first << 2 : <usize>(first / unit) * width;
    const dweight = wanted ? operand(o, 6) + part : space;
    const dbias = wanted ? operand(o, 7) + part : space + 16;
    if (moves && wanted && first % unit == 0) {
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
    const slots = scratch + SLOT * (columns ? (last - first + 3) >> 2 : last - first);
    const weight = w4 ? affineOf(p, operand(o, 4), first) : ONES;
    let row = first;
    for (let slot = scratch; slot < slots; slot += SLOT) {
      const own = <usize>row << 2;
      clear(slot);
      clear(slot + LEVEL);
      v128.store(slot, numberOf(operand(o, 2) + own, columns, last - row), FROM);
      v128.store(slot, inverseRoot(numberOf(operand(o, 3) + own, columns, last - row), p.eps), FACTOR);
      row += lanes;
    }
    if (moves) addAffine(dy, x, run, weight, w4 ? -1 : 0, dweight, dbias, wanted ? -1 : 0, scratch);
    for (let c = 0; c < pieces; c++) {
      const to = <usize>c << 2;
      for (let b = 0; b < sums; b++) {
        let at = <usize>b * jump + to * count;
        for (let slot = scratch; slot < slots; slot += SLOT) {
          addProducts(dy + at, x + at, count, slot);
          at += size;
        }
      }
      row = first;
      for (let slot = scratch; slot < slots; slot += SLOT) {
        const rest = last - row;
        let a = total(slot, columns);
        let b = total(slot + 16, columns);
        if (!moves) {
          b = f32x4.mul(b, v128.load(slot, FACTOR));
          if (wanted) {
            const own = to + (<usize>(row - first) << 2);
            storeUpTo(dweight + own, b, columns ? rest : 1);
            storeUpTo(dbias + own, a, columns ? rest : 1);
          }
          if (p.hasWeight) {
            const w = numberOf(affineOf(p, operand(o, 4), row) + to, columns, rest);
            a = f32x4.mul(a, w);
            b = f32x4.mul(b, w);
          }
        }
        v128.store(slot, f32x4.add(v128.load(slot, LEVEL), a), LEVEL);
        v128.store(slot, f32x4.add(v128.load(slot, SLOPE), b), SLOPE);
        clear(slot);
        row += lanes;
      }
    }
    for (let slot = scratch; slot < slots; slot += SLOT) {
      const root = v128.load(slot, FACTOR);
      const by = f32x4.neg(f32x4.mul(root, scale));
      v128.store(slot, root);
      v128.store(slot, p.centred ? f32x4.mul(by, v128.load(slot, LEVEL)) : splat(0.0), LEVEL);
      v128.store(slot, f32x4.mul(f32x4.mul(by, root), v128.load(slot, SLOPE)), SLOPE);
    }
    for (let b = 0; b < blocks; b++) {
      let at = <usize>b * jump;
      row = first;
      for (let slot = scratch; slot < slots; slot += SLOT) {
        const root = v128.load(slot);
        const weights = affineOf(p, operand(o, 4), row);
        for (let c = 0; c < pieces; c++) {
          const factor = p.hasWeight && !moves ? f32x4.mul(root, numberOf(weights + (c << 2), columns, last - row)) : root;
          const own = at + ((<usize>c * count) << 2);
          v128.store(slot, factor, FACTOR);
          projectRun(dy + own, x + own, dx + own, count, weight, w4, slot);
        }
        at += size;
        row += lanes;
      }
    }
    if (columns) copyColumns(operand(o, 5) + skip, last - first, <i32>p.batch, jump, space, true);
  }
}
