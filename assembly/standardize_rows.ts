// The rows of standardize.ts: slots in scratch memory for what is known of each, whose places standardize_runs.ts names, and
// columns behind them.
import { StandardizeParams } from '../build/params';
import { loadUpTo, splat, storeUpTo, sumLanes } from './simd';
import { SLOT } from './standardize_runs';

/** Columns of a unit: a cache line. src/ops/standardize_call.ts has the same number. */
export const COLUMNS: i32 = 16;
/** Rows over the batch that are taken together, and slots in scratch memory. src/ops/standardize_call.ts has the same number. */
export const BAND: i32 = 64;
/** Where scratch memory has columns, behind the slots, or what nobody asks for. */
export const SPACE: usize = BAND * SLOT;

/** Whether rows are columns. */
// @ts-ignore: decorator
@inline
export function byColumns(p: StandardizeParams): bool {
  return p.overBatch != 0 && p.plane == 1;
}

/** The sum of a row, in every lane, from sums of its lanes; columns have one each. */
// @ts-ignore: decorator
@inline
export function total(at: usize, columns: bool): v128 {
  return columns ? v128.load(at) : splat(sumLanes(v128.load(at)));
}

// @ts-ignore: decorator
@inline
export function clear(sums: usize): void {
  v128.store(sums, splat(0.0));
  v128.store(sums, splat(0.0), 16);
}

/** A row's number in every lane, or those of as many columns as there are lanes. */
// @ts-ignore: decorator
@inline
export function numberOf(at: usize, columns: bool, lanes: i32): v128 {
  return columns ? loadUpTo(at, lanes) : v128.load32_splat(at);
}

/** 1 / √(variance + eps). */
// @ts-ignore: decorator
@inline
export function inverseRoot(variance: v128, eps: f32): v128 {
  return f32x4.div(splat(1.0), f32x4.sqrt(f32x4.add(variance, splat(eps))));
}

/** Copies columns of `lines` lines, `step` apart, to scratch memory, vectors of four one below the other, or back. */
export function copyColumns(columns: usize, count: i32, lines: i32, step: usize, scratch: usize, back: bool): void {
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
export function affineOf(p: StandardizeParams, all: usize, row: i32): usize {
  return all + ((<usize>(row < <i32>p.groups ? row : row % <i32>p.groups) * p.channels) << 2);
}
