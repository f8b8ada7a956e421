// The gradient of max pooling and its adjoint, by the winners that the forward pass names: bytes, the taps of windows, or
// words, indices in planes. Units are planes. A table turns a tap into a distance, so that a window costs some eight scalar
// instructions however large it is. What names no element of its plane is passed over.
import { Pool2dParams } from '../build/params';
import { loadUpTo, operand, storeUpTo } from './simd';
import { isPairs } from './windows';

// What is done with the winner at `from` the plane's start; `at` is the output's place.

// @ts-ignore: decorator
@final @unmanaged class Scatter {
  // @ts-ignore: decorator
  @inline take(given: usize, made: usize, at: usize, from: usize): void {
    const to = made + from;
    store<f32>(to, load<f32>(to) + load<f32>(given + at));
  }
}

// @ts-ignore: decorator
@final @unmanaged class Select {
  // @ts-ignore: decorator
  @inline take(given: usize, made: usize, at: usize, from: usize): void {
    store<f32>(made + at, load<f32>(given + from));
  }
}

/** Calls F.take for every output of a plane of x of `size` bytes. `table`: by tap, the bytes from a window's first element. */
// @ts-ignore: decorator
@inline
function forEachWinner<F>(p: Pool2dParams, given: usize, winners: usize, made: usize, size: u32, table: usize): void {
  const count = <i32>(p.outHeight * p.outWidth);
  if (p.words) {
    for (let i = 0; i < count; i++) {
      const from = load<u32>(winners + (i << 2));
      if (from < size >> 2) changetype<F>(0).take(given, made, i << 2, from << 2);
    }
    return;
  }
  const step = p.strideWidth << 2;
  let at: usize = 0;
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    let from = ((oy * p.strideHeight - p.top) * p.width - p.left) << 2;
    for (const stop = at + (p.outWidth << 2); at < stop; at += 4) {
      const place: u32 = from + load<u32>(table + (<usize>load<u8>(winners) << 2));
      if (place < size) changetype<F>(0).take(given, made, at, place);
      winners++;
      from += step;
    }
  }
}

function fillTable(p: Pool2dParams, table: usize): void {
  if (p.words) return;
  memory.fill(table, 0xff, 1024);
  for (let r: u32 = 0; r < p.kernelHeight; r++) {
    for (let c: u32 = 0; c < p.kernelWidth; c++) {
      store<u32>(table, (r * p.dilationHeight * p.width + c * p.dilationWidth) << 2);
      table += 4;
    }
  }
}

// @ts-ignore: decorator
@inline
function winnersOf(p: Pool2dParams, winners: usize, unit: i32): usize {
  const skip = unit * <i32>(p.outHeight * p.outWidth);
  return winners + (p.words ? skip << 2 : skip);
}

/** dx of a row of windows of 2 by 2 side by side, whose rows of dx lie at `a` and `b`. */
function pairRow(dy: usize, taps: usize, a: usize, b: usize, count: i32): void {
  const one = i32x4.splat(1);
  const two = i32x4.splat(2);
  for (; count > 0; count -= 4) {
    const d = loadUpTo(dy, count);
    const bytes = count >= 4 ? v128.load32_zero(taps) : i32x4(load<u8>(taps) | (count > 1 ? load<u8>(taps, 1) << 8 : 0) | (count > 2 ? load<u8>(taps, 2) << 16 : 0), 0, 0, 0);
    const tap = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
    const right = i32x4.eq(v128.and(tap, one), one);
    const down = i32x4.eq(v128.and(tap, two), two);
    const above = v128.andnot(d, down);
    const below = v128.and(d, down);
    storePairs(a, v128.andnot(above, right), v128.and(above, right), count);
    storePairs(b, v128.andnot(below, right), v128.and(below, right), count);
    dy += 16;
    taps += 4;
    a += 32;
    b += 32;
  }
}

/** Stores the first 2 · `count` of p0 q0 p1 q1 p2 q2 p3 q3. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, p: v128, q: v128, count: i32): void {
  storeUpTo(to, v128.shuffle<f32>(p, q, 0, 4, 1, 5), 2 * count);
  if (count > 2) storeUpTo(to + 16, v128.shuffle<f32>(p, q, 2, 6, 3, 7), 2 * count - 4);
}

/** dx: each dy is added to the winner of its window. Operands: dy, winners, dx. */
export function max_pool2d_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width) << 2;
  const pooled = <i32>(p.outHeight * p.outWidth) << 2;
  const pairs = isPairs(p) && !p.words;
  fillTable(p, scratch);
  for (let unit = begin; unit < end; unit++) {
    const dx = operand(o, 2) + unit * plane;
    if (pairs) {
      const line = p.width << 2;
      if ((p.height | p.width) & 1) memory.fill(dx, 0, plane);
      for (let oy = 0; oy < <i32>p.outHeight; oy++) {
        const at = unit * (pooled >> 2) + oy * <i32>p.outWidth;
        const row = dx + 2 * oy * line;
        pairRow(operand(o, 0) + (at << 2), operand(o, 1) + at, row, row + line, <i32>p.outWidth);
      }
      continue;
    }
    memory.fill(dx, 0, plane);
    forEachWinner<Scatter>(p, operand(o, 0) + unit * pooled, winnersOf(p, operand(o, 1), unit), dx, plane, scratch);
  }
}

/** y = the winners' elements of `values`. Operands: values, winners, y. */
export function max_pool2d_select_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width) << 2;
  const pooled = <i32>(p.outHeight * p.outWidth) << 2;
  fillTable(p, scratch);
  for (let unit = begin; unit < end; unit++) {
    const values = operand(o, 0) + unit * plane;
    const y = operand(o, 2) + unit * pooled;
    memory.fill(y, 0, pooled);
    forEachWinner<Select>(p, values, winnersOf(p, operand(o, 1), unit), y, plane, scratch);
  }
}
