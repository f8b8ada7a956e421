// Sorts rows stably: each element becomes a pair of a key, whose order as u32 is the elements' order, and its index, in one
// u64, so that no two are equal. Runs of 16 by insertion, then merged two and two in scratch. Units are rows. Also the
// elements of rows at given indices, and the reverse, by blocks of 512 indices.
import { SelectParams, SortParams } from '../build/params';
import { reportFault } from './fault';
import { operand } from './simd';
import { BLOCK } from './walk';

const RUN: i32 = 16;

/** NaN is greater than every number, zeros of either sign are equal. */
// @ts-ignore: decorator
@inline
function keyOf(word: u32, float: bool, descending: bool): u32 {
  let key = word ^ 0x80000000;
  if (float) {
    const size = word & 0x7fffffff;
    if (size > 0x7f800000) key = 0xffffffff;
    else if (size == 0) key = 0x80000000;
    else if (word != size) key = ~word;
  }
  return descending ? ~key : key;
}

function sortRun(pairs: usize, count: i32): void {
  for (let i = 1; i < count; i++) {
    const own = load<u64>(pairs + (i << 3));
    let k = i - 1;
    for (; k >= 0; k--) {
      const other = load<u64>(pairs + (k << 3));
      if (other < own) break;
      store<u64>(pairs + ((k + 1) << 3), other);
    }
    store<u64>(pairs + ((k + 1) << 3), own);
  }
}

/** Merges a[0..m) and a[m..n) into `to`. */
function merge(a: usize, m: i32, n: i32, to: usize): void {
  let i = 0;
  let k = m;
  for (let at = 0; at < n; at++) {
    const left = i < m && (k >= n || load<u64>(a + (i << 3)) < load<u64>(a + (k << 3)));
    store<u64>(to + (at << 3), load<u64>(a + ((left ? i : k) << 3)));
    if (left) i++;
    else k++;
  }
}

/** Sorts `count` pairs, with room for as many behind them; gives where they end up. */
function sortPairs(pairs: usize, count: i32): usize {
  for (let i = 0; i < count; i += RUN) sortRun(pairs + (i << 3), min(RUN, count - i));
  let from = pairs;
  let to = pairs + (count << 3);
  for (let width = RUN; width < count; width <<= 1) {
    for (let i = 0; i < count; i += width << 1) {
      const rest = count - i;
      merge(from + (i << 3), min(width, rest), min(width << 1, rest), to + (i << 3));
    }
    const held = from;
    from = to;
    to = held;
  }
  return from;
}

export function sort_rows(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<SortParams>(params);
  const inner = <i32>p.inner;
  const length = <i32>p.length;
  const keep = <i32>p.keep;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / inner;
    const lane = unit - block * inner;
    const x = operand(o, 0) + ((block * length * inner + lane) << 2);
    for (let k = 0; k < length; k++) {
      const key = keyOf(load<u32>(x + ((k * inner) << 2)), p.float != 0, p.descending != 0);
      store<u64>(scratch + (k << 3), ((<u64>key) << 32) | <u64>k);
    }
    const pairs = sortPairs(scratch, length);
    const skip = (block * keep * inner + lane) << 2;
    for (let k = 0; k < keep; k++) {
      const at = skip + ((k * inner) << 2);
      const index = load<i32>(pairs + (k << 3));
      store<u32>(operand(o, 1) + at, load<u32>(x + ((index * inner) << 2)));
      store<i32>(operand(o, 2) + at, index);
    }
  }
}

/** Place in x of what index number i, at `indices`, names; -1 and a fault where it is outside the row. */
// @ts-ignore: decorator
@inline
function placeOf(p: SelectParams, indices: usize, i: i32, fault: usize): i32 {
  const index = load<u32>(indices + (i << 2));
  if (index >= p.length) {
    reportFault(fault, p.faultId, i, index);
    return -1;
  }
  const inner = <i32>p.inner;
  const outer = i / (<i32>p.keep * inner);
  return (outer * <i32>p.length + <i32>index) * inner + (i % inner);
}

/** Operands: x, indices, y, fault; 0 where an index is outside its row. */
export function sort_select(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<SelectParams>(params);
  const stop = min(end * BLOCK, <i32>p.size);
  for (let i = begin * BLOCK; i < stop; i++) {
    const place = placeOf(p, operand(o, 1), i, operand(o, 3));
    store<u32>(operand(o, 2) + (i << 2), place < 0 ? 0 : load<u32>(operand(o, 0) + (place << 2)));
  }
}

/** Operands: dy, indices, dx, fault; an index outside its row writes nothing. */
export function sort_backward(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<SelectParams>(params);
  const stop = min(end * BLOCK, <i32>p.size);
  for (let i = begin * BLOCK; i < stop; i++) {
    const place = placeOf(p, operand(o, 1), i, operand(o, 3));
    if (place >= 0) store<u32>(operand(o, 2) + (place << 2), load<u32>(operand(o, 0) + (i << 2)));
  }
}
