// The mean of windows of x [planes, height, width]. Units are planes.
import { Pool2dParams } from '../build/params';
import { operand, splat } from './simd';
import { bottomOf, leftOf, poolRow, rightOf, topOf } from './windows';

/** Elements of window `out` along one axis, padding among them; in padded coordinates, where it starts at out stride. */
// @ts-ignore: decorator
@inline
function paddedExtent(out: i32, stride: u32, kernel: u32, padded: u32): u32 {
  return min(out * stride + kernel, padded) - out * stride;
}

/** 1 / the divisor of window (oy, ox), which has `covered` elements inside. */
// @ts-ignore: decorator
@inline
function weight(p: Pool2dParams, oy: i32, ox: i32, covered: i32): f32 {
  if (p.divisor != 0.0) return <f32>1.0 / p.divisor;
  if (!p.countIncludePad) return <f32>1.0 / <f32>covered;
  const rows = paddedExtent(oy, p.strideHeight, p.kernelHeight, p.height + 2 * p.top);
  const columns = paddedExtent(ox, p.strideWidth, p.kernelWidth, p.width + 2 * p.left);
  return <f32>1.0 / <f32>(rows * columns);
}

// @ts-ignore: decorator
@final @unmanaged class Mean {
  // @ts-ignore: decorator
  @inline first(): v128 { return splat(0.0); }
  // @ts-ignore: decorator
  @inline lanes(held: v128, value: v128): v128 { return f32x4.add(held, value); }
  // @ts-ignore: decorator
  @inline last(held: v128, p: Pool2dParams, oy: i32, ox: i32, covered: i32): v128 {
    return f32x4.mul(held, splat(weight(p, oy, ox, covered)));
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
  const width = <i32>p.width;
  const plane = <i32>p.height * width;
  for (let unit = begin; unit < end; unit++) {
    let dy = operand(o, 0) + ((unit * <i32>(p.outHeight * p.outWidth)) << 2);
    const dx = operand(o, 1) + ((unit * plane) << 2);
    memory.fill(dx, 0, plane << 2);
    for (let oy = 0; oy < <i32>p.outHeight; oy++) {
      const top = topOf(p, oy);
      const bottom = bottomOf(p, oy);
      for (let ox = 0; ox < <i32>p.outWidth; ox++) {
        const left = leftOf(p, ox);
        const right = rightOf(p, ox);
        const part = load<f32>(dy) * weight(p, oy, ox, (bottom - top) * (right - left));
        for (let row = top; row < bottom; row++) addToRow(dx + ((row * width) << 2), left, right, part);
        dy += 4;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addToRow(line: usize, left: i32, right: i32, part: f32): void {
  let to = line + (left << 2);
  const stop = line + (right << 2);
  for (; to + 16 <= stop; to += 16) v128.store(to, f32x4.add(v128.load(to), splat(part)));
  for (; to < stop; to += 4) store<f32>(to, load<f32>(to) + part);
}
