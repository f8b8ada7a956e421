// The gradients of standardize.ts, by the same rows: with h = (x - mean) / √(variance + eps) and g = dy · weight,
//
//   dx = (g - mean g - h · mean(g h)) / √(variance + eps), dweight = Σ dy h, dbias = Σ dy.
import { StandardizeParams } from '../build/params';
import { operand, splat, storeUpTo } from './simd';
import { affineOf, BAND, byColumns, clear, COLUMNS, copyColumns, inverseRoot, numberOf, SPACE, total } from './standardize_rows';
import { addAffine, addProducts, FACTOR, FROM, LEVEL, ONES, projectRun, SLOPE, SLOT } from './standardize_runs';

/** Sums of 0, a row's mean, and as its factor 1 / √(variance + eps). */
// @ts-ignore: decorator
@inline
function startRow(mean: usize, variance: usize, eps: f32, columns: bool, rest: i32, slot: usize): void {
  clear(slot);
  clear(slot + LEVEL);
  v128.store(slot, numberOf(mean, columns, rest), FROM);
  v128.store(slot, inverseRoot(numberOf(variance, columns, rest), eps), FACTOR);
}

/**
 * Adds to Σ g and Σ g h of a row what a piece has of them, which is what was summed if that `isDone`. Else it was Σ dy and
 * Σ dy (x - mean): with the row's factor the gradients of the piece's weight and bias, stored where there is room for them, and
 * with the weight, if there is one, the parts. The piece's sums start again.
 */
// @ts-ignore: decorator
@inline
function joinPiece(isDone: bool, weight: usize, dweight: usize, dbias: usize, columns: bool, rest: i32, slot: usize): void {
  let a = total(slot, columns);
  let b = total(slot + 16, columns);
  if (!isDone) b = f32x4.mul(b, v128.load(slot, FACTOR));
  if (dweight) {
    storeUpTo(dweight, b, columns ? rest : 1);
    storeUpTo(dbias, a, columns ? rest : 1);
  }
  if (weight) {
    const w = numberOf(weight, columns, rest);
    a = f32x4.mul(a, w);
    b = f32x4.mul(b, w);
  }
  v128.store(slot, f32x4.add(v128.load(slot, LEVEL), a), LEVEL);
  v128.store(slot, f32x4.add(v128.load(slot, SLOPE), b), SLOPE);
  clear(slot);
}

/** From Σ g and Σ g h what dx has of 1, level, and of x - mean, slope; 1 / √(variance + eps) is what it has of g. */
// @ts-ignore: decorator
@inline
function finishRow(scale: v128, centred: u32, slot: usize): void {
  const root = v128.load(slot, FACTOR);
  const by = f32x4.neg(f32x4.mul(root, scale));
  v128.store(slot, root);
  v128.store(slot, centred ? f32x4.mul(by, v128.load(slot, LEVEL)) : splat(0.0), LEVEL);
  v128.store(slot, f32x4.mul(f32x4.mul(by, root), v128.load(slot, SLOPE)), SLOPE);
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
  const moves = each != 0 && p.plane == 1;
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
      startRow(operand(o, 2) + own, operand(o, 3) + own, p.eps, columns, last - row, slot);
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
        const own = to + (<usize>(row - first) << 2);
        const w = p.hasWeight && !moves ? affineOf(p, operand(o, 4), row) + to : 0;
        joinPiece(moves, w, wanted && !moves ? dweight + own : 0, dbias + own, columns, last - row, slot);
        row += lanes;
      }
    }
    for (let slot = scratch; slot < slots; slot += SLOT) finishRow(scale, p.centred, slot);
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
