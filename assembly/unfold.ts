// Windows of images [planes, height, width] as columns [planes, kernelHeight, kernelWidth, outHeight, outWidth], and back.
import { UnfoldParams } from '../build/params';
import { loadTail, operand, storeTail } from './simd';

/** First window of a row whose element at `offset` from the window's corner lies on the image. */
// @ts-ignore: decorator
@inline
function firstOn(offset: i32, stride: i32): i32 {
  return offset >= 0 ? 0 : (stride - 1 - offset) / stride;
}

/** One past the last of `count` such windows in a row of `size` elements. */
// @ts-ignore: decorator
@inline
function beyondOn(offset: i32, stride: i32, size: i32, count: i32): i32 {
  return offset >= size ? 0 : min(count, (size - 1 - offset) / stride + 1);
}

/** Operands: images, columns. A unit is one element of the kernel on one plane: a row of columns. */
export function unfold_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<UnfoldParams>(params);
  const width = <i32>p.width;
  const height = <i32>p.height;
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const stride = <i32>p.strideWidth;
  const area = <i32>(p.kernelHeight * p.kernelWidth);
  for (let unit = begin; unit < end; unit++) {
    const plane = unit / area;
    const tap = unit - plane * area;
    const r = tap / <i32>p.kernelWidth;
    const down = r * <i32>p.dilationHeight - <i32>p.top;
    const across = (tap - r * <i32>p.kernelWidth) * <i32>p.dilationWidth - <i32>p.left;
    const first = firstOn(across, stride);
    const beyond = max(first, beyondOn(across, stride, width, outWidth));
    const x = operand(o, 0) + ((plane * height * width) << 2);
    let y = operand(o, 1) + ((unit * outHeight * outWidth) << 2);
    for (let oy = 0; oy < outHeight; oy++) {
      const row = oy * <i32>p.strideHeight + down;
      if (row < 0 || row >= height || first >= outWidth) {
        memory.fill(y, 0, outWidth << 2);
      } else {
        memory.fill(y, 0, first << 2);
        let from = x + ((row * width + first * stride + across) << 2);
        if (stride == 1) {
          memory.copy(y + (first << 2), from, (beyond - first) << 2);
        } else {
          for (let ox = first; ox < beyond; ox++) {
            store<f32>(y + (ox << 2), load<f32>(from));
            from += stride << 2;
          }
        }
        memory.fill(y + (beyond << 2), 0, (outWidth - beyond) << 2);
      }
      y += outWidth << 2;
    }
  }
}

/** Operands: columns, images. A unit is a plane; elements of the kernel are added in their order. */
export function fold_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<UnfoldParams>(params);
  const width = <i32>p.width;
  const height = <i32>p.height;
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const stride = <i32>p.strideWidth;
  const area = <i32>(p.kernelHeight * p.kernelWidth);
  for (let plane = begin; plane < end; plane++) {
    const y = operand(o, 1) + ((plane * height * width) << 2);
    memory.fill(y, 0, (height * width) << 2);
    let x = operand(o, 0) + ((plane * area * outHeight * outWidth) << 2);
    for (let r = 0; r < <i32>p.kernelHeight; r++) {
      const down = r * <i32>p.dilationHeight - <i32>p.top;
      for (let t = 0; t < <i32>p.kernelWidth; t++) {
        const across = t * <i32>p.dilationWidth - <i32>p.left;
        const first = firstOn(across, stride);
        const count = beyondOn(across, stride, width, outWidth) - first;
        for (let oy = 0; oy < outHeight; oy++) {
          const row = oy * <i32>p.strideHeight + down;
          if (row >= 0 && row < height) {
            addRow(x + (first << 2), y + ((row * width + first * stride + across) << 2), stride << 2, count);
          }
          x += outWidth << 2;
        }
      }
    }
  }
}

/** y += x over `count` elements; those of y lie `step` bytes apart. */
// @ts-ignore: decorator
@inline
function addRow(x: usize, y: usize, step: usize, count: i32): void {
  if (step == 4) {
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const at = i << 2;
      v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
    }
    const rest = count - i;
    const at = i << 2;
    if (rest > 0) storeTail(y + at, f32x4.add(loadTail(y + at, rest), loadTail(x + at, rest)), rest);
  } else {
    for (let i = 0; i < count; i++) {
      store<f32>(y, load<f32>(y) + load<f32>(x));
      x += 4;
      y += step;
    }
  }
}
