// How the units of a convolution see x: a frame of the images, channels and rows that one unit needs. Where padding or a
// stride asks for it the unit copies them into its own scratch memory, so small that they stay in the cache: with zeros
// round them, and split into a plane for every phase of the stride, so that a tap of neighbouring pixels is one
// contiguous load. Otherwise the frame is x itself.
import { ConvolveParams } from '../build/params';
import { splat } from './simd';
import { touch } from './touch';

/** Bytes from a pixel's corner in the frame to tap (r, s) of channel 0. */
// @ts-ignore: decorator
@inline
function tapOffset(p: ConvolveParams, r: i32, s: i32): i32 {
  const down = r * <i32>p.dilationHeight;
  const across = s * <i32>p.dilationWidth;
  const row = down / <i32>p.frameStepHeight;
  const column = across / <i32>p.frameStepWidth;
  const phaseRow = down - row * <i32>p.frameStepHeight;
  const phase = phaseRow * <i32>p.phaseColumns + across - column * <i32>p.frameStepWidth;
  return ((phase * <i32>p.frameRows + row) * <i32>p.frameWidth + column) << 2;
}

/** Table of the byte offsets of all taps (channel, r, s) of `channels` channels; (r, channel) where columns are spread. */
export function tapOffsets(p: ConvolveParams, channels: i32, table: usize): void {
  const step = (p.spread ? 1 : p.kernelHeight * p.kernelWidth) << 2;
  for (let r = 0; r < <i32>p.kernelHeight; r++) {
    for (let s = 0; s < <i32>p.kernelWidth; s++) {
      let offset = tapOffset(p, r, s);
      let at = table + ((p.spread ? r * channels : r * p.kernelWidth + s) << 2);
      for (let channel = 0; channel < channels; channel++) {
        store<u32>(at, offset);
        offset += p.channelBytes;
        at += step;
      }
    }
  }
}

/** dy where y > 0 or is NaN, else 0: the gradient through y = relu(z). Without a mask dy itself. */
// @ts-ignore: decorator
@inline
export function masked(dy: v128, mask: usize): v128 {
  return mask ? v128.andnot(dy, f32x4.le(v128.load(mask), splat(0.0))) : dy;
}

// @ts-ignore: decorator
@inline
export function maskedAt(dy: usize, mask: usize): f32 {
  return mask && load<f32>(mask) <= 0 ? 0 : load<f32>(dy);
}

/** Elements 0, 2, 4, 6. */
// @ts-ignore: decorator
@inline
function everySecond(from: usize): v128 {
  return v128.shuffle<i32>(v128.load(from), v128.load(from, 12), 0, 2, 5, 7);
}

/** Copies `count` elements, `step` apart. The last vector of a row overlaps the one before, so that there is no tail. */
// @ts-ignore: decorator
@inline
export function copyLine(from: usize, mask: usize, to: usize, count: i32, step: usize): void {
  if (count >= 4 && step == 1) {
    const last = <usize>(count - 4) << 2;
    let at: usize = 0;
    // Four vectors a round: to count takes as long as to copy one.
    if (!mask) {
      for (; at + 64 <= last; at += 64) {
        v128.store(to + at, v128.load(from + at));
        v128.store(to + at, v128.load(from + at, 16), 16);
        v128.store(to + at, v128.load(from + at, 32), 32);
        v128.store(to + at, v128.load(from + at, 48), 48);
      }
    }
    for (; at < last; at += 16) v128.store(to + at, masked(v128.load(from + at), mask ? mask + at : 0));
    v128.store(to + last, masked(v128.load(from + last), mask ? mask + last : 0));
    return;
  }
  if (count >= 4 && step == 2) {
    const last = <usize>(count - 4) << 2;
    for (let at: usize = 0; at < last; at += 16) v128.store(to + at, everySecond(from + 2 * at));
    v128.store(to + last, everySecond(from + 2 * last));
    return;
  }
  for (let i = 0; i < count; i++) {
    store<f32>(to, maskedAt(from, mask));
    from += step << 2;
    to += 4;
    if (mask) mask += 4;
  }
}

/** First row or column of `size` in a frame's plane whose place in x is at least `place`. */
// @ts-ignore: decorator
@inline
function firstFrom(place: i32, step: i32, size: i32): i32 {
  return place <= 0 ? 0 : min(size, (place + step - 1) / step);
}

/**
 * Copies what a unit sees of `images` images and `channels` channels, of which `plane` is the first one's number in an image
 * and `line` the first row in x, plane by plane as x lies. What lies beside x is zero before and stays so, as do rows
 * outside where every unit has all rows. With a mask the stride is 1.
 */
export function fillFrame(p: ConvolveParams, x: usize, mask: usize, image: i32, images: i32, plane: i32, channels: i32, line: i32, frame: usize): void {
  const height = <i32>p.height;
  const width = <i32>p.width;
  const stepHeight = <i32>p.frameStepHeight;
  const step = <i32>p.frameStepWidth;
  const frameRows = <i32>p.frameRows;
  const lineBytes = p.frameWidth << 2;
  const planeBytes = <usize>(height * width) << 2;
  const rowBytes = <usize>(stepHeight * width) << 2;
  const banded = p.rows < p.outHeight;
  for (let i = 0; i < images; i++) {
    const source = <i32>((image + i) * p.groups * p.channels + plane) * height;
    let to = frame + i * p.imageBytes;
    for (let phase = 0; phase < <i32>(p.phaseRows * p.phaseColumns); phase++) {
      const down = phase / <i32>p.phaseColumns;
      const column = phase - down * <i32>p.phaseColumns;
      const above = firstFrom(-line - down, stepHeight, frameRows);
      const rows = firstFrom(height - line - down, stepHeight, frameRows);
      const first = firstFrom(p.left - column, step, p.frameWidth);
      const count = firstFrom(width + p.left - column, step, p.frameWidth) - first;
      const at = ((source + line + down + above * stepHeight) * width + first * step + column - p.left) << 2;
      for (let channel = 0; channel < channels; channel++) {
        let pixels = to + channel * p.channelBytes;
        let from = x + at + channel * planeBytes;
        if (banded && above > 0) memory.fill(pixels, 0, above * lineBytes);
        if (banded && rows < frameRows) memory.fill(pixels + rows * lineBytes, 0, (frameRows - rows) * lineBytes);
        pixels += above * lineBytes + (first << 2);
        for (let row = above; row < rows; row++) {
          copyLine(from, mask ? from + (mask - x) : 0, pixels, count, step);
          pixels += lineBytes;
          from += rowBytes;
        }
      }
      to += frameRows * lineBytes;
    }
  }
}

/** Fetches `bytes` of each of the images: a tap's loads lie apart, which took a sixth of the time with filters of 1 x 1. */
export function touchImages(images: i32, x: usize, imageBytes: usize, bytes: usize, limit: usize, spare: usize): void {
  for (; images > 0; images--) {
    touch(x, min(x + bytes, limit), spare);
    x += imageBytes;
  }
}
