// The frame of a depthwise convolution: rows of a plane in the first-level cache, with the zeros round them and between them,
// the columns of each phase of the stride side by side.
import { DepthwiseParams } from '../build/params';
import { loadUpTo, splat } from './simd';

/** Bytes of one phase of the stride in a row of the frame, for `pixels` of output. */
// @ts-ignore: decorator
@inline
export function phaseBytes(p: DepthwiseParams, pixels: i32): usize {
  const columns = (pixels - 1) * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1;
  return <usize>((columns + p.strideWidth - 1) / p.strideWidth) << 2;
}

/** A filter of `size` x `size` without dilation. */
export function isOf(p: DepthwiseParams, size: u32): bool {
  return p.kernelHeight == size && p.kernelWidth == size && (p.dilationHeight | p.dilationWidth) == 1;
}

/**
 * Whether strips of 3 x 3, or of 5 x 5 over x spread by 2, read x without a frame: as many zeros as in half the filter are
 * above and left of it, as many or less below and to the right, and strides of 2 divide the larger plane.
 */
export function readsInPlace(p: DepthwiseParams): bool {
  const spread = p.spreadWidth;
  const size: u32 = spread == 2 && p.kernelWidth == 5 ? 5 : 3;
  if (!isOf(p, size) || p.left != <i32>size >> 1 || p.top != p.left || p.strideHeight != p.strideWidth || p.spreadHeight != spread) return false;
  const stride = p.strideWidth;
  if (max(stride, spread) > 2) return false;
  return min(p.width, p.outWidth) > 3 && max(p.width, p.outWidth) > 4 && p.outWidth * stride == p.width * spread && p.outHeight * stride == p.height * spread;
}

/** A row of a plane, or of `zeros` beside it. */
// @ts-ignore: decorator
@inline
export function rowAt(x: usize, row: i32, height: i32, line: usize, zeros: usize): usize {
  return <u32>row < <u32>height ? x + row * line : zeros;
}

/** Bytes on each side of a row that vectors may read where it has no columns. */
export const BESIDE: usize = 64;

/** Whether vectors over x as it is, rows of zeros beside it, read no further than that from a row. */
export function readsBeside(p: DepthwiseParams): bool {
  const right = <i32>(p.outWidth + p.kernelWidth) - p.left - <i32>p.width;
  return (p.spreadHeight | p.spreadWidth) == 1 && p.left >= 0 && p.left < 5 && right < 16;
}

/** Byte offsets of the taps from the frame's place of a pixel. */
export function tapOffsets(p: DepthwiseParams, phase: usize, line: usize, table: usize): void {
  for (let r: u32 = 0; r < p.kernelHeight; r++) {
    for (let s: u32 = 0; s < p.kernelWidth; s++) {
      const column = s * p.dilationWidth;
      store<usize>(table, r * p.dilationHeight * line + (column % p.strideWidth) * phase + ((column / p.strideWidth) << 2));
      table += 4;
    }
  }
}

/** Eight elements to four of each phase. */
// @ts-ignore: decorator
@inline
function split(x: usize, to: usize, phase: usize): void {
  const a = v128.load(x);
  const b = v128.load(x, 16);
  v128.store(to, v128.shuffle<i32>(a, b, 0, 2, 4, 6));
  v128.store(to + phase, v128.shuffle<i32>(a, b, 1, 3, 5, 7));
}

/**
 * Elements first to last of a row to columns left, left + spread, ... of a frame's row; vectors at the end overlap those
 * before.
 */
function layRow(x: usize, first: i32, last: i32, left: i32, spread: i32, stride: i32, phase: usize, to: usize): void {
  let i = first;
  if (stride == 1 && spread == 1) {
    const line = to + (left << 2);
    if (last - first >= 4) {
      for (; i < last - 4; i += 4) v128.store(line + (i << 2), v128.load(x + (i << 2)));
      v128.store(line + (last - 4 << 2), v128.load(x + (last - 4 << 2)));
      return;
    }
  } else if (stride == 2 && spread == 1) {
    if (((left + i) & 1) && i < last) {
      store<f32>(to + phase + ((left + i) >> 1 << 2), load<f32>(x + (i << 2)));
      i++;
    }
    const end = last - ((left + last) & 1);
    if (end - i >= 8) {
      for (; i < end - 8; i += 8) split(x + (i << 2), to + ((left + i) >> 1 << 2), phase);
      split(x + (end - 8 << 2), to + ((left + end - 8) >> 1 << 2), phase);
      if (end < last) store<f32>(to + ((left + end) >> 1 << 2), load<f32>(x + (end << 2)));
      return;
    }
  }
  const column = left + i * spread;
  let place = column / stride;
  let part = column - place * stride;
  for (; i < last; i++) {
    store<f32>(to + part * phase + (place << 2), load<f32>(x + (i << 2)));
    for (part += spread; part >= stride; part -= stride) place++;
  }
}

/**
 * Rows first to last of a plane, counted from the padding's edge, into a frame whose columns beside them are zero; rows
 * beyond the plane are cleared where `clear` says that they may hold others.
 */
export function layFrame(p: DepthwiseParams, x: usize, first: i32, last: i32, clear: bool, phase: usize, line: usize, frame: usize): void {
  const width = <i32>p.width;
  const spreadHeight = <i32>p.spreadHeight;
  const spread = <i32>p.spreadWidth;
  const stride = <i32>p.strideWidth;
  const left = p.left;
  const columns = <i32>((p.outWidth - 1) * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1);
  const end = min(width, max(0, columns - left + spread - 1) / spread);
  const begin = min(end, max(0, spread - 1 - left) / spread);
  const top = first - p.top;
  let at = top > 0 ? (top + spreadHeight - 1) / spreadHeight : 0;
  let next = at * spreadHeight - top + first;
  for (let row = first; row < last; row++) {
    if (row == next && at < <i32>p.height) {
      layRow(x + (at * width << 2), begin, end, left, spread, stride, phase, frame);
      at++;
      next += spreadHeight;
    } else if (clear) {
      memory.fill(frame, 0, line);
    }
    frame += line;
  }
}

/** `count` elements, with zeros where the mask, its distance from x plus 1 or 0, isn't above 0. */
export function copyRow(x: usize, mask: usize, count: i32, to: usize): void {
  for (; count > 0; count -= 4) {
    let lanes = loadUpTo(x, count);
    if (mask) lanes = v128.andnot(lanes, f32x4.le(loadUpTo(x + mask - 1, count), splat(0.0)));
    v128.store(to, lanes);
    x += 16;
    to += 16;
  }
}
