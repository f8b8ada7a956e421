// Loops over elements, written once over a functor and specialised for each.
import { BLOCK, loadTail, storeTail } from './simd';

/** Offset, in elements, of element number `index` of `shape` for an operand with these strides. */
export function offsetOf(index: i32, rank: i32, shape: usize, strides: usize): i32 {
  let offset = 0;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = load<i32>(shape + (axis << 2));
    const rest = index / size;
    offset += (index - rest * size) * load<i32>(strides + (axis << 2));
    index = rest;
  }
  return offset;
}

/** Offset, in elements, of row number `row` for an operand with these strides; the last axis is the row itself. */
// @ts-ignore: decorator
@inline
export function rowOffset(row: i32, rank: i32, shape: usize, strides: usize): i32 {
  return offsetOf(row, rank - 1, shape, strides);
}

// @ts-ignore: decorator
@inline
export function first(begin: i32): i32 {
  return begin * BLOCK;
}

// @ts-ignore: decorator
@inline
export function last(end: i32, size: i32): i32 {
  return min(end * BLOCK, size);
}

/** y[i] = f(x[i]) over [start, stop). */
// @ts-ignore: decorator
@inline
export function map<F>(params: usize, x: usize, y: usize, start: i32, stop: i32): void {
  let i = start << 2;
  const whole = (start + ((stop - start) & ~3)) << 2;
  for (; i < whole; i += 4 * 4) {
    v128.store(y + i, changetype<F>(0).lanes(v128.load(x + i), params));
  }
  const rest = (stop - start) & 3;
  if (rest) storeTail(y + i, changetype<F>(0).lanes(loadTail(x + i, rest), params), rest);
}

/** y[i] = f(a[i], b[i]) over `count` elements; a scalar operand does not move. */
// @ts-ignore: decorator
@inline
export function map2<F>(params: usize, a: usize, aMoves: bool, b: usize, bMoves: bool, y: usize, count: i32): void {
  const whole = (count & ~3) << 2;
  const rest = count & 3;
  let i = 0;
  if (aMoves && bMoves) {
    for (; i < whole; i += 16) {
      v128.store(y + i, changetype<F>(0).lanes(v128.load(a + i), v128.load(b + i), params));
    }
    if (rest) storeTail(y + i, changetype<F>(0).lanes(loadTail(a + i, rest), loadTail(b + i, rest), params), rest);
  } else if (aMoves) {
    const q = v128.load32_splat(b);
    for (; i < whole; i += 16) v128.store(y + i, changetype<F>(0).lanes(v128.load(a + i), q, params));
    if (rest) storeTail(y + i, changetype<F>(0).lanes(loadTail(a + i, rest), q, params), rest);
  } else {
    const p = v128.load32_splat(a);
    for (; i < whole; i += 16) {
      v128.store(y + i, changetype<F>(0).lanes(p, bMoves ? v128.load(b + i) : v128.load32_splat(b), params));
    }
    const q = bMoves ? loadTail(b + i, max(rest, 1)) : v128.load32_splat(b);
    if (rest) storeTail(y + i, changetype<F>(0).lanes(p, q, params), rest);
  }
}
