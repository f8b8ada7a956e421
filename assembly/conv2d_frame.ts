// How the units of a convolution see x: a frame of the images, channels and rows that one unit needs. Where padding or a
// stride asks for it the unit copies them into its own scratch memory, so small that they stay in the cache: with zeros
// round them, and split into a plane for every phase of the stride, so that a tap of neighbouring pixels is one
// contiguous load. Otherwise the frame is x itself.
import { ConvolveParams } from '../build/params';
import { operand, splat } from './simd';

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

/** Table of the byte offsets of all taps (channel, r, s) of `channels` channels. */
export function tapOffsets(p: ConvolveParams, channels: i32, table: usize): void {
  for (let r = 0; r < <i32>p.kernelHeight; r++) {
    for (let s = 0; s < <i32>p.kernelWidth; s++) {
      let offset = tapOffset(p, r, s);
      let at = table + ((r * p.kernelWidth + s) << 2);
      for (let channel = 0; channel < channels; channel++) {
        store<u32>(at, offset);
        offset += p.channelBytes;
        at += (p.kernelHeight * p.kernelWidth) << 2;
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

/** A row of `count` elements, `step` apart. */
// @ts-ignore: decorator
@inline
function copyLine(from: usize, mask: usize, to: usize, count: i32, step: usize): void {
  let i = 0;
  if (step == 1) {
    for (; i + 4 <= count; i += 4) {
      v128.store(to, masked(v128.load(from), mask));
      from += 16;
      to += 16;
      if (mask) mask += 16;
    }
  }
  for (; i < count; i++) {
    store<f32>(to, maskedAt(from, mask));
    from += step << 2;
    to += 4;
    if (mask) mask += step << 2;
  }
}

// @ts-ignore: decorator
@inline
function clear(from: usize, to: usize): void {
  for (; from < to; from += 4) store<f32>(from, 0.0);
}

/** First column of a frame's plane whose place in x is at least `place`. */
// @ts-ignore: decorator
@inline
function columnOf(place: i32, step: i32, width: i32): i32 {
  return place <= 0 ? 0 : min(width, (place + step - 1) / step);
}

/** Copies what pixel rows `row` and below of `images` images see of `channels` channels; `plane` counts x's planes. */
export function fillFrame(p: ConvolveParams, o: usize, maskAt: i32, image: i32, images: i32, plane: i32, channels: i32, row: i32, to: usize): void {
  const height = <i32>p.height;
  const width = <i32>p.width;
  const stepHeight = <i32>p.frameStepHeight;
  const stepWidth = <i32>p.frameStepWidth;
  const frameWidth = <i32>p.frameWidth;
  const mask = maskAt < 0 ? 0 : operand(o, maskAt);
  const planes = <i32>(p.groups * p.channels);
  const top = row * <i32>p.strideHeight - p.top;
  for (let i = 0; i < images; i++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (((image + i) * planes + plane + channel) * height * width) << 2;
      let line = to + i * p.imageBytes + channel * p.channelBytes;
      for (let phaseRow = 0; phaseRow < <i32>p.phaseRows; phaseRow++) {
        for (let phaseColumn = 0; phaseColumn < <i32>p.phaseColumns; phaseColumn++) {
          const first = columnOf(p.left - phaseColumn, stepWidth, frameWidth);
          const last = max(first, columnOf(width + p.left - phaseColumn, stepWidth, frameWidth));
          const start = first * stepWidth + phaseColumn - p.left;
          for (let at = 0; at < <i32>p.frameRows; at++) {
            const y = top + phaseRow + at * stepHeight;
            const end = line + (frameWidth << 2);
            if (y < 0 || y >= height) {
              clear(line, end);
            } else {
              const source = from + ((y * width + start) << 2);
              clear(line, line + (first << 2));
              copyLine(operand(o, 0) + source, mask ? mask + source : 0, line + (first << 2), last - first, stepWidth);
              clear(line + (last << 2), end);
            }
            line = end;
          }
        }
      }
    }
  }
}
