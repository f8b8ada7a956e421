// Variances and logarithms of sums of powers: reductions that pass over their elements twice.
import { ReduceParams } from '../build/params';
import {
  addDeviation,
  addDistance,
  baseOf,
  Block,
  COLUMNS,
  extreme,
  inBlocks,
  innerOf,
  joinRows,
  makeBlock,
  SIDE,
} from './reduce_join';
import { exp4, log4 } from './functions';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { logOf, sumPowers } from './softmax_row';

/** Columns of a block of moments, which stay in the cache for two passes; src/ops/reduce_moments.ts plans with the same number. */
const MOMENT_COLUMNS: i32 = 128;

/** y += x - base - mean, or its square. */
// @ts-ignore: decorator
@inline
function momentFour(x: usize, base: usize, mean: usize, y: usize, rest: i32, pass: i32): void {
  let d = f32x4.sub(f32x4.sub(loadUpTo(x, rest), loadUpTo(base, rest)), v128.load(mean));
  if (pass) d = f32x4.mul(d, d);
  storeUpTo(y, f32x4.add(loadUpTo(y, rest), d), rest);
}

/** Σ (x - mean)² · scale, or its root, in two passes, both from the first element's distance on: equal elements give exactly 0. */
function moments(o: usize, params: usize, scratch: usize, begin: i32, end: i32, root: bool): void {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  const means = scratch + SIDE;
  for (let unit = begin; unit < end; ) {
    if (!inBlocks(p)) {
      const base = baseOf(operand(o, 0), params, unit);
      const y = operand(o, 1) + (unit++ << 2);
      const origin = load<i32>(base);
      joinRows(base, params, y, addDistance, 0, origin, 0);
      joinRows(base, params, y, addDeviation, 0, origin, reinterpret<i32>(load<f32>(y) / <f32>p.inner));
      const spread = load<f32>(y) * p.scale;
      store<f32>(y, root ? sqrt<f32>(spread) : spread);
      continue;
    }
    unit = makeBlock(o, params, scratch, unit, end, MOMENT_COLUMNS);
    const y = block.y;
    const base = block.line(params, 0);
    const size = <usize>block.count << 2;
    memory.fill(means, 0, <usize>MOMENT_COLUMNS << 2);
    for (let pass = 0; pass < 2; pass++) {
      memory.fill(y, 0, size);
      for (let line = 0; line < <i32>p.inner; line++) {
        const x = block.line(params, line);
        let at: usize = 0;
        for (; at + 16 <= size; at += 16) momentFour(x + at, base + at, means + at, y + at, 4, pass);
        if (at < size) momentFour(x + at, base + at, means + at, y + at, <i32>(size - at) >> 2, pass);
      }
      for (let at: usize = 0; at < size; at += 16) {
        const rest = <i32>(size - at) >> 2;
        const sums = loadUpTo(y + at, rest);
        if (!pass) {
          v128.store(means + at, f32x4.div(sums, splat(<f32>p.inner)));
          continue;
        }
        const spread = f32x4.mul(sums, splat(p.scale));
        storeUpTo(y + at, root ? f32x4.sqrt(spread) : spread, rest);
      }
    }
  }
}
export function variance_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments(o, p, s, begin, end, false); }
export function std_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments(o, p, s, begin, end, true); }

/** ln Σ e^(x - top) + top; a top that is infinite is the result. Rows by the same function as softmax. */
export function log_sum_exp_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  const sums = scratch + SIDE;
  extreme(o, params, scratch, begin, end, 0);
  for (let unit = begin; unit < end; ) {
    if (!inBlocks(p)) {
      const base = baseOf(operand(o, 0), params, unit);
      const y = operand(o, 1) + (unit++ << 2);
      const run = load<i32>(params + ((p.innerRank - 1) << 2), offsetof<ReduceParams>('innerShape0'));
      const top = load<f32>(y);
      if (abs(top) == <f32>Infinity) continue;
      let total: f32 = 0.0;
      for (let i = 0; i < <i32>p.inner; i += run) total += sumPowers(innerOf(base, params, i / run, 1), 0, run, top);
      store<f32>(y, logOf(total) + top);
      continue;
    }
    unit = makeBlock(o, params, scratch, unit, end, COLUMNS);
    memory.fill(sums, 0, <usize>block.count << 2);
    for (let line = 0; line <= <i32>p.inner; line++) {
      const x = block.line(params, line);
      for (let i = 0; i < block.count; i += 4) {
        const at = i << 2;
        const rest = block.count - i;
        const top = loadUpTo(block.y + at, rest);
        const sum = v128.load(sums + at);
        if (line < <i32>p.inner) {
          v128.store(sums + at, f32x4.add(sum, exp4(f32x4.sub(loadUpTo(x + at, rest), top))));
        } else {
          const infinite = f32x4.eq(f32x4.abs(top), splat(<f32>Infinity));
          storeUpTo(block.y + at, v128.bitselect(top, f32x4.add(log4(sum), top), infinite), rest);
        }
      }
    }
  }
}
