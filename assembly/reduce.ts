// One output per position of the axes that stay, from all positions of the reduced axes (reduce_join.ts), then finished. A
// bool is a word, 0 or 1.
import { ReduceParams } from '../build/params';
import {
  addAbs,
  addF32,
  addI32,
  addOne,
  addPower,
  addSquare,
  COLUMNS,
  countF32,
  countI32,
  extreme,
  finish,
  INFINITY,
  maxAbs,
  maxI32,
  minAbs,
  minI32,
  mulF32,
  mulI32,
  ONE,
  outputOf,
  reduce,
} from './reduce_join';
import { powerRoot } from './reduce_terms';
import { operand } from './simd';

export function sum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  reduce(o, p, s, begin, end, addF32, 0);
  finish(o, p, begin, end, 0, false);
}
export function prod_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce(o, p, s, begin, end, mulF32, ONE); }

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
