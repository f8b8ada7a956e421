// Pooling over windows of x [planes, height, width]. Units are planes.
import { Pool2dParams } from '../build/params';
import { loadTail, operand, splat } from './simd';

/** One window, cut to the input: first and one past the last row and column. */
// @ts-ignore: decorator
@inline
function low(out: i32, stride: i32, before: i32): i32 {
  return max(0, out * stride - before);
}

// @ts-ignore: decorator
@inline
function high(out: i32, stride: i32, before: i32, kernel: i32, size: i32): i32 {
  return min(size, out * stride - before + kernel);
}

/** Index, within the plane, of the first largest element of a window. A NaN wins. */
function winner(p: Pool2dParams, x: usize, oy: i32, ox: i32): i32 {
  const width = <i32>p.width;
  const left = low(ox, <i32>p.strideWidth, <i32>p.left);
  const right = high(ox, <i32>p.strideWidth, <i32>p.left, <i32>p.kernelWidth, width);
  const bottom = high(oy, <i32>p.strideHeight, <i32>p.top, <i32>p.kernelHeight, <i32>p.height);
  let row = low(oy, <i32>p.strideHeight, <i32>p.top);
  let index = row * width + left;
  let best = load<f32>(x + (index << 2));
  for (; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const value = load<f32>(x + ((row * width + column) << 2));
      if (value > best || value != value) {
        best = value;
        index = row * width + column;
      }
    }
  }
  return index;
}

/** Four neighbours' elements, `step` bytes apart; nothing beyond the fourth is read. */
// @ts-ignore: decorator
@inline
function gather4(x: usize, step: usize): v128 {
  if (step == 4) return v128.load(x);
  if (step == 8) return v128.shuffle<f32>(v128.load(x), v128.load(x, 12), 0, 2, 5, 7);
  let lanes = v128.load32_zero(x);
  lanes = v128.load_lane<u32>(x + step, lanes, 1);
  lanes = v128.load_lane<u32>(x + 2 * step, lanes, 2);
  return v128.load_lane<u32>(x + 3 * step, lanes, 3);
}

/** Columns of outputs whose windows don't reach over the left or right edge: the first, and one past the last. */
// @ts-ignore: decorator
@inline
function firstInside(p: Pool2dParams): i32 {
  return min(<i32>p.outWidth, <i32>((p.left + p.strideWidth - 1) / p.strideWidth));
}

// @ts-ignore: decorator
@inline
function lastInside(p: Pool2dParams): i32 {
  const room = <i32>p.width + <i32>p.left - <i32>p.kernelWidth;
  return room < 0 ? 0 : min(<i32>p.outWidth, room / <i32>p.strideWidth + 1);
}

/** Indices, within the plane, of the first largest elements of four windows side by side, none over an edge. */
// @ts-ignore: decorator
@inline
function winners(p: Pool2dParams, x: usize, oy: i32, ox: i32): v128 {
  const width = <i32>p.width;
  const step = <i32>p.strideWidth;
  const top = low(oy, <i32>p.strideHeight, <i32>p.top);
  const bottom = high(oy, <i32>p.strideHeight, <i32>p.top, <i32>p.kernelHeight, <i32>p.height);
  const left = ox * step - <i32>p.left;
  const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(step));
  let index = i32x4.splat(0);
  let best = splat(0.0);
  for (let row = top; row < bottom; row++) {
    for (let tap = 0; tap < <i32>p.kernelWidth; tap++) {
      const at = row * width + left + tap;
      const value = gather4(x + (at << 2), step << 2);
      const here = i32x4.splat(at);
      if (row == top && tap == 0) {
        best = value;
        index = here;
      } else {
        const wins = v128.or(f32x4.gt(value, best), f32x4.ne(value, value));
        best = v128.bitselect(value, best, wins);
        index = v128.bitselect(here, index, wins);
      }
    }
  }
  return i32x4.add(index, lanes);
}

/** Windows of 2 by 2 side by side: rows are compared first, then even with odd columns. */
function maxPairs(x: usize, y: usize, width: i32, outHeight: i32, outWidth: i32): void {
  for (let oy = 0; oy < outHeight; oy++) {
    let a = x + ((2 * oy * width) << 2);
    let b = a + (width << 2);
    let to = y + ((oy * outWidth) << 2);
    let ox = 0;
    for (; ox + 4 <= outWidth; ox += 4) {
      const p = f32x4.max(v128.load(a), v128.load(b));
      const q = f32x4.max(v128.load(a, 16), v128.load(b, 16));
      v128.store(to, f32x4.max(v128.shuffle<f32>(p, q, 0, 2, 4, 6), v128.shuffle<f32>(p, q, 1, 3, 5, 7)));
      a += 32;
      b += 32;
      to += 16;
    }
    for (; ox < outWidth; ox++) {
      store<f32>(to, max(max(load<f32>(a), load<f32>(a, 4)), max(load<f32>(b), load<f32>(b, 4))));
      a += 8;
      b += 8;
      to += 4;
    }
  }
}

/** y = the largest element of each window. */
export function max_pool2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const pairs = isPairs(p);
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + ((plane * <i32>(p.height * p.width)) << 2);
    const y = operand(o, 1) + ((plane * outHeight * outWidth) << 2);
    if (pairs) {
      maxPairs(x, y, <i32>p.width, outHeight, outWidth);
      continue;
    }
    for (let oy = 0; oy < outHeight; oy++) poolRow<Largest>(p, x, y + ((oy * outWidth) << 2), oy);
  }
}

/** The gradient of `maxPairs`: four windows at a time, each dy to the first of its four elements that no other exceeds. */
function maxPairsBackward(dy: usize, x: usize, dx: usize, width: i32, outHeight: i32, outWidth: i32): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const row = (2 * oy * width) << 2;
    let a = x + row;
    let to = dx + row;
    const line = width << 2;
    for (let ox = 0; ox < outWidth; ox += 4) {
      const rest = outWidth - ox;
      const grad = rest >= 4 ? v128.load(dy) : loadTail(dy, rest);
      const a0 = rest >= 2 ? v128.load(a) : v128.load64_zero(a);
      const a1 = rest >= 4 ? v128.load(a, 16) : rest == 3 ? v128.load64_zero(a, 16) : a0;
      const b0 = rest >= 2 ? v128.load(a + line) : v128.load64_zero(a + line);
      const b1 = rest >= 4 ? v128.load(a + line, 16) : rest == 3 ? v128.load64_zero(a + line, 16) : b0;
      const p = v128.shuffle<f32>(a0, a1, 0, 2, 4, 6);
      const q = v128.shuffle<f32>(a0, a1, 1, 3, 5, 7);
      const r = v128.shuffle<f32>(b0, b1, 0, 2, 4, 6);
      const t = v128.shuffle<f32>(b0, b1, 1, 3, 5, 7);
      const top = f32x4.ge(f32x4.max(p, q), f32x4.max(r, t));
      const left = f32x4.ge(p, q);
      const below = v128.andnot(grad, top);
      const leftBelow = f32x4.ge(r, t);
      const dp = v128.and(v128.and(grad, top), left);
      const dq = v128.andnot(v128.and(grad, top), left);
      const dr = v128.and(below, leftBelow);
      const dt = v128.andnot(below, leftBelow);
      storePairs(to, dp, dq, rest);
      storePairs(to + line, dr, dt, rest);
      a += 32;
      to += 32;
      dy += min(rest, 4) << 2;
    }
  }
}

/** Stores the first 2 · `count` of p0 q0 p1 q1 p2 q2 p3 q3. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, p: v128, q: v128, count: i32): void {
  const low = v128.shuffle<f32>(p, q, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(p, q, 2, 6, 3, 7);
  if (count >= 2) v128.store(to, low);
  else v128.store64_lane(to, low, 0);
  if (count >= 4) v128.store(to, high, 16);
  else if (count == 3) v128.store64_lane(to, high, 0, 16);
}

// @ts-ignore: decorator
@inline
function isPairs(p: Pool2dParams): bool {
  return p.kernelHeight == 2 && p.kernelWidth == 2 && p.strideHeight == 2 && p.strideWidth == 2 && !p.top && !p.left;
}

/** dx: each dy is added to the first largest element of its window. Operands: dy, x, dx. */
export function max_pool2d_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const inside = firstInside(p);
  const beyond = lastInside(p);
  const pairs = isPairs(p);
  for (let unit = begin; unit < end; unit++) {
    let dy = operand(o, 0) + ((unit * outHeight * outWidth) << 2);
    const x = operand(o, 1) + ((unit * plane) << 2);
    const dx = operand(o, 2) + ((unit * plane) << 2);
    if (!pairs || (p.height | p.width) & 1) memory.fill(dx, 0, plane << 2);
    if (pairs) {
      maxPairsBackward(dy, x, dx, <i32>p.width, outHeight, outWidth);
      continue;
    }
    for (let oy = 0; oy < outHeight; oy++) {
      let ox = 0;
      for (; ox < outWidth; ) {
        if (ox >= inside && ox + 4 <= beyond) {
          const index = winners(p, x, oy, ox);
          addAt(dx, i32x4.extract_lane(index, 0), dy);
          addAt(dx, i32x4.extract_lane(index, 1), dy + 4);
          addAt(dx, i32x4.extract_lane(index, 2), dy + 8);
          addAt(dx, i32x4.extract_lane(index, 3), dy + 12);
          dy += 16;
          ox += 4;
        } else {
          addAt(dx, winner(p, x, oy, ox), dy);
          dy += 4;
          ox++;
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addAt(dx: usize, index: i32, dy: usize): void {
  const to = dx + (index << 2);
  store<f32>(to, load<f32>(to) + load<f32>(dy));
}

/** y = the element of `values` at which x is largest in each window. Operands: values, x, y. */
export function max_pool2d_select_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  for (let unit = begin; unit < end; unit++) {
    const values = operand(o, 0) + ((unit * plane) << 2);
    const x = operand(o, 1) + ((unit * plane) << 2);
    let y = operand(o, 2) + ((unit * outHeight * outWidth) << 2);
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        store<f32>(y, load<f32>(values + (winner(p, x, oy, ox) << 2)));
        y += 4;
      }
    }
  }
}

/** 1 / the number of elements that a window's mean is taken over. */
// @ts-ignore: decorator
@inline
function share(p: Pool2dParams, rows: i32, columns: i32): f32 {
  const counted = p.countIncludePad ? <i32>(p.kernelHeight * p.kernelWidth) : rows * columns;
  return <f32>1.0 / <f32>counted;
}

/** What pooling makes of a window: from a first element on, one by one. */
// @ts-ignore: decorator
@final @unmanaged class Largest {
  // @ts-ignore: decorator
  @inline first(): v128 { return splat(-<f32>Infinity); }
  // @ts-ignore: decorator
  @inline lanes(held: v128, value: v128): v128 { return f32x4.max(held, value); }
  // @ts-ignore: decorator
  @inline scale(p: Pool2dParams, rows: i32, columns: i32): f32 { return 1.0; }
}

// @ts-ignore: decorator
@final @unmanaged class Mean {
  // @ts-ignore: decorator
  @inline first(): v128 { return splat(0.0); }
  // @ts-ignore: decorator
  @inline lanes(held: v128, value: v128): v128 { return f32x4.add(held, value); }
  // @ts-ignore: decorator
  @inline scale(p: Pool2dParams, rows: i32, columns: i32): f32 { return share(p, rows, columns); }
}

/** One row of outputs: four at a time where no window reaches over an edge, else one at a time. */
// @ts-ignore: decorator
@inline
function poolRow<F>(p: Pool2dParams, x: usize, y: usize, oy: i32): void {
  const width = <i32>p.width;
  const outWidth = <i32>p.outWidth;
  const kernelWidth = <i32>p.kernelWidth;
  const stride = <i32>p.strideWidth;
  const inside = firstInside(p);
  const beyond = lastInside(p);
  const top = low(oy, <i32>p.strideHeight, <i32>p.top);
  const bottom = high(oy, <i32>p.strideHeight, <i32>p.top, <i32>p.kernelHeight, <i32>p.height);
  for (let ox = 0; ox < outWidth; ) {
    const four = ox >= inside && ox + 4 <= beyond;
    const left = four ? ox * stride - <i32>p.left : low(ox, stride, <i32>p.left);
    const right = four ? left + kernelWidth : high(ox, stride, <i32>p.left, kernelWidth, width);
    let held = changetype<F>(0).first();
    for (let row = top; row < bottom; row++) {
      const line = x + ((row * width) << 2);
      for (let column = left; column < right; column++) {
        const from = line + (column << 2);
        const value = four ? gather4(from, stride << 2) : v128.load32_splat(from);
        held = changetype<F>(0).lanes(held, value);
      }
    }
    held = f32x4.mul(held, splat(changetype<F>(0).scale(p, bottom - top, right - left)));
    const to = y + (ox << 2);
    if (four) v128.store(to, held);
    else v128.store32_lane(to, held, 0);
    ox += four ? 4 : 1;
  }
}

/** y = the mean of each window. */
export function avg_pool2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + ((plane * <i32>(p.height * p.width)) << 2);
    const y = operand(o, 1) + ((plane * outHeight * outWidth) << 2);
    for (let oy = 0; oy < outHeight; oy++) poolRow<Mean>(p, x, y + ((oy * outWidth) << 2), oy);
  }
}

/** dx: each dy is shared equally by its window. Operands: dy, dx. */
export function avg_pool2d_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const height = <i32>p.height;
  const width = <i32>p.width;
  for (let plane = begin; plane < end; plane++) {
    let dy = operand(o, 0) + ((plane * <i32>(p.outHeight * p.outWidth)) << 2);
    const dx = operand(o, 1) + ((plane * height * width) << 2);
    memory.fill(dx, 0, (height * width) << 2);
    for (let oy = 0; oy < <i32>p.outHeight; oy++) {
      const top = low(oy, <i32>p.strideHeight, <i32>p.top);
      const bottom = high(oy, <i32>p.strideHeight, <i32>p.top, <i32>p.kernelHeight, height);
      for (let ox = 0; ox < <i32>p.outWidth; ox++) {
        const left = low(ox, <i32>p.strideWidth, <i32>p.left);
        const right = high(ox, <i32>p.strideWidth, <i32>p.left, <i32>p.kernelWidth, width);
        const part = load<f32>(dy) * share(p, bottom - top, right - left);
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            const to = dx + ((row * width + column) << 2);
            store<f32>(to, load<f32>(to) + part);
          }
        }
        dy += 4;
      }
    }
  }
}
