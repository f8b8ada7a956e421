// Rows of x [batch, groups, channels, plane] brought to mean 0 and variance 1; src/ops/standardize.ts has the formulas, and
// standardize_backward.ts the gradients. A row is `blocks` runs of `run` elements, `step` apart, the first at row · run: it
// comes from memory once where it fits in the cache. Where rows are columns ([batch, groups, 1, 1] over the batch), COLUMNS of
// them are copied to scratch memory, four side by side, and go the way of a row, with a lane each in place of a sum of lanes.
//
// Processors foresee what is read next where addresses rise steadily through a page. So rows over the batch are taken BAND
// at a time, in the order of memory: twice from there is twice as fast as once, plane by plane, where the second pass finds
// them in the cache. Other rows go one by one: two at once from one page are three times as slow.
import { StandardizeParams } from '../build/params';
import { operand, splat, storeUpTo } from './simd';
import { affineOf, BAND, byColumns, clear, COLUMNS, copyColumns, inverseRoot, numberOf, SPACE, total } from './standardize_rows';
import { addDistances, FACTOR, FROM, LEVEL, ONES, SLOT, scaleRun, ZEROS } from './standardize_runs';

/** Elements whose mean a row's distances are measured from. */
const START: i32 = 64;

/** Sums of 0, of distances from `from`. */
// @ts-ignore: decorator
@inline
function measureFrom(slot: usize, from: v128): void {
  clear(slot);
  v128.store(slot, from, FROM);
}

/** Distances in a row are measured from the mean of its start, `portion` of whose sum that is, or from 0. */
// @ts-ignore: decorator
@inline
function startRow(x: usize, start: i32, portion: v128, centred: u32, columns: bool, slot: usize): void {
  measureFrom(slot, splat(0.0));
  if (!centred) return;
  addDistances(x, start, slot);
  measureFrom(slot, f32x4.mul(total(slot, columns), portion));
}

/**
 * Mean and variance of a row from its sums, to the row's place in the lists of `rest` rows. Where the mean lies further from where
 * distances are measured than the standard deviation, or than a part of it (`near`), a second pass over the row measures from
 * the mean that the first found. The slot is left with how far the mean lies from there, and 1 / √(variance + eps).
 */
// @ts-ignore: decorator
@inline
function findMoments(p: StandardizeParams, x: usize, run: i32, blocks: i32, near: v128, columns: bool, slot: usize, mean: usize, spread: usize, rest: i32): void {
  const scale = splat(p.scale);
  let from = v128.load(slot, FROM);
  let shift = splat(0.0);
  let variance = shift;
  for (let again = false; ; again = true) {
    if (p.centred) shift = f32x4.mul(total(slot, columns), scale);
    const square = f32x4.mul(shift, shift);
    variance = f32x4.max(f32x4.sub(f32x4.mul(total(slot + 16, columns), scale), square), splat(0.0));
    if (again || !v128.any_true(f32x4.gt(square, f32x4.mul(variance, near)))) break;
    from = f32x4.add(from, shift);
    measureFrom(slot, from);
    for (let b = 0; b < blocks; b++) addDistances(x + ((b * <usize>p.step) << 2), run, slot);
  }
  storeUpTo(mean, f32x4.add(from, shift), rest);
  storeUpTo(spread, variance, rest);
  v128.store(slot, shift);
  v128.store(slot, inverseRoot(variance, p.eps), 16);
}

/** y = (x - mean) / √(variance + eps) · weight + bias is ((x - from) factor + level), with weight and bias where these don't move. */
// @ts-ignore: decorator
@inline
function setScale(weight: usize, bias: usize, columns: bool, rest: i32, slot: usize): void {
  let factor = v128.load(slot, 16);
  if (weight) factor = f32x4.mul(factor, numberOf(weight, columns, rest));
  let level = f32x4.neg(f32x4.mul(v128.load(slot), factor));
  if (bias) level = f32x4.add(level, numberOf(bias, columns, rest));
  v128.store(slot, factor, FACTOR);
  v128.store(slot, level, LEVEL);
}

/** Operands: x, weight, bias, y, mean, variance. Units are rows, or COLUMNS of them where they are columns. */
export function standardize_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<StandardizeParams>(params);
  const columns = byColumns(p);
  const jump = <usize>p.step << 2;
  const blocks = columns ? 1 : <i32>p.blocks;
  const run = columns ? <i32>p.batch << 2 : <i32>p.run;
  const size = <usize>run << 2;
  const start = min(run, columns ? 2 * START : START);
  const portion = splat(<f32>1.0 / <f32>max(columns ? start >> 2 : start, 1));
  // Short runs make for long chains of sums.
  const near = splat(<f32>min(run, 256) * (columns ? <f32>(1.0 / 1024.0) : <f32>(1.0 / 256.0)));
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
      startRow(at, start, portion, p.centred, columns, slot);
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
      const own = <usize>row << 2;
      findMoments(p, at, run, blocks, near, columns, slot, operand(o, 4) + own, operand(o, 5) + own, columns ? last - row : 1);
      at += size;
      row += lanes;
    }
    for (let b = 0; b < blocks; b++) {
      let at = <usize>b * jump;
      row = first;
      for (let slot = scratch; slot < slots; slot += SLOT) {
        const weights = affineOf(p, operand(o, 1), row);
        const biases = affineOf(p, operand(o, 2), row);
        for (let c = 0; c < pieces; c++) {
          const to = <usize>c << 2;
          setScale(p.hasWeight && !moves ? weights + to : 0, p.hasBias && !moves ? biases + to : 0, columns, last - row, slot);
          scaleRun(x + at, y + at, count, w4 ? weights : ONES, w4, b4 ? biases : ZEROS, b4, slot);
          at += <usize>count << 2;
        }
        row += lanes;
      }
    }
    if (columns) copyColumns(operand(o, 3) + skip, last - first, <i32>p.batch, jump, scratch + SPACE, true);
  }
}
