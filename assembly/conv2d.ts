// Convolution in NCHW as an implicit matrix product: filters are the left operand, patches the right, batch and pixels
// are merged into one column index. The input is padded beforehand, so a table of byte offsets turns every tap into a
// load without bounds: eight neighbouring pixels of a row are read in place, others are packed first.
import { Conv2dParams, Pad2dParams } from '../build/params';
import { fma, operand, splat, transpose4 } from './simd';
import { blockOf, multiplyInPlace, multiplyPacked, Rows1, Rows2, Rows3, Rows4, Rows5, Rows6, rowsOf, tileRows } from './tile';

/** Columns of one work unit and depth of a block; src/ops/conv2d.ts plans with the same numbers. */
const PIXELS: i32 = 96;
const DEPTH: i32 = 512;
const TAPS: i32 = 48;
const PIXEL_BLOCK: i32 = 384;

/**
 * y [planes, outHeight, outWidth]: x [planes, height, width] spread by (stepHeight, stepWidth) with its first element at
 * (top, left), zeros elsewhere; what falls outside is dropped. A unit is a plane.
 */
export function pad2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Pad2dParams>(params);
  const height = <i32>p.height;
  const width = <i32>p.width;
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const plane = outHeight * outWidth;
  for (let unit = begin; unit < end; unit++) {
    const x = operand(o, 0) + ((unit * height * width) << 2);
    const y = operand(o, 1) + ((unit * plane) << 2);
    memory.fill(y, 0, plane << 2);
    for (let row = 0; row < height; row++) {
      const to = p.top + row * <i32>p.stepHeight;
      if (to < 0 || to >= outHeight) continue;
      const from = x + ((row * width) << 2);
      const line = y + ((to * outWidth) << 2);
      if (p.stepWidth == 1) {
        const skip = max(0, -p.left);
        const count = min(width, outWidth - p.left) - skip;
        if (count > 0) memory.copy(line + ((p.left + skip) << 2), from + (skip << 2), count << 2);
      } else {
        for (let column = 0; column < width; column++) {
          const at = p.left + column * <i32>p.stepWidth;
          if (at >= 0 && at < outWidth) store<f32>(line + (at << 2), load<f32>(from + (column << 2)));
        }
      }
    }
  }
}

/** Weights [groups, filters, taps] into tiles of R rows [taps, R]. A unit is a group. */
// @ts-ignore: decorator
@inline
function packWeights<R>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<Conv2dParams>(params);
  const filters = <i32>p.filters;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  for (let group = begin; group < end; group++) {
    const weights = operand(o, 0) + ((group * filters * taps) << 2);
    let to = operand(o, 1) + ((group * filters * taps) << 2);
    for (let row = 0; row < filters; ) {
      const height = tileRows<R>(row, filters);
      for (let tap = 0; tap < taps; tap++) {
        for (let r = 0; r < height; r++) {
          store<f32>(to, load<f32>(weights + (((row + r) * taps + tap) << 2)));
          to += 4;
        }
      }
      row += height;
    }
  }
}

export function conv2d_pack_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { packWeights<Rows4>(o, p, begin, end); }
export function conv2d_pack_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { packWeights<Rows6>(o, p, begin, end); }

/** Weights [groups, filters, channels, r, s] to [groups, channels, filters, r, s], rotated by 180°. A unit is a group. */
export function conv2d_flip_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Conv2dParams>(params);
  const filters = <i32>p.filters;
  const channels = <i32>p.channels;
  const plane = <i32>(p.kernelHeight * p.kernelWidth);
  for (let group = begin; group < end; group++) {
    const weights = operand(o, 0) + ((group * filters * channels * plane) << 2);
    let to = operand(o, 1) + ((group * filters * channels * plane) << 2);
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < filters; f++) {
        const from = weights + (((f * channels + c) * plane) << 2);
        for (let tap = plane - 1; tap >= 0; tap--) {
          store<f32>(to, load<f32>(from + (tap << 2)));
          to += 4;
        }
      }
    }
  }
}

/** Byte offsets of the taps first to last from a patch's corner. */
function tapOffsets(p: Conv2dParams, first: i32, last: i32, table: usize): void {
  const kernelWidth = <i32>p.kernelWidth;
  const plane = <i32>p.kernelHeight * kernelWidth;
  for (let tap = first; tap < last; tap++) {
    const channel = tap / plane;
    const rest = tap - channel * plane;
    const r = rest / kernelWidth;
    const s = rest - r * kernelWidth;
    const row = channel * <i32>p.height + r * <i32>p.dilationHeight;
    store<u32>(table + ((tap - first) << 2), (row * <i32>p.width + s * <i32>p.dilationWidth) << 2);
  }
}

/** Address of the corner of the patch of pixel `column` (batch merged) in group `group`. */
// @ts-ignore: decorator
@inline
function corner(p: Conv2dParams, x: usize, group: i32, column: i32): usize {
  const plane = <i32>(p.outHeight * p.outWidth);
  const image = column / plane;
  const pixel = column - image * plane;
  const row = pixel / <i32>p.outWidth;
  return cornerAt(p, x, group, image, row, pixel - row * <i32>p.outWidth);
}

/** The same for the pixel at (row, at) of an image. */
// @ts-ignore: decorator
@inline
function cornerAt(p: Conv2dParams, x: usize, group: i32, image: i32, row: i32, at: i32): usize {
  const channel = (image * <i32>p.groups + group) * <i32>p.channels;
  const line = channel * <i32>p.height + row * <i32>p.strideHeight;
  return x + ((line * <i32>p.width + at * <i32>p.strideWidth) << 2);
}

/** `depth` taps of 8 patches into a panel [depth, 8]; `corners` holds their addresses. */
function packPatches(corners: usize, table: usize, depth: i32, to: usize): void {
  const x0 = load<u32>(corners);
  const x1 = load<u32>(corners, 4);
  const x2 = load<u32>(corners, 8);
  const x3 = load<u32>(corners, 12);
  const x4 = load<u32>(corners, 16);
  const x5 = load<u32>(corners, 20);
  const x6 = load<u32>(corners, 24);
  const x7 = load<u32>(corners, 28);
  for (let i = 0; i < depth; i++) {
    const offset = load<u32>(table);
    store<f32>(to, load<f32>(x0 + offset));
    store<f32>(to, load<f32>(x1 + offset), 4);
    store<f32>(to, load<f32>(x2 + offset), 8);
    store<f32>(to, load<f32>(x3 + offset), 12);
    store<f32>(to, load<f32>(x4 + offset), 16);
    store<f32>(to, load<f32>(x5 + offset), 20);
    store<f32>(to, load<f32>(x6 + offset), 24);
    store<f32>(to, load<f32>(x7 + offset), 28);
    table += 4;
    to += 32;
  }
}

/** One panel of 8 columns for all filters of a group: read in place, or packed; stored in place, or scattered. */
// @ts-ignore: decorator
@inline
function convolvePanel<R>(p: Conv2dParams, o: usize, scratch: usize, group: i32, column: i32, image: i32, row: i32, at: i32, start: i32, depth: i32): void {
  const outWidth = <i32>p.outWidth;
  const plane = <i32>p.outHeight * outWidth;
  const columns = <i32>p.batch * plane;
  const filters = <i32>p.filters;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  const x = operand(o, 0);
  const tiles = operand(o, 1) + ((group * filters * taps) << 2);
  const bias = operand(o, 2) ? operand(o, 2) + ((group * filters) << 2) : 0;
  const table = scratch + (start << 2);
  const corners = scratch + (taps << 2);
  const panel = corners + 64;
  const edge = panel + ((8 * DEPTH) << 2);
  const count = min(8, columns - column);
  const pixel = row * outWidth + at;
  const inRow = count == 8 && p.strideWidth == 1 && at + 8 <= outWidth;
  const inImage = count == 8 && pixel + 8 <= plane;
  const from = cornerAt(p, x, group, image, row, at);
  if (!inRow) {
    for (let j = 0; j < 8; j++) store<u32>(corners + (j << 2), <u32>corner(p, x, group, min(column + j, columns - 1)));
    packPatches(corners, table, depth, panel);
  }
  const more = start > 0;
  const stride = plane << 2;
  const y = operand(o, 3) + (((image * <i32>p.groups + group) * filters * plane + pixel) << 2);
  for (let filter = 0; filter < filters; ) {
    const height = tileRows<R>(filter, filters);
    const tile = tiles + ((filter * taps + start * height) << 2);
    const add = bias && !more ? bias + (filter << 2) : 0;
    const c = inImage ? y + filter * stride : edge;
    const step = inImage ? stride : 32;
    if (inRow) multiplyInPlace(height, depth, tile, from, table, c, step, add, inImage && more);
    else multiplyPacked(height, depth, tile, panel, c, step, add, inImage && more);
    if (!inImage) scatter(p, o, group, filter, height, column, count, edge, more);
    filter += height;
  }
}

/** Stores a tile whose columns lie in several images. */
function scatter(p: Conv2dParams, o: usize, group: i32, row: i32, height: i32, column: i32, count: i32, edge: usize, more: bool): void {
  const plane = <i32>(p.outHeight * p.outWidth);
  for (let j = 0; j < count; j++) {
    const image = (column + j) / plane;
    const pixel = column + j - image * plane;
    const filter = (image * <i32>p.groups + group) * <i32>p.filters + row;
    const y = operand(o, 3) + ((filter * plane + pixel) << 2);
    for (let r = 0; r < height; r++) {
      const to = y + ((r * plane) << 2);
      const value = load<f32>(edge + (r << 5) + (j << 2));
      store<f32>(to, more ? load<f32>(to) + value : value);
    }
  }
}

/**
 * y [batch, groups · filters, outHeight, outWidth] from an input without padding. Operands: x, packed weights, bias or
 * none, y. A unit is 96 columns of one group.
 */
// @ts-ignore: decorator
@inline
function conv2d<R>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Conv2dParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const plane = outHeight * outWidth;
  const columns = <i32>p.batch * plane;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  const units = (columns + PIXELS - 1) / PIXELS;
  const block = blockOf(taps, DEPTH);
  tapOffsets(p, 0, taps, scratch);
  for (let unit = begin; unit < end; unit++) {
    const group = unit / units;
    const first = (unit - group * units) * PIXELS;
    const last = min(first + PIXELS, columns);
    for (let start = 0; start < taps; start += block) {
      const depth = min(block, taps - start);
      let image = first / plane;
      let row = (first - image * plane) / outWidth;
      let at = first - image * plane - row * outWidth;
      for (let column = first; column < last; column += 8) {
        convolvePanel<R>(p, o, scratch, group, column, image, row, at, start, depth);
        for (at += 8; at >= outWidth; at -= outWidth) row++;
        for (; row >= outHeight; row -= outHeight) image++;
      }
    }
  }
}

export function conv2d_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { conv2d<Rows4>(o, p, s, begin, end); }
export function conv2d_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { conv2d<Rows6>(o, p, s, begin, end); }

/** dy [batch, groups · filters, pixels] into panels [groups, ⌈filters / 8⌉, batch, pixels, 8]. A unit is one of the first three. */
export function conv2d_pack_gradient_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<Conv2dParams>(params);
  const plane = <i32>(p.outHeight * p.outWidth);
  const filters = <i32>p.filters;
  const panels = (filters + 7) >> 3;
  const batch = <i32>p.batch;
  const stride = <usize>plane << 2;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / batch;
    const image = unit - block * batch;
    const group = block / panels;
    const filter = (block - group * panels) << 3;
    const count = min(8, filters - filter);
    let from = operand(o, 0) + ((((image * <i32>p.groups + group) * filters + filter) * plane) << 2);
    let to = operand(o, 1) + ((unit * plane) << 5);
    let i = 0;
    if (count == 8) {
      for (; i + 4 <= plane; i += 4) {
        transpose4(from, stride, to, 32);
        transpose4(from + 4 * stride, stride, to + 16, 32);
        from += 16;
        to += 128;
      }
    }
    for (; i < plane; i++) {
      for (let j = 0; j < 8; j++) store<f32>(to + (j << 2), j < count ? load<f32>(from + j * stride) : 0.0);
      from += 4;
      to += 32;
    }
  }
}

/**
 * sums [R, 8] += Σ over rows × width pixels of x[pixel + tap] · dy[pixel, 8]: x is read in place, at R taps whose byte
 * offsets `table` gives; a pixel is `step` bytes from the next, a row `skip` bytes from the end of the one before.
 */
// @ts-ignore: decorator
@inline
function correlate<R>(rows: i32, width: i32, x: usize, step: usize, skip: usize, table: usize, dy: usize, sums: usize): void {
  let s00 = splat(0.0), s01 = splat(0.0), s10 = splat(0.0), s11 = splat(0.0);
  let s20 = splat(0.0), s21 = splat(0.0), s30 = splat(0.0), s31 = splat(0.0);
  let s40 = splat(0.0), s41 = splat(0.0), s50 = splat(0.0), s51 = splat(0.0);
  let x0 = x + load<u32>(table);
  let x1 = rowsOf<R>() > 1 ? x + load<u32>(table, 4) : 0;
  let x2 = rowsOf<R>() > 2 ? x + load<u32>(table, 8) : 0;
  let x3 = rowsOf<R>() > 3 ? x + load<u32>(table, 12) : 0;
  let x4 = rowsOf<R>() > 4 ? x + load<u32>(table, 16) : 0;
  let x5 = rowsOf<R>() > 5 ? x + load<u32>(table, 20) : 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const b0 = v128.load(dy);
      const b1 = v128.load(dy, 16);
      dy += 32;
      const a0 = v128.load32_splat(x0);
      s00 = fma(a0, b0, s00);
      s01 = fma(a0, b1, s01);
      x0 += step;
      if (rowsOf<R>() > 1) {
        const a1 = v128.load32_splat(x1);
        s10 = fma(a1, b0, s10);
        s11 = fma(a1, b1, s11);
        x1 += step;
      }
      if (rowsOf<R>() > 2) {
        const a2 = v128.load32_splat(x2);
        s20 = fma(a2, b0, s20);
        s21 = fma(a2, b1, s21);
        x2 += step;
      }
      if (rowsOf<R>() > 3) {
        const a3 = v128.load32_splat(x3);
        s30 = fma(a3, b0, s30);
        s31 = fma(a3, b1, s31);
        x3 += step;
      }
      if (rowsOf<R>() > 4) {
        const a4 = v128.load32_splat(x4);
        s40 = fma(a4, b0, s40);
        s41 = fma(a4, b1, s41);
        x4 += step;
      }
      if (rowsOf<R>() > 5) {
        const a5 = v128.load32_splat(x5);
        s50 = fma(a5, b0, s50);
        s51 = fma(a5, b1, s51);
        x5 += step;
      }
    }
    x0 += skip;
    if (rowsOf<R>() > 1) x1 += skip;
    if (rowsOf<R>() > 2) x2 += skip;
    if (rowsOf<R>() > 3) x3 += skip;
    if (rowsOf<R>() > 4) x4 += skip;
    if (rowsOf<R>() > 5) x5 += skip;
  }
  addSums(sums, s00, s01);
  if (rowsOf<R>() > 1) addSums(sums + 32, s10, s11);
  if (rowsOf<R>() > 2) addSums(sums + 64, s20, s21);
  if (rowsOf<R>() > 3) addSums(sums + 96, s30, s31);
  if (rowsOf<R>() > 4) addSums(sums + 128, s40, s41);
  if (rowsOf<R>() > 5) addSums(sums + 160, s50, s51);
}

// @ts-ignore: decorator
@inline
function addSums(sums: usize, low: v128, high: v128): void {
  v128.store(sums, f32x4.add(v128.load(sums), low));
  v128.store(sums, f32x4.add(v128.load(sums, 16), high), 16);
}

function correlate1(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows1>(rows, width, x, step, skip, t, dy, sums); }
function correlate2(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows2>(rows, width, x, step, skip, t, dy, sums); }
function correlate3(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows3>(rows, width, x, step, skip, t, dy, sums); }
function correlate4(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows4>(rows, width, x, step, skip, t, dy, sums); }
function correlate5(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows5>(rows, width, x, step, skip, t, dy, sums); }
function correlate6(rows: i32, width: i32, x: usize, step: usize, skip: usize, t: usize, dy: usize, sums: usize): void { correlate<Rows6>(rows, width, x, step, skip, t, dy, sums); }

/**
 * dweight [groups · filters, taps] = Σ over batch and pixels of dy · x, for an input without padding. Operands: x, packed
 * dy, dweight. A unit is 8 filters by 48 taps; its sums stay in scratch, each block of about 384 pixels starts at zero.
 */
// @ts-ignore: decorator
@inline
function weightGradient<R>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Conv2dParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  const filters = <i32>p.filters;
  const panels = (filters + 7) >> 3;
  const blocks = (taps + TAPS - 1) / TAPS;
  const plane = outHeight * outWidth;
  const step = <usize>p.strideWidth << 2;
  const lineBytes = (<usize>p.width * p.strideHeight) << 2;
  const skip = lineBytes - outWidth * step;
  const rowsPerBlock = max(1, PIXEL_BLOCK / outWidth);
  const table = scratch + ((8 * TAPS) << 2);
  for (let unit = begin; unit < end; unit++) {
    const pair = unit / blocks;
    const firstTap = (unit - pair * blocks) * TAPS;
    const count = min(TAPS, taps - firstTap);
    const group = pair / panels;
    memory.fill(scratch, 0, (8 * TAPS) << 2);
    tapOffsets(p, firstTap, firstTap + count, table);
    for (let image = 0; image < <i32>p.batch; image++) {
      const x = corner(p, operand(o, 0), group, image * plane);
      const dy = operand(o, 1) + (((pair * <i32>p.batch + image) * plane) << 5);
      for (let row = 0; row < outHeight; row += rowsPerBlock) {
        const rows = min(rowsPerBlock, outHeight - row);
        const from = x + row * lineBytes;
        const gradient = dy + ((row * outWidth) << 5);
        for (let tap = 0; tap < count; ) {
          const height = tileRows<R>(tap, count);
          const offsets = table + (tap << 2);
          const sums = scratch + (tap << 5);
          if (height == 6) correlate6(rows, outWidth, from, step, skip, offsets, gradient, sums);
          else if (height == 4) correlate4(rows, outWidth, from, step, skip, offsets, gradient, sums);
          else if (height == 5) correlate5(rows, outWidth, from, step, skip, offsets, gradient, sums);
          else if (height == 3) correlate3(rows, outWidth, from, step, skip, offsets, gradient, sums);
          else if (height == 2) correlate2(rows, outWidth, from, step, skip, offsets, gradient, sums);
          else correlate1(rows, outWidth, from, step, skip, offsets, gradient, sums);
          tap += height;
        }
      }
    }
    const filter = (pair - group * panels) << 3;
    const to = operand(o, 2) + (((group * filters + filter) * taps + firstTap) << 2);
    const kept = min(8, filters - filter);
    for (let tap = 0; tap < count; tap++) {
      for (let j = 0; j < kept; j++) store<f32>(to + ((j * taps + tap) << 2), load<f32>(scratch + (tap << 5) + (j << 2)));
    }
  }
}

export function conv2d_weight_gradient_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { weightGradient<Rows4>(o, p, s, begin, end); }
export function conv2d_weight_gradient_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { weightGradient<Rows6>(o, p, s, begin, end); }
