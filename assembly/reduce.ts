// One output per position of the axes that stay, from all positions of the reduced axes: terms of the elements, joined
// two and two, then finished. Units are output elements. A bool is a word, 0 or 1.
//
// Where the outputs are neighbours whose elements lie one line apart (sums over leading axes), a unit is a block of
// COLUMNS of them, and the lines are joined four at a time onto the block itself: every line is read as it lies.
import { ReduceParams } from '../build/params';
import {
  Abs,
  AddF32,
  AddI32,
  Deviation,
  Distance,
  KeptF32,
  KeptI32,
  MaxF32,
  MaxI32,
  MinF32,
  MinI32,
  MulF32,
  MulI32,
  NonzeroF32,
  NonzeroI32,
  One,
  Power,
  PowerRoot,
  SameF32,
  SameI32,
  Scaled,
  ScaledRoot,
  Square,
  TurnedBack,
  TurnedF32,
} from './reduce_terms';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { logOf, sumPowers } from './softmax';
import { offsetOf } from './walk';

/** Address of the first element that output number `unit` is made of. */
function baseOf(x: usize, params: usize, unit: i32): usize {
  const rank = <i32>changetype<ReduceParams>(params).outerRank;
  const shape = params + offsetof<ReduceParams>('outerShape0');
  const strides = params + offsetof<ReduceParams>('outerStrides0');
  if (rank == 1) return x + ((unit * load<i32>(strides)) << 2);
  return x + (offsetOf(unit, rank, shape, strides) << 2);
}

/** Joins the terms of `count` elements `move` bytes apart onto `held`, neighbours in four chains at a time. */
// @ts-ignore: decorator
@inline
function joinRun<Term, Join, T, R>(x: usize, count: i32, move: usize, held: R, start: R, u: f32, v: f32): R {
  if (move == 4 && count >= 8) {
    const p = splat(u);
    const q = splat(v);
    let a = v128.splat<R>(start);
    let b = a;
    let c = a;
    let d = a;
    for (; count >= 16; count -= 16) {
      a = changetype<Join>(0).lanes(a, changetype<Term>(0).lanes(v128.load(x), p, q));
      b = changetype<Join>(0).lanes(b, changetype<Term>(0).lanes(v128.load(x, 16), p, q));
      c = changetype<Join>(0).lanes(c, changetype<Term>(0).lanes(v128.load(x, 32), p, q));
      d = changetype<Join>(0).lanes(d, changetype<Term>(0).lanes(v128.load(x, 48), p, q));
      x += 64;
    }
    for (; count >= 4; count -= 4) {
      a = changetype<Join>(0).lanes(a, changetype<Term>(0).lanes(v128.load(x), p, q));
      x += 16;
    }
    a = changetype<Join>(0).lanes(changetype<Join>(0).lanes(a, b), changetype<Join>(0).lanes(c, d));
    a = changetype<Join>(0).lanes(a, v128.shuffle<R>(a, a, 2, 3, 0, 1));
    a = changetype<Join>(0).lanes(a, v128.shuffle<R>(a, a, 1, 0, 3, 2));
    held = changetype<Join>(0).lane(held, v128.extract_lane<R>(a, 0));
  }
  for (; count > 0; count--) {
    held = changetype<Join>(0).lane(held, changetype<Term>(0).lane(load<T>(x), u, v));
    x += move;
  }
  return held;
}

/** The joined terms of all elements of one output; `u` and `v` are what terms may need. */
// @ts-ignore: decorator
@inline
function totalOf<Term, Join, T, R>(base: usize, params: usize, start: R, u: f32, v: f32): R {
  const p = changetype<ReduceParams>(params);
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  const axis = <i32>p.innerRank - 1;
  const run = load<i32>(innerShape + (axis << 2));
  const move = <usize>load<i32>(innerStrides + (axis << 2)) << 2;
  const runs = axis == 0 ? 1 : run == 0 ? 0 : <i32>p.inner / run;
  let held = start;
  for (let r = 0; r < runs; r++) {
    const from = base + (offsetOf(r, axis, innerShape, innerStrides) << 2);
    held = joinRun<Term, Join, T, R>(from, run, move, held, start, u, v);
  }
  return held;
}

/** Outputs of one unit where they are columns; src/ops/reduce_kernels.ts plans with the same number. */
const COLUMNS: i32 = 4096;

// @ts-ignore: decorator
@inline
function joinFour<Term, Join>(x: usize, rest: i32, y: usize, u: v128, set: bool): void {
  const term = changetype<Term>(0).lanes(loadUpTo(x, rest), u, u);
  storeUpTo(y, set ? term : changetype<Join>(0).lanes(loadUpTo(y, rest), term), rest);
}

/** Joins the terms of `count` neighbours onto y, or with `set` puts them there. */
// @ts-ignore: decorator
@inline
function joinLine<Term, Join>(x: usize, count: i32, y: usize, u: v128, set: bool): void {
  for (; count >= 4; count -= 4) {
    joinFour<Term, Join>(x, 4, y, u, set);
    x += 16;
    y += 16;
  }
  if (count) joinFour<Term, Join>(x, count, y, u, set);
}

// @ts-ignore: decorator
@inline
function reduceColumns<Term, Join, Finish>(operands: usize, params: usize, begin: i32, end: i32, u: f32): bool {
  const p = changetype<ReduceParams>(params);
  const columns = <i32>p.columns;
  if (!columns) return false;
  const blocks = (columns + COLUMNS - 1) / COLUMNS;
  const move = <usize>load<i32>(params, offsetof<ReduceParams>('innerStrides0')) << 2;
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const column = (unit - row * blocks) * COLUMNS;
    const count = min(columns - column, COLUMNS);
    const first = row * columns + column;
    const y = operand(operands, 1) + (first << 2);
    let x = baseOf(operand(operands, 0), params, first);
    joinLine<Term, Join>(x, count, y, splat(u), true);
    for (let line = 1; line < <i32>p.inner; line++) joinLine<Term, Join>((x += move), count, y, splat(u), false);
    for (let i = 0; i < count; i++) {
      const at = y + (i << 2);
      store<f32>(at, changetype<Finish>(0).lane(load<f32>(at), p, u));
    }
  }
  return true;
}

// @ts-ignore: decorator
@inline
function reduce<Term, Join, Finish, T, R>(operands: usize, params: usize, begin: i32, end: i32, start: R, u: f32 = 0.0): void {
  const p = changetype<ReduceParams>(params);
  const x = operand(operands, 0);
  const y = operand(operands, 1);
  for (let unit = begin; unit < end; unit++) {
    const total = totalOf<Term, Join, T, R>(baseOf(x, params, unit), params, start, u, 0.0);
    store<R>(y + (unit << 2), changetype<Finish>(0).lane(total, p, u));
  }
}

export function sum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  if (!reduceColumns<SameF32, AddF32, Scaled>(o, p, begin, end, 0.0)) reduce<SameF32, AddF32, Scaled, f32, f32>(o, p, begin, end, 0.0);
}
export function prod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameF32, MulF32, KeptF32, f32, f32>(o, p, begin, end, 1.0); }

/** The largest element, or with u = -0 the smallest: the largest with all signs turned, turned back. */
function extreme(o: usize, p: usize, begin: i32, end: i32, u: f32): void {
  if (reduceColumns<TurnedF32, MaxF32, TurnedBack>(o, p, begin, end, u)) return;
  reduce<TurnedF32, MaxF32, TurnedBack, f32, f32>(o, p, begin, end, -<f32>Infinity, u);
}
export function max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { extreme(o, p, begin, end, 0.0); }
export function min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { extreme(o, p, begin, end, -0.0); }
export function sum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, AddI32, KeptI32, i32, i32>(o, p, begin, end, 0); }
export function prod_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, MulI32, KeptI32, i32, i32>(o, p, begin, end, 1); }
export function max_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, MaxI32, KeptI32, i32, i32>(o, p, begin, end, i32.MIN_VALUE); }
export function min_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, MinI32, KeptI32, i32, i32>(o, p, begin, end, i32.MAX_VALUE); }
export function any_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, MaxI32, KeptI32, i32, i32>(o, p, begin, end, 0); }
export function all_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameI32, MinI32, KeptI32, i32, i32>(o, p, begin, end, 1); }
export function count_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<NonzeroF32, AddI32, KeptI32, f32, i32>(o, p, begin, end, 0); }
export function count_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<NonzeroI32, AddI32, KeptI32, i32, i32>(o, p, begin, end, 0); }
export function norm_zero_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<One, AddF32, KeptF32, f32, f32>(o, p, begin, end, 0.0); }
export function norm_one_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Abs, AddF32, KeptF32, f32, f32>(o, p, begin, end, 0.0); }
export function norm_two_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Square, AddF32, ScaledRoot, f32, f32>(o, p, begin, end, 0.0); }
export function norm_power_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Power, AddF32, PowerRoot, f32, f32>(o, p, begin, end, 0.0, changetype<ReduceParams>(p).power); }
export function norm_max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Abs, MaxF32, KeptF32, f32, f32>(o, p, begin, end, 0.0); }
export function norm_min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Abs, MinF32, KeptF32, f32, f32>(o, p, begin, end, <f32>Infinity); }

/** Columns of a unit of `momentColumns`, which stay in the cache for its two passes; src/ops/reduce_moments.ts plans with the same number. */
const MOMENT_COLUMNS: i32 = 128;

/** y += x - base - mean, or its square. */
// @ts-ignore: decorator
@inline
function momentFour(x: usize, base: usize, mean: usize, y: usize, rest: i32, pass: i32): void {
  let d = f32x4.sub(f32x4.sub(loadUpTo(x, rest), loadUpTo(base, rest)), v128.load(mean));
  if (pass) d = f32x4.mul(d, d);
  storeUpTo(y, f32x4.add(loadUpTo(y, rest), d), rest);
}

/** `moments` of neighbouring outputs, line by line: y gathers the sums, scratch holds the means. */
function momentColumns(o: usize, params: usize, scratch: usize, begin: i32, end: i32, root: bool): void {
  const p = changetype<ReduceParams>(params);
  const columns = <i32>p.columns;
  const blocks = (columns + MOMENT_COLUMNS - 1) / MOMENT_COLUMNS;
  const move = <usize>load<i32>(params, offsetof<ReduceParams>('innerStrides0')) << 2;
  for (let unit = begin; unit < end; unit++) {
    const row = unit / blocks;
    const column = (unit - row * blocks) * MOMENT_COLUMNS;
    const size = <usize>min(columns - column, MOMENT_COLUMNS) << 2;
    const first = row * columns + column;
    const base = baseOf(operand(o, 0), params, first);
    const y = operand(o, 1) + (first << 2);
    memory.fill(scratch, 0, <usize>MOMENT_COLUMNS << 2);
    for (let pass = 0; pass < 2; pass++) {
      memory.fill(y, 0, size);
      const stop = base + p.inner * move;
      for (let x = base; x < stop; x += move) {
        let at: usize = 0;
        for (; at + 16 <= size; at += 16) momentFour(x + at, base + at, scratch + at, y + at, 4, pass);
        if (at < size) momentFour(x + at, base + at, scratch + at, y + at, <i32>(size - at) >> 2, pass);
      }
      for (let at: usize = 0; at < size; at += 16) {
        const rest = <i32>(size - at) >> 2;
        const sums = loadUpTo(y + at, rest);
        if (!pass) {
          v128.store(scratch + at, f32x4.div(sums, splat(<f32>p.inner)));
          continue;
        }
        const spread = f32x4.mul(sums, splat(p.scale));
        storeUpTo(y + at, root ? f32x4.sqrt(spread) : spread, rest);
      }
    }
  }
}

/** Σ (x - mean)² · scale, or its root, in two passes, both from the first element's distance on: equal elements give exactly 0. */
function moments(o: usize, params: usize, scratch: usize, begin: i32, end: i32, root: bool): void {
  const p = changetype<ReduceParams>(params);
  if (p.columns) {
    momentColumns(o, params, scratch, begin, end, root);
    return;
  }
  const y = operand(o, 1);
  for (let unit = begin; unit < end; unit++) {
    const base = baseOf(operand(o, 0), params, unit);
    const origin = p.inner == 0 ? <f32>0.0 : load<f32>(base);
    const mean = totalOf<Distance, AddF32, f32, f32>(base, params, 0.0, origin, 0.0) / <f32>p.inner;
    const total = totalOf<Deviation, AddF32, f32, f32>(base, params, 0.0, origin, mean);
    store<f32>(y + (unit << 2), root ? sqrt<f32>(total * p.scale) : total * p.scale);
  }
}
export function variance_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments(o, p, s, begin, end, false); }
export function std_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments(o, p, s, begin, end, true); }

/** Σ e^(x - top), by the same function as softmax where elements are neighbours; else one by one. */
function powersOf(base: usize, params: usize, top: f32): f32 {
  const p = changetype<ReduceParams>(params);
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  const axis = <i32>p.innerRank - 1;
  const run = load<i32>(innerShape + (axis << 2));
  const move = load<i32>(innerStrides + (axis << 2)) << 2;
  let total: f32 = 0.0;
  for (let i = 0; i < <i32>p.inner; i += run) {
    let x = base + (offsetOf(i / run, axis, innerShape, innerStrides) << 2);
    if (move == 4) {
      total += sumPowers(x, 0, run, top);
      continue;
    }
    for (let k = 0; k < run; k++) {
      total += sumPowers(x, 0, 1, top);
      x += move;
    }
  }
  return total;
}

/** ln Σ e^(x - top) + top; a top that is infinite is the result. */
export function log_sum_exp_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  extreme(o, params, begin, end, 0.0);
  for (let unit = begin; unit < end; unit++) {
    const y = operand(o, 1) + (unit << 2);
    const top = load<f32>(y);
    if (abs(top) == <f32>Infinity) continue;
    store<f32>(y, logOf(powersOf(baseOf(operand(o, 0), params, unit), params, top)) + top);
  }
}

// The index, in row-major order of the reduced axes, of the first largest element; i32. NaN counts as largest. The smallest
// is the largest of elements whose bits are turned by `turn`: the sign of f32, all bits of i32.

/** Four neighbouring outputs. */
// @ts-ignore: decorator
@inline
function placeLines<T>(x: usize, lines: i32, move: usize, turn: v128, rest: i32): v128 {
  let best = v128.xor(loadUpTo(x, rest), turn);
  let index = i32x4.splat(0);
  let own = index;
  for (let line = 1; line < lines; line++) {
    x += move;
    own = i32x4.add(own, i32x4.splat(1));
    const value = v128.xor(loadUpTo(x, rest), turn);
    let wins = v128.gt<T>(value, best);
    if (isFloat<T>()) wins = v128.or(wins, v128.and(f32x4.ne(value, value), f32x4.eq(best, best)));
    best = v128.bitselect(value, best, wins);
    index = v128.bitselect(own, index, wins);
  }
  return index;
}

/** The first of `count` neighbours that is `best`, which one of them is. */
// @ts-ignore: decorator
@inline
function findFirst<T>(x: usize, count: i32, best: T): i32 {
  const wanted = v128.splat<T>(best);
  for (let i = 0; i < count; i += 4) {
    const v = loadUpTo(x + (i << 2), count - i);
    let found = v128.eq<T>(v, wanted);
    if (isFloat<T>()) if (best != best) found = f32x4.ne(v, v);
    const places = i32x4.bitmask(found);
    if (places) return i + ctz(places);
  }
  return 0;
}

function place<T>(o: usize, params: usize, begin: i32, end: i32, turn: i32): void {
  const p = changetype<ReduceParams>(params);
  const y = operand(o, 1);
  const columns = <i32>p.columns;
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  const axis = <i32>p.innerRank - 1;
  const run = load<i32>(innerShape + (axis << 2));
  const move = load<i32>(innerStrides + (axis << 2)) << 2;
  const turns = i32x4.splat(turn);
  for (let unit = begin; unit < end; unit++) {
    if (columns) {
      const blocks = (columns + COLUMNS - 1) / COLUMNS;
      const first = unit / blocks * columns + unit % blocks * COLUMNS;
      const stop = first + min(columns - unit % blocks * COLUMNS, COLUMNS);
      const x = baseOf(operand(o, 0), params, first) - (first << 2);
      for (let i = first; i < stop; i += 4) {
        storeUpTo(y + (i << 2), placeLines<T>(x + (i << 2), run, move, turns, stop - i), stop - i);
      }
      continue;
    }
    const base = baseOf(operand(o, 0), params, unit);
    let index = 0;
    if (axis == 0 && move == 4) {
      if (isFloat<T>()) {
        const best = joinRun<TurnedF32, MaxF32, f32, f32>(base, run, 4, -<f32>Infinity, -<f32>Infinity, reinterpret<f32>(turn), 0.0);
        index = findFirst<f32>(base, run, reinterpret<f32>(reinterpret<i32>(best) ^ turn));
      } else {
        let best = load<i32>(base) ^ turn;
        for (let i = 1; i < run; i++) best = max(best, load<i32>(base + (i << 2)) ^ turn);
        index = findFirst<i32>(base, run, best ^ turn);
      }
    } else {
      let best = v128.xor(v128.load32_splat(base), turns);
      for (let i = 1; i < <i32>p.inner; i++) {
        const at = base + ((offsetOf(i / run, axis, innerShape, innerStrides) << 2) + i % run * move);
        const value = v128.xor(v128.load32_splat(at), turns);
        let wins = v128.gt<T>(value, best);
        if (isFloat<T>()) wins = v128.or(wins, v128.and(f32x4.ne(value, value), f32x4.eq(best, best)));
        if (v128.any_true(wins)) {
          best = value;
          index = i;
        }
      }
    }
    store<i32>(y + (unit << 2), index);
  }
}
export function argmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, begin, end, 0); }
export function argmin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, begin, end, i32.MIN_VALUE); }
export function argmax_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, begin, end, 0); }
export function argmin_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, begin, end, -1); }
