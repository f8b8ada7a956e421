// One output per position of the axes that stay, from all positions of the reduced axes: terms of the elements, joined
// two and two, then finished. Units are output elements. A bool is a word, 0 or 1.
//
// Long rows are joined in four chains of vectors. Where outputs are neighbours instead (`columns` of them), a unit is a
// block of these, and lines of elements are joined onto the block itself: every line is read as it lies. Many short rows
// are turned over in scratch to be such lines, too. How an element is joined is said once, by a functor for each kernel.
import { ReduceParams } from '../build/params';
import { transpose } from './matmul_pack';
import {
  Abs,
  AddF32,
  AddI32,
  Deviation,
  Distance,
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
  powerRoot,
  Same,
  Square,
  Turned,
} from './reduce_terms';
import { exp4, loadUpTo, log4, operand, splat, storeUpTo } from './simd';
import { logOf, sumPowers } from './softmax';
import { offsetOf } from './walk';

/** Address of the first element that output number `unit` is made of. */
function baseOf(x: usize, params: usize, unit: i32): usize {
  const rank = <i32>changetype<ReduceParams>(params).outerRank;
  return x + (offsetOf(unit, rank, params + offsetof<ReduceParams>('outerShape0'), params + offsetof<ReduceParams>('outerStrides0')) << 2);
}

/** Address of the start of run (or line) number `index`, the last `skip` of the inner axes left out. */
function innerOf(x: usize, params: usize, index: i32, skip: i32): usize {
  const rank = <i32>changetype<ReduceParams>(params).innerRank - skip;
  return x + (offsetOf(index, rank, params + offsetof<ReduceParams>('innerShape0'), params + offsetof<ReduceParams>('innerStrides0')) << 2);
}

/**
 * Joins the terms of `count` neighbours at x with what is at y, or with `set` as if that were `start`: `along` a line, each
 * onto its own word of y, else all onto one. Terms may need u and v.
 */
type Joining = (x: usize, count: i32, y: usize, start: i32, u: i32, v: i32, set: bool, along: bool) => void;

// @ts-ignore: decorator
@inline
function join<Term, Join>(x: usize, count: i32, y: usize, start: i32, u: i32, v: i32, set: bool, along: bool): void {
  const p = i32x4.splat(u);
  const q = i32x4.splat(v);
  if (along) {
    for (; count >= 4; count -= 4) {
      const term = changetype<Term>(0).lanes(v128.load(x), p, q);
      v128.store(y, set ? term : changetype<Join>(0).lanes(v128.load(y), term));
      x += 16;
      y += 16;
    }
    for (; count > 0; count--) {
      const term = changetype<Term>(0).lanes(v128.load32_splat(x), p, q);
      v128.store_lane<u32>(y, set ? term : changetype<Join>(0).lanes(v128.load32_splat(y), term), 0);
      x += 4;
      y += 4;
    }
    return;
  }
  let a = i32x4.splat(start);
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
  a = changetype<Join>(0).lanes(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1));
  a = changetype<Join>(0).lanes(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2));
  if (!set) a = changetype<Join>(0).lanes(v128.load32_splat(y), a);
  for (; count > 0; count--) {
    a = changetype<Join>(0).lanes(a, changetype<Term>(0).lanes(v128.load32_splat(x), p, q));
    x += 4;
  }
  v128.store_lane<u32>(y, a, 0);
}

/** Joins all elements of one output, which lie in rows. */
function joinRows(base: usize, params: usize, y: usize, joining: Joining, start: i32, u: i32, v: i32): void {
  const p = changetype<ReduceParams>(params);
  const run = load<i32>(params + ((p.innerRank - 1) << 2), offsetof<ReduceParams>('innerShape0'));
  store<i32>(y, start);
  for (let r = 0, first = 0; first < <i32>p.inner; r++) {
    joining(innerOf(base, params, r, 1), run, y, start, u, v, first == 0, false);
    first += run;
  }
}

/** Outputs of one unit where they are columns; src/ops/reduce_kernels.ts plans with the same number. */
const COLUMNS: i32 = 4096;
/** The longest rows that are turned over, how many at a time, and how far apart their elements lie then. */
const SHORT: i32 = 32;
const TOGETHER: i32 = 64;
const PITCH: usize = (<usize>TOGETHER << 2) + 16;
/** Where scratch memory has room for numbers of each column. */
const SIDE: usize = 16 + <usize>SHORT * PITCH;

/** A block of neighbouring outputs, at the start of scratch memory. */
@final @unmanaged class Block {
  /** The first line of elements, and the bytes to the next, 0 where they are as the inner axes say. */
  x: usize;
  pitch: usize;
  y: usize;
  count: i32;

  // @ts-ignore: decorator
  @inline line(params: usize, index: i32): usize {
    return this.pitch ? this.x + index * this.pitch : innerOf(this.x, params, index, 0);
  }
}

/** Whether outputs are made in blocks. */
function inBlocks(p: ReduceParams): bool {
  return p.columns != 0 || (<i32>p.inner <= SHORT && p.innerRank == 1 && p.outerRank == 1);
}

/** The number of the first output of a unit of blocks of `width`. */
function outputOf(p: ReduceParams, unit: i32, width: i32): i32 {
  const columns = <i32>p.columns;
  if (!columns) return unit;
  const blocks = (columns + width - 1) / width;
  const row = unit / blocks;
  return row * columns + (unit - row * blocks) * width;
}

/** Makes the block of `unit`, or of several from there on up to `end`; the unit behind it. */
function makeBlock(o: usize, params: usize, scratch: usize, unit: i32, end: i32, width: i32): i32 {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  const first = outputOf(p, unit, width);
  block.x = baseOf(operand(o, 0), params, first);
  block.y = operand(o, 1) + (first << 2);
  block.pitch = 0;
  if (p.columns) {
    block.count = outputOf(p, unit + 1, width) - first;
    return unit + 1;
  }
  block.count = min(TOGETHER, end - unit);
  block.pitch = PITCH;
  transpose(block.x, p.outerStrides0 << 2, <i32>p.inner, block.count, scratch + 16, PITCH);
  block.x = scratch + 16;
  return unit + block.count;
}

function reduce(o: usize, params: usize, scratch: usize, begin: i32, end: i32, joining: Joining, start: i32, u: i32 = 0): void {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  for (let unit = begin; unit < end; ) {
    if (!inBlocks(p)) {
      joinRows(baseOf(operand(o, 0), params, unit), params, operand(o, 1) + (unit << 2), joining, start, u, 0);
      unit++;
      continue;
    }
    unit = makeBlock(o, params, scratch, unit, end, COLUMNS);
    if (!p.inner) for (let i = 0; i < block.count; i++) store<i32>(block.y + (i << 2), start);
    for (let line = 0; line < <i32>p.inner; line++) joining(block.line(params, line), block.count, block.y, start, u, 0, line == 0, true);
  }
}

/** Totals of units are scaled, then turned by `turn`, or with `root` their roots taken. */
function finish(o: usize, params: usize, begin: i32, end: i32, turn: i32, root: bool): void {
  const p = changetype<ReduceParams>(params);
  if (p.scale == 1.0 && !turn && !root) return;
  const first = outputOf(p, begin, COLUMNS);
  for (let left = outputOf(p, end, COLUMNS) - first, y = operand(o, 1) + (first << 2); left > 0; left -= 4) {
    const totals = v128.xor(f32x4.mul(loadUpTo(y, left), splat(p.scale)), i32x4.splat(turn));
    storeUpTo(y, root ? f32x4.sqrt(totals) : totals, left);
    y += 16;
  }
}

const MINUS_INFINITY: i32 = 0xff800000;
const INFINITY: i32 = 0x7f800000;
const ONE: i32 = 0x3f800000;

function addF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, AddF32>(x, n, y, i, u, v, set, along); }
function mulF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MulF32>(x, n, y, i, u, v, set, along); }
function maxF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Turned, MaxF32>(x, n, y, i, u, v, set, along); }
function addI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, AddI32>(x, n, y, i, u, v, set, along); }
function mulI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MulI32>(x, n, y, i, u, v, set, along); }
function maxI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Turned, MaxI32>(x, n, y, i, u, v, set, along); }
function minI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MinI32>(x, n, y, i, u, v, set, along); }
function countF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<NonzeroF32, AddI32>(x, n, y, i, u, v, set, along); }
function countI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<NonzeroI32, AddI32>(x, n, y, i, u, v, set, along); }
function addOne(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<One, AddF32>(x, n, y, i, u, v, set, along); }
function addAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, AddF32>(x, n, y, i, u, v, set, along); }
function addSquare(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Square, AddF32>(x, n, y, i, u, v, set, along); }
function addPower(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Power, AddF32>(x, n, y, i, u, v, set, along); }
function maxAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, MaxF32>(x, n, y, i, u, v, set, along); }
function minAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, MinF32>(x, n, y, i, u, v, set, along); }
function addDistance(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Distance, AddF32>(x, n, y, i, u, v, set, along); }
function addDeviation(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Deviation, AddF32>(x, n, y, i, u, v, set, along); }

export function sum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  reduce(o, p, s, begin, end, addF32, 0);
  finish(o, p, begin, end, 0, false);
}
export function prod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, mulF32, ONE); }

/** The largest element, or with `turn` the sign's bit the smallest: the largest with all signs turned, turned back. */
function extreme(o: usize, p: usize, s: usize, begin: i32, end: i32, turn: i32): void {
  reduce(o, p, s, begin, end, maxF32, MINUS_INFINITY, turn);
  finish(o, p, begin, end, turn, false);
}
export function max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { extreme(o, p, s, begin, end, 0); }
export function min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { extreme(o, p, s, begin, end, i32.MIN_VALUE); }
export function sum_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, addI32, 0); }
export function prod_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, mulI32, 1); }
export function max_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, maxI32, i32.MIN_VALUE); }
export function min_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, minI32, i32.MAX_VALUE); }
export function any_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, maxI32, 0); }
export function all_bool(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, minI32, 1); }
export function count_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, countF32, 0); }
export function count_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, countI32, 0); }
export function norm_zero_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, addOne, 0); }
export function norm_one_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, addAbs, 0); }
export function norm_two_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  reduce(o, p, s, begin, end, addSquare, 0);
  finish(o, p, begin, end, 0, true);
}
export function norm_power_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<ReduceParams>(params);
  reduce(o, params, s, begin, end, addPower, 0, reinterpret<i32>(p.power));
  for (let i = outputOf(p, begin, COLUMNS); i < outputOf(p, end, COLUMNS); i++) {
    const y = operand(o, 1) + (i << 2);
    store<f32>(y, powerRoot(load<f32>(y), p.power));
  }
}
export function norm_max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, maxAbs, 0); }
export function norm_min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, minAbs, INFINITY); }

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

// The index, in row-major order of the reduced axes, of the first largest element; i32. NaN counts as largest. The smallest
// is the largest of elements whose bits are turned by `turn`: the sign of f32, all bits of i32.

/** The elements that are larger than the best so far. */
// @ts-ignore: decorator
@inline
function wins<T>(value: v128, best: v128): v128 {
  const more = v128.gt<T>(value, best);
  return isFloat<T>() ? v128.or(more, v128.and(f32x4.ne(value, value), f32x4.eq(best, best))) : more;
}

/** The first of `count` neighbours that is `best`, which one of them is. */
// @ts-ignore: decorator
@inline
function findFirst<T>(x: usize, count: i32, best: v128): i32 {
  const isNaN = isFloat<T>() ? f32x4.ne(best, best) : i32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const v = loadUpTo(x + (i << 2), count - i);
    let found = v128.eq<T>(v, best);
    if (isFloat<T>()) found = v128.or(found, v128.and(f32x4.ne(v, v), isNaN));
    const places = i32x4.bitmask(found);
    if (places) return i + ctz(places);
  }
  return 0;
}

/** Elements of a row whose largest is found before it is searched for. */
const STRETCH: i32 = 512;

// @ts-ignore: decorator
@inline
function place<T>(o: usize, params: usize, scratch: usize, begin: i32, end: i32, turn: i32): void {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  const lines = <i32>p.inner;
  const turns = i32x4.splat(turn);
  for (let unit = begin; unit < end; ) {
    if (!inBlocks(p)) {
      const x = baseOf(operand(o, 0), params, unit);
      const y = operand(o, 1) + (unit++ << 2);
      let best = v128.xor(v128.load32_splat(x), turns);
      let where = 0;
      for (let i = 0; i < lines; i += STRETCH) {
        const count = min(STRETCH, lines - i);
        if (isFloat<T>()) maxF32(x + (i << 2), count, scratch, MINUS_INFINITY, turn, 0, true, false);
        else maxI32(x + (i << 2), count, scratch, i32.MIN_VALUE, turn, 0, true, false);
        const top = v128.load32_splat(scratch);
        if (v128.any_true(wins<T>(top, best))) {
          best = top;
          where = i;
        }
      }
      store<i32>(y, where + findFirst<T>(x + (where << 2), lines - where, v128.xor(best, turns)));
      continue;
    }
    unit = makeBlock(o, params, scratch, unit, end, COLUMNS);
    const indices = block.y - (scratch + SIDE);
    memory.fill(block.y, 0, <usize>block.count << 2);
    for (let line = 0; line < lines; line++) {
      const index = i32x4.splat(line);
      let x = block.line(params, line);
      let side = scratch + SIDE;
      for (let rest = block.count; rest > 0; rest -= 4) {
        const value = v128.xor(loadUpTo(x, rest), turns);
        if (line) {
          const best = v128.load(side);
          const won = wins<T>(value, best);
          v128.store(side, v128.bitselect(value, best, won));
          storeUpTo(side + indices, v128.bitselect(index, loadUpTo(side + indices, rest), won), rest);
        } else {
          v128.store(side, value);
        }
        x += 16;
        side += 16;
      }
    }
  }
}
export function argmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, s, begin, end, 0); }
export function argmin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, s, begin, end, i32.MIN_VALUE); }
export function argmax_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, s, begin, end, 0); }
export function argmin_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, s, begin, end, -1); }
