// How reductions go through their elements: terms of these, joined two and two. One output per position of the axes that
// stay; units are output elements.
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
  Same,
  Square,
  Turned,
} from './reduce_terms';
import { loadUpTo, operand, splat, storeUpTo } from './simd';
import { offsetOf } from './walk';

/** Address of the first element that output number `unit` is made of. */
export function baseOf(x: usize, params: usize, unit: i32): usize {
  const rank = <i32>changetype<ReduceParams>(params).outerRank;
  return x + (offsetOf(unit, rank, params + offsetof<ReduceParams>('outerShape0'), params + offsetof<ReduceParams>('outerStrides0')) << 2);
}

/** Address of the start of run (or line) number `index`, the last `skip` of the inner axes left out. */
export function innerOf(x: usize, params: usize, index: i32, skip: i32): usize {
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
export function joinRows(base: usize, params: usize, y: usize, joining: Joining, start: i32, u: i32, v: i32): void {
  const p = changetype<ReduceParams>(params);
  const run = load<i32>(params + ((p.innerRank - 1) << 2), offsetof<ReduceParams>('innerShape0'));
  store<i32>(y, start);
  for (let r = 0, first = 0; first < <i32>p.inner; r++) {
    joining(innerOf(base, params, r, 1), run, y, start, u, v, first == 0, false);
    first += run;
  }
}

/** Outputs of one unit where they are columns; src/ops/reduce_kernels.ts plans with the same number. */
export const COLUMNS: i32 = 4096;
/** The longest rows that are turned over, how many at a time, and how far apart their elements lie then. */
const SHORT: i32 = 32;
const TOGETHER: i32 = 64;
const PITCH: usize = (<usize>TOGETHER << 2) + 16;
/** Where scratch memory has room for numbers of each column. */
export const SIDE: usize = 16 + <usize>SHORT * PITCH;

/** A block of neighbouring outputs, at the start of scratch memory. */
@final @unmanaged export class Block {
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
export function inBlocks(p: ReduceParams): bool {
  return p.columns != 0 || (<i32>p.inner <= SHORT && p.innerRank == 1 && p.outerRank == 1);
}

/** The number of the first output of a unit of blocks of `width`. */
export function outputOf(p: ReduceParams, unit: i32, width: i32): i32 {
  const columns = <i32>p.columns;
  if (!columns) return unit;
  const blocks = (columns + width - 1) / width;
  const row = unit / blocks;
  return row * columns + (unit - row * blocks) * width;
}

/** Makes the block of `unit`, or of several from there on up to `end`; the unit behind it. */
export function makeBlock(o: usize, params: usize, scratch: usize, unit: i32, end: i32, width: i32): i32 {
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

export function reduce(o: usize, params: usize, scratch: usize, begin: i32, end: i32, joining: Joining, start: i32, u: i32 = 0): void {
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
export function finish(o: usize, params: usize, begin: i32, end: i32, turn: i32, root: bool): void {
  const p = changetype<ReduceParams>(params);
  if (p.scale == 1.0 && !turn && !root) return;
  const first = outputOf(p, begin, COLUMNS);
  for (let left = outputOf(p, end, COLUMNS) - first, y = operand(o, 1) + (first << 2); left > 0; left -= 4) {
    const totals = v128.xor(f32x4.mul(loadUpTo(y, left), splat(p.scale)), i32x4.splat(turn));
    storeUpTo(y, root ? f32x4.sqrt(totals) : totals, left);
    y += 16;
  }
}

export const MINUS_INFINITY: i32 = 0xff800000;
export const INFINITY: i32 = 0x7f800000;
export const ONE: i32 = 0x3f800000;

export function addF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, AddF32>(x, n, y, i, u, v, set, along); }
export function mulF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MulF32>(x, n, y, i, u, v, set, along); }
export function maxF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Turned, MaxF32>(x, n, y, i, u, v, set, along); }
export function addI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, AddI32>(x, n, y, i, u, v, set, along); }
export function mulI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MulI32>(x, n, y, i, u, v, set, along); }
export function maxI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Turned, MaxI32>(x, n, y, i, u, v, set, along); }
export function minI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Same, MinI32>(x, n, y, i, u, v, set, along); }
export function countF32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<NonzeroF32, AddI32>(x, n, y, i, u, v, set, along); }
export function countI32(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<NonzeroI32, AddI32>(x, n, y, i, u, v, set, along); }
export function addOne(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<One, AddF32>(x, n, y, i, u, v, set, along); }
export function addAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, AddF32>(x, n, y, i, u, v, set, along); }
export function addSquare(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Square, AddF32>(x, n, y, i, u, v, set, along); }
export function addPower(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Power, AddF32>(x, n, y, i, u, v, set, along); }
export function maxAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, MaxF32>(x, n, y, i, u, v, set, along); }
export function minAbs(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Abs, MinF32>(x, n, y, i, u, v, set, along); }
export function addDistance(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Distance, AddF32>(x, n, y, i, u, v, set, along); }
export function addDeviation(x: usize, n: i32, y: usize, i: i32, u: i32, v: i32, set: bool, along: bool): void { join<Deviation, AddF32>(x, n, y, i, u, v, set, along); }

/** The largest element, or with `turn` the sign's bit the smallest: the largest with all signs turned, turned back. */
export function extreme(o: usize, p: usize, s: usize, begin: i32, end: i32, turn: i32): void {
  reduce(o, p, s, begin, end, maxF32, MINUS_INFINITY, turn);
  finish(o, p, begin, end, turn, false);
}
