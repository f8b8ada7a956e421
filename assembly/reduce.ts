// One output per position of the axes that stay, from all positions of the reduced axes: terms of the elements, joined
// two and two, then finished. Units are output elements. A bool is a word, 0 or 1.
import { ReduceParams } from '../build/params';
import {
  Abs,
  AddF32,
  AddI32,
  Deviation,
  Distance,
  Exponential,
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
} from './reduce_terms';
import { log4, operand, splat } from './simd';
import { offsetOf } from './walk';

/** Address of the first element that output number `unit` is made of. */
function baseOf(x: usize, params: usize, unit: i32): usize {
  const rank = <i32>changetype<ReduceParams>(params).outerRank;
  const shape = params + offsetof<ReduceParams>('outerShape0');
  return x + (offsetOf(unit, rank, shape, params + offsetof<ReduceParams>('outerStrides0')) << 2);
}

/** Joins the terms of `count` elements `move` bytes apart onto `held`, neighbours in four chains at a time. */
// @ts-ignore: decorator
@inline
function joinRun<Term, Join, T, R>(x: usize, count: i32, move: usize, held: R, start: R, u: f32, v: f32): R {
  if (move == 4 && count >= 16) {
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
    a = changetype<Join>(0).lanes(changetype<Join>(0).lanes(a, b), changetype<Join>(0).lanes(c, d));
    held = changetype<Join>(0).lane(held, v128.extract_lane<R>(a, 0));
    held = changetype<Join>(0).lane(held, v128.extract_lane<R>(a, 1));
    held = changetype<Join>(0).lane(held, v128.extract_lane<R>(a, 2));
    held = changetype<Join>(0).lane(held, v128.extract_lane<R>(a, 3));
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
  const runs = run == 0 ? 0 : <i32>p.inner / run;
  let held = start;
  for (let r = 0; r < runs; r++) {
    const from = base + (offsetOf(r, axis, innerShape, innerStrides) << 2);
    held = joinRun<Term, Join, T, R>(from, run, move, held, start, u, v);
  }
  return held;
}

// @ts-ignore: decorator
@inline
function reduce<Term, Join, Finish, T, R>(operands: usize, params: usize, begin: i32, end: i32, start: R): void {
  const p = changetype<ReduceParams>(params);
  const x = operand(operands, 0);
  const y = operand(operands, 1);
  for (let unit = begin; unit < end; unit++) {
    const total = totalOf<Term, Join, T, R>(baseOf(x, params, unit), params, start, p.power, 0.0);
    store<R>(y + (unit << 2), changetype<Finish>(0).lane(total, p));
  }
}

export function sum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameF32, AddF32, Scaled, f32, f32>(o, p, begin, end, 0.0); }
export function prod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameF32, MulF32, KeptF32, f32, f32>(o, p, begin, end, 1.0); }
export function max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameF32, MaxF32, KeptF32, f32, f32>(o, p, begin, end, -<f32>Infinity); }
export function min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<SameF32, MinF32, KeptF32, f32, f32>(o, p, begin, end, <f32>Infinity); }
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
export function norm_power_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Power, AddF32, PowerRoot, f32, f32>(o, p, begin, end, 0.0); }
export function norm_max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Abs, MaxF32, KeptF32, f32, f32>(o, p, begin, end, 0.0); }
export function norm_min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Abs, MinF32, KeptF32, f32, f32>(o, p, begin, end, <f32>Infinity); }

/** Σ (x - mean)² · scale in two passes, both from the first element's distance on: equal elements give exactly 0. */
// @ts-ignore: decorator
@inline
function moments<Finish>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<ReduceParams>(params);
  const y = operand(o, 1);
  for (let unit = begin; unit < end; unit++) {
    const base = baseOf(operand(o, 0), params, unit);
    const origin = p.inner == 0 ? <f32>0.0 : load<f32>(base);
    const mean = totalOf<Distance, AddF32, f32, f32>(base, params, 0.0, origin, 0.0) / <f32>p.inner;
    const total = totalOf<Deviation, AddF32, f32, f32>(base, params, 0.0, origin, mean);
    store<f32>(y + (unit << 2), changetype<Finish>(0).lane(total, p));
  }
}
export function variance_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments<Scaled>(o, p, begin, end); }
export function std_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { moments<ScaledRoot>(o, p, begin, end); }

/** ln Σ e^(x - top) + top; a top that is infinite is not subtracted. */
export function log_sum_exp_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const y = operand(o, 1);
  for (let unit = begin; unit < end; unit++) {
    const base = baseOf(operand(o, 0), params, unit);
    let top = totalOf<SameF32, MaxF32, f32, f32>(base, params, -<f32>Infinity, 0.0, 0.0);
    if (abs(top) == <f32>Infinity) top = 0.0;
    const total = totalOf<Exponential, AddF32, f32, f32>(base, params, 0.0, top, 0.0);
    store<f32>(y + (unit << 2), f32x4.extract_lane(log4(splat(total)), 0) + top);
  }
}

// Whether a is to be taken before b, which came first. NaN comes before every number.

// @ts-ignore: decorator
@final @unmanaged class MoreF32 {
  // @ts-ignore: decorator
  @inline beats(a: f32, b: f32): bool { return a > b || (a != a && b == b); }
}
// @ts-ignore: decorator
@final @unmanaged class LessF32 {
  // @ts-ignore: decorator
  @inline beats(a: f32, b: f32): bool { return a < b || (a != a && b == b); }
}
// @ts-ignore: decorator
@final @unmanaged class MoreI32 {
  // @ts-ignore: decorator
  @inline beats(a: i32, b: i32): bool { return a > b; }
}
// @ts-ignore: decorator
@final @unmanaged class LessI32 {
  // @ts-ignore: decorator
  @inline beats(a: i32, b: i32): bool { return a < b; }
}

/** The index, in row-major order of the reduced axes, of the first element that no other beats; i32. */
// @ts-ignore: decorator
@inline
function place<F, T>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<ReduceParams>(params);
  const y = operand(o, 1);
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  for (let unit = begin; unit < end; unit++) {
    const base = baseOf(operand(o, 0), params, unit);
    let best = load<T>(base);
    let index = 0;
    for (let i = 1; i < <i32>p.inner; i++) {
      const value = load<T>(base + (offsetOf(i, <i32>p.innerRank, innerShape, innerStrides) << 2));
      if (changetype<F>(0).beats(value, best)) {
        best = value;
        index = i;
      }
    }
    store<i32>(y + (unit << 2), index);
  }
}
export function argmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<MoreF32, f32>(o, p, begin, end); }
export function argmin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<LessF32, f32>(o, p, begin, end); }
export function argmax_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<MoreI32, i32>(o, p, begin, end); }
export function argmin_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<LessI32, i32>(o, p, begin, end); }
