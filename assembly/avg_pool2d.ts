// The mean of windows of x [planes, height, width], and its gradient. Units are planes.
//
// Both work by axes. Forward, a row of windows is the sum of its rows of x, in scratch between zeros for the padding, then
// of that row's columns. Backward the other way round: each row of dy, times its windows' weights, is spread over the
// columns of x in scratch, and that row is added to every row of dx that its windows cover. Windows of 2 by 2 and 3 by 3, two
// apart, and of 3 by 3, one apart, have ways of their own; where they don't all weigh alike, a plane of windows is weighed first.
import { Pool2dParams } from '../build/params';
import { loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';
import { bottomOf, countedRows, evenWeight, fillWeights, gather4, isNear, isSliding, leftOf, pitchOf, rightOf, topOf } from './windows';
import { Mean, nearRow } from './windows_near';
import { slidePlane, Sum } from './windows_slide';
import { spreadPairs, spreadPlane } from './windows_spread';

/** Bytes of a row of x between its padding, and room for four windows more. src/ops/avg_pool2d.ts reckons with it. */
// @ts-ignore: decorator
@inline
function paddedBytes(p: Pool2dParams): i32 {
  return <i32>(p.left + p.width + p.kernelWidth + (p.outWidth + 8) * p.strideWidth) << 2;
}

/** to = the sum of `rows` rows of `count` elements at x. */
function sumRows(x: usize, rows: i32, count: i32, to: usize): void {
  const line = <usize>count << 2;
  const deep = line * (rows - 1);
  const end = x + line;
  for (; x + 16 <= end; x += 16) {
    let sum = v128.load(x);
    const last = x + deep;
    for (let from = x; from < last; ) sum = f32x4.add(sum, v128.load((from += line)));
    v128.store(to, sum);
    to += 16;
  }
  for (; x < end; x += 4) {
    let sum = load<f32>(x);
    const last = x + deep;
    for (let from = x; from < last; ) sum += load<f32>((from += line));
    store<f32>(to, sum);
    to += 4;
  }
}

/** y = weights times the sums of `taps` elements of x, windows `step` bytes apart. Whole vectors of y. */
// @ts-ignore: decorator
@inline
function sumColumns(x: usize, taps: i32, step: usize, weights: usize, y: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count << 2; at += 16) {
    let from = x + (at >> 2) * step;
    let sum = splat(0.0);
    for (let tap = 0; tap < taps; tap++) {
      sum = f32x4.add(sum, gather4(from, step));
      from += 4;
    }
    storeUpTo(y + at, f32x4.mul(sum, v128.load(weights + at)), count - <i32>(at >> 2));
  }
}

/** y = the mean of each window. Scratch: weights, the row of sums with its padding, and room for four windows more. */
export function avg_pool2d_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const width = <i32>p.width;
  const outWidth = <i32>p.outWidth;
  const taps = <i32>p.kernelWidth;
  const step = <usize>p.strideWidth << 2;
  const padded = scratch + pitchOf(p);
  const sums = padded + (p.left << 2);
  const slides = isSliding(p);
  const near = isNear(p);
  const even = evenWeight(p);
  const zero = splat(0.0);
  memory.fill(padded, 0, paddedBytes(p));
  let before = -1;
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + ((plane * <i32>p.height * width) << 2);
    let y = operand(o, 1) + ((plane * <i32>p.outHeight * outWidth) << 2);
    if (slides) {
      slidePlane<Sum>(x, p.height, width, y, p.outHeight, outWidth, p.top, p.left, even || 1.0, padded);
      if (even) continue;
    }
    for (let oy = 0; oy < <i32>p.outHeight; oy++) {
      const start = oy * <i32>p.strideHeight - <i32>p.top;
      const top = near ? max(start, 0) : topOf(p, oy);
      const rows = (near ? min(start + taps, <i32>p.height) : bottomOf(p, oy)) - top;
      const counted = even ? p.kernelHeight : countedRows(p, oy, rows);
      if (counted != before) fillWeights(p, counted, scratch);
      before = counted;
      if (slides) {
        weighRow(y, scratch, y, outWidth);
        y += outWidth << 2;
        continue;
      }
      if (near) {
        const a = x + ((top * width - <i32>p.left) << 2);
        const b = rows > 1 ? a + (width << 2) : padded + 4;
        const c = rows > 2 ? b + (width << 2) : padded + 4;
        if (taps == 2) nearRow<Mean>(p, false, a, b, b, scratch, y, zero);
        else nearRow<Mean>(p, true, a, b, c, scratch, y, zero);
        y += outWidth << 2;
        continue;
      }
      sumRows(x + ((top * width) << 2), rows, width, sums);
      if (p.adaptive) adaptiveColumns(p, sums, scratch, y);
      else if (step == 4) sumColumns(padded, taps, 4, scratch, y, outWidth);
      else sumColumns(padded, taps, step, scratch, y, outWidth);
      y += outWidth << 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function adaptiveColumns(p: Pool2dParams, sums: usize, weights: usize, y: usize): void {
  for (let ox = 0; ox < <i32>p.outWidth; ox++) {
    const right = rightOf(p, ox);
    let column = leftOf(p, ox);
    let four = splat(0.0);
    for (; column + 4 <= right; column += 4) four = f32x4.add(four, v128.load(sums + (column << 2)));
    let sum = sumLanes(four);
    for (; column < right; column++) sum += load<f32>(sums + (column << 2));
    store<f32>(y + (ox << 2), sum * load<f32>(weights + (ox << 2)));
  }
}

/** to = x times weights, whole vectors of them. */
function weighRow(x: usize, weights: usize, to: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    storeUpTo(to, f32x4.mul(loadUpTo(x, count), v128.load(weights)), count);
    x += 16;
    weights += 16;
    to += 16;
  }
}

/** y += x, or y = x. */
// @ts-ignore: decorator
@inline
function addRow(x: usize, y: usize, count: i32, add: bool): void {
  const end = y + (count << 2);
  for (; y + 16 <= end; y += 16) {
    const v = v128.load(x);
    v128.store(y, add ? f32x4.add(v128.load(y), v) : v);
    x += 16;
  }
  for (; y < end; y += 4) {
    const v = load<f32>(x);
    store<f32>(y, add ? load<f32>(y) + v : v);
    x += 4;
  }
}

/**
 * to[step j + q] = the sum of shares[j - k], k = 0, 1, ..., over the taps q + k step. Before the shares lie as many zeros as
 * taps, behind them enough for `count`, a whole number of vectors.
 */
// @ts-ignore: decorator
@inline
function spreadTaps(shares: usize, q: i32, taps: i32, step: i32): v128 {
  let sum = q < taps ? v128.load(shares) : splat(0.0);
  for (let tap = q + step; tap < taps; tap += step) {
    shares -= 4;
    sum = f32x4.add(sum, v128.load(shares));
  }
  return sum;
}

function spreadRow(p: Pool2dParams, shares: usize, to: usize): void {
  const taps = <i32>p.kernelWidth;
  const step = <i32>p.strideWidth;
  const end = to + ((p.left + p.width) << 2);
  for (; to < end; to += step << 4) {
    if (step == 1) {
      v128.store(to, spreadTaps(shares, 0, taps, 1));
    } else {
      for (let q = 0; q < step; q++) {
        const sum = spreadTaps(shares, q, taps, step);
        const from = to + (q << 2);
        v128.store_lane<f32>(from, sum, 0);
        v128.store_lane<f32>(from + (step << 2), sum, 1);
        v128.store_lane<f32>(from + (step << 3), sum, 2);
        v128.store_lane<f32>(from + step * 12, sum, 3);
      }
    }
    shares += 16;
  }
}

// @ts-ignore: decorator
@inline
function adaptiveSpread(p: Pool2dParams, shares: usize, to: usize): void {
  memory.fill(to, 0, p.width << 2);
  for (let ox = 0; ox < <i32>p.outWidth; ox++) {
    const share = load<f32>(shares + (ox << 2));
    const right = rightOf(p, ox);
    for (let column = leftOf(p, ox); column < right; column++) {
      const at = to + (column << 2);
      store<f32>(at, load<f32>(at) + share);
    }
  }
}

/**
 * dx: each dy is shared equally by its window. Operands: dy, dx. Scratch: weights, the row that is spread with its padding,
 * shares between zeros, and a plane of windows.
 */
export function avg_pool2d_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const width = <i32>p.width;
  const height = <i32>p.height;
  const line = width << 2;
  const outWidth = <i32>p.outWidth;
  const padded = scratch + pitchOf(p);
  const shares = padded + paddedBytes(p) + (p.kernelWidth << 2);
  const weighed = shares + paddedBytes(p);
  const slides = isSliding(p);
  const near = slides || (isNear(p) && width >= 8);
  const even = evenWeight(p);
  memory.fill(padded, 0, 2 * paddedBytes(p) + (p.kernelWidth << 2));
  let before = -1;
  for (let plane = begin; plane < end; plane++) {
    const first = operand(o, 0) + ((plane * <i32>p.outHeight * outWidth) << 2);
    let dy = first;
    const dx = operand(o, 1) + plane * height * line;
    // Rows from here on have no value yet.
    let fresh = 0;
    if (!near || !even) for (let oy = 0; oy < <i32>p.outHeight; oy++) {
      const top = topOf(p, oy);
      const bottom = bottomOf(p, oy);
      const counted = countedRows(p, oy, bottom - top);
      if (counted != before) fillWeights(p, counted, scratch);
      before = counted;
      weighRow(dy, scratch, near ? weighed + ((oy * outWidth) << 2) : shares, outWidth);
      dy += outWidth << 2;
      if (near) continue;
      if (p.adaptive) adaptiveSpread(p, shares, padded);
      else spreadRow(p, shares, padded);
      if (top > fresh) memory.fill(dx + fresh * line, 0, (top - fresh) * line);
      for (let row = top; row < bottom; row++) addRow(padded + (p.left << 2), dx + row * line, width, row < fresh);
      fresh = max(fresh, bottom);
    }
    const given = even ? first : weighed;
    if (slides) slidePlane<Sum>(given, p.outHeight, outWidth, dx, height, width, 2 - p.top, 2 - p.left, even || 1.0, padded);
    else if (near && p.kernelWidth == 2) spreadPairs(p, even || 1.0, given, 0, dx);
    else if (near) spreadPlane(p, even || 1.0, given, dx, padded);
    else memory.fill(dx + fresh * line, 0, (height - fresh) * line);
  }
}
