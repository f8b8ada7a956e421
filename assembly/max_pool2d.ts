// The largest element of windows of x [planes, height, width]. Units are planes.
import { Pool2dParams } from '../build/params';
import { isPairs, maxPairs, maxPairsBackward } from './max_pool2d_pairs';
import { operand, splat } from './simd';
import { bottomOf, firstInside, gather4, lastInside, leftOf, poolRow, rightOf, topOf } from './windows';

// @ts-ignore: decorator
@final @unmanaged class Largest {
  // @ts-ignore: decorator
  @inline first(): v128 { return splat(-<f32>Infinity); }
  // @ts-ignore: decorator
  @inline lanes(held: v128, value: v128): v128 { return f32x4.max(held, value); }
  // @ts-ignore: decorator
  @inline last(held: v128, p: Pool2dParams, oy: i32, ox: i32, covered: i32): v128 { return held; }
}

/** Index, within the plane, of the first largest element of a window, or of the last NaN. */
function winner(p: Pool2dParams, x: usize, oy: i32, ox: i32): i32 {
  const width = <i32>p.width;
  const left = leftOf(p, ox);
  const right = rightOf(p, ox);
  const bottom = bottomOf(p, oy);
  let row = topOf(p, oy);
  let index = row * width + left;
  let best = load<f32>(x + (index << 2));
  for (; row < bottom; row += <i32>p.dilationHeight) {
    for (let column = left; column < right; column += <i32>p.dilationWidth) {
      const value = load<f32>(x + ((row * width + column) << 2));
      if (value > best || value != value) {
        best = value;
        index = row * width + column;
      }
    }
  }
  return index;
}

/** `winner` of four windows side by side, none over an edge. */
// @ts-ignore: decorator
@inline
function winners(p: Pool2dParams, x: usize, oy: i32, ox: i32): v128 {
  const width = <i32>p.width;
  const step = <i32>p.strideWidth;
  const hop = <i32>p.dilationWidth;
  const bottom = bottomOf(p, oy);
  const left = ox * step - <i32>p.left;
  let row = topOf(p, oy);
  let index = i32x4.splat(row * width + left);
  let best = gather4(x + ((row * width + left) << 2), step << 2);
  for (; row < bottom; row += <i32>p.dilationHeight) {
    let at = row * width + left;
    for (let tap = 0; tap < <i32>p.kernelWidth; tap++) {
      const value = gather4(x + (at << 2), step << 2);
      const wins = v128.or(f32x4.gt(value, best), f32x4.ne(value, value));
      best = v128.bitselect(value, best, wins);
      index = v128.bitselect(i32x4.splat(at), index, wins);
      at += hop;
    }
  }
  return i32x4.add(index, i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step)));
}

// What is done with the winner `index` of each output, whose place is `at` bytes into a plane of outputs. `given` and
// `made` are the planes that a kernel reads beside x, and writes.

// @ts-ignore: decorator
@final @unmanaged class Scatter {
  // @ts-ignore: decorator
  @inline take(x: usize, given: usize, made: usize, also: usize, at: usize, index: i32): void {
    const to = made + (index << 2);
    store<f32>(to, load<f32>(to) + load<f32>(given + at));
  }
}

// @ts-ignore: decorator
@final @unmanaged class Select {
  // @ts-ignore: decorator
  @inline take(x: usize, given: usize, made: usize, also: usize, at: usize, index: i32): void {
    store<f32>(made + at, load<f32>(given + (index << 2)));
  }
}

// @ts-ignore: decorator
@final @unmanaged class Name {
  // @ts-ignore: decorator
  @inline take(x: usize, given: usize, made: usize, also: usize, at: usize, index: i32): void {
    store<f32>(made + at, load<f32>(x + (index << 2)));
    store<i32>(also + at, index);
  }
}

/** Calls F.take for every output of a plane. */
// @ts-ignore: decorator
@inline
function forEachWinner<F>(p: Pool2dParams, x: usize, given: usize, made: usize, also: usize): void {
  const outWidth = <i32>p.outWidth;
  const inside = firstInside(p);
  const beyond = lastInside(p);
  let at: usize = 0;
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    for (let ox = 0; ox < outWidth; ) {
      if (ox >= inside && ox + 4 <= beyond) {
        const index = winners(p, x, oy, ox);
        changetype<F>(0).take(x, given, made, also, at, i32x4.extract_lane(index, 0));
        changetype<F>(0).take(x, given, made, also, at + 4, i32x4.extract_lane(index, 1));
        changetype<F>(0).take(x, given, made, also, at + 8, i32x4.extract_lane(index, 2));
        changetype<F>(0).take(x, given, made, also, at + 12, i32x4.extract_lane(index, 3));
        at += 16;
        ox += 4;
      } else {
        changetype<F>(0).take(x, given, made, also, at, winner(p, x, oy, ox));
        at += 4;
        ox++;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function planeBytes(p: Pool2dParams): i32 {
  return <i32>(p.height * p.width) << 2;
}

// @ts-ignore: decorator
@inline
function outBytes(p: Pool2dParams): i32 {
  return <i32>(p.outHeight * p.outWidth) << 2;
}

/** y = the largest element of each window. */
export function max_pool2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const pairs = isPairs(p);
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + plane * planeBytes(p);
    const y = operand(o, 1) + plane * outBytes(p);
    if (pairs) {
      maxPairs(x, y, <i32>p.width, outHeight, outWidth);
      continue;
    }
    for (let oy = 0; oy < outHeight; oy++) poolRow<Largest>(p, x, y + ((oy * outWidth) << 2), oy);
  }
}

/** y, and where in its plane each was found. Operands: x, y, indices. */
export function max_pool2d_indices_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + plane * planeBytes(p);
    const y = operand(o, 1) + plane * outBytes(p);
    forEachWinner<Name>(p, x, 0, y, operand(o, 2) + plane * outBytes(p));
  }
}

/** y = the element of `values` at which x is largest in each window. Operands: values, x, y. */
export function max_pool2d_select_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  for (let plane = begin; plane < end; plane++) {
    const values = operand(o, 0) + plane * planeBytes(p);
    const x = operand(o, 1) + plane * planeBytes(p);
    forEachWinner<Select>(p, x, values, operand(o, 2) + plane * outBytes(p), 0);
  }
}

/** dx: each dy is added to the first largest element of its window. Operands: dy, x, dx. */
export function max_pool2d_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const pairs = isPairs(p);
  for (let plane = begin; plane < end; plane++) {
    const dy = operand(o, 0) + plane * outBytes(p);
    const x = operand(o, 1) + plane * planeBytes(p);
    const dx = operand(o, 2) + plane * planeBytes(p);
    if (!pairs || (p.height | p.width) & 1) memory.fill(dx, 0, planeBytes(p));
    if (pairs) maxPairsBackward(dy, x, dx, <i32>p.width, <i32>p.outHeight, <i32>p.outWidth);
    else forEachWinner<Scatter>(p, x, dy, dx, 0);
  }
}
