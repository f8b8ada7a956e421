// Depthwise convolution, a filter of its own for every channel: y[p] = bias + Σ taps w[c, tap] · x[p stride + tap dilation],
// its input-gradient (dy spread by the stride, filters rotated), and its weight-gradient. Too little arithmetic for packing
// to pay: SIMD runs over the pixels of a row. A band of rows is laid into a frame in the first-level cache with its zeros,
// the columns of each phase of the stride side by side, so that every tap is a plain load at a constant distance.
import { DepthwiseParams } from '../build/params';
import { fma, loadUpTo, operand, splat, storeUpTo, sumLanes } from './simd';

/** Bytes of one phase of the stride in a row of the frame, for `pixels` of output. */
// @ts-ignore: decorator
@inline
function phaseBytes(p: DepthwiseParams, pixels: i32): usize {
  const columns = (pixels - 1) * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1;
  return <usize>((columns + p.strideWidth - 1) / p.strideWidth) << 2;
}

/** A filter of 3 x 3 at stride and dilation 1. */
function isNine(p: DepthwiseParams): bool {
  return p.kernelHeight == 3 && p.kernelWidth == 3 && (p.strideHeight | p.strideWidth | p.dilationHeight | p.dilationWidth) == 1;
}

/** Byte offsets of the taps from the frame's place of a pixel. */
function tapOffsets(p: DepthwiseParams, phase: usize, line: usize, table: usize): void {
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
      i = end;
    }
  } else if (stride == 1 && spread == 2) {
    // Not the last: the zero behind it may lie in the next row.
    for (; i + 4 < last; i += 4) {
      const a = v128.load(x + (i << 2));
      const line = to + (left + (i << 1) << 2);
      v128.store(line, v128.shuffle<i32>(a, splat(0.0), 0, 4, 1, 5));
      v128.store(line, v128.shuffle<i32>(a, splat(0.0), 2, 4, 3, 5), 16);
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
 * beyond the plane are cleared where `clear` says that they may hold others. `mask` is its distance from x plus 1, or 0.
 */
function layFrame(p: DepthwiseParams, x: usize, mask: usize, masked: usize, first: i32, last: i32, clear: bool, phase: usize, line: usize, frame: usize): void {
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
      let from = x + (at * width << 2);
      if (mask) {
        copyRow(from, mask, width, masked);
        from = masked;
      }
      layRow(from, begin, end, left, spread, stride, phase, frame);
      at++;
      next += spreadHeight;
    } else if (clear) {
      memory.fill(frame, 0, line);
    }
    frame += line;
  }
}

/** Two rows of 16 pixels, of which `count` are stored: Σ taps w · frame; `ends` holds four times the bias and the least result. */
function sumTaps(taps: i32, table: usize, weight: usize, step: usize, x0: usize, x1: usize, ends: usize, y0: usize, y1: usize, count: i32): void {
  let c00 = v128.load(ends), c01 = c00, c02 = c00, c03 = c00;
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  for (const end = table + (taps << 2); table < end; table += 4) {
    const offset = load<usize>(table);
    const w = v128.load32_splat(weight);
    const a = x0 + offset;
    const b = x1 + offset;
    c00 = fma(w, v128.load(a), c00);
    c01 = fma(w, v128.load(a, 16), c01);
    c02 = fma(w, v128.load(a, 32), c02);
    c03 = fma(w, v128.load(a, 48), c03);
    c10 = fma(w, v128.load(b), c10);
    c11 = fma(w, v128.load(b, 16), c11);
    c12 = fma(w, v128.load(b, 32), c12);
    c13 = fma(w, v128.load(b, 48), c13);
    weight += step;
  }
  const least = v128.load(ends, 16);
  put4(y0, count, least, c00, c01, c02, c03);
  put4(y1, count, least, c10, c11, c12, c13);
}

function put4(y: usize, count: i32, least: v128, a: v128, b: v128, c: v128, d: v128): void {
  storeUpTo(y, f32x4.pmax(a, least), count);
  if (count > 4) storeUpTo(y + 16, f32x4.pmax(b, least), count - 4);
  if (count > 8) storeUpTo(y + 32, f32x4.pmax(c, least), count - 8);
  if (count > 12) storeUpTo(y + 48, f32x4.pmax(d, least), count - 12);
}

/**
 * The same for all rows, 2 at least, of 4 pixels at least, with stride and dilation 1 and a filter of 3 x 3 that stays in
 * registers: pairs of rows; the last pair, and the last pixels of a row, overlap those before.
 */
function sumNine(rows: i32, columns: i32, frame: usize, line: usize, weight: usize, step: usize, ends: usize, y: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight + step), w2 = v128.load32_splat(weight + 2 * step);
  weight += 3 * step;
  const w3 = v128.load32_splat(weight), w4 = v128.load32_splat(weight + step), w5 = v128.load32_splat(weight + 2 * step);
  weight += 3 * step;
  const w6 = v128.load32_splat(weight), w7 = v128.load32_splat(weight + step), w8 = v128.load32_splat(weight + 2 * step);
  const last = <usize>(columns - 4) << 2;
  const outLine = <usize>columns << 2;
  for (let row = 0; ; row = min(row + 2, rows - 2)) {
    const from = frame + row * line;
    const to = y + row * outLine;
    for (let at: usize = 0; ; at = min(at + 16, last)) {
      let x = from + at;
      let a = v128.load(x), b = v128.load(x, 4), c = v128.load(x, 8);
      let c0 = fma(w2, c, fma(w1, b, fma(w0, a, v128.load(ends))));
      x += line;
      a = v128.load(x); b = v128.load(x, 4); c = v128.load(x, 8);
      c0 = fma(w5, c, fma(w4, b, fma(w3, a, c0)));
      let c1 = fma(w2, c, fma(w1, b, fma(w0, a, v128.load(ends))));
      x += line;
      a = v128.load(x); b = v128.load(x, 4); c = v128.load(x, 8);
      c0 = fma(w8, c, fma(w7, b, fma(w6, a, c0)));
      c1 = fma(w5, c, fma(w4, b, fma(w3, a, c1)));
      v128.store(to + at, f32x4.pmax(c0, v128.load(ends, 16)));
      x += line;
      a = v128.load(x); b = v128.load(x, 4); c = v128.load(x, 8);
      c1 = fma(w8, c, fma(w7, b, fma(w6, a, c1)));
      v128.store(to + outLine + at, f32x4.pmax(c1, v128.load(ends, 16)));
      if (at == last) break;
    }
    if (row == rows - 2) return;
  }
}

/** Operands: x, weight, bias or none, y, mask of x or none. A unit is `unitPlanes` planes by `bandRows` rows. */
export function depthwise_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const taps = <i32>(p.kernelHeight * p.kernelWidth);
  const phase = phaseBytes(p, outWidth);
  const line = phase * p.strideWidth;
  const strideHeight = <i32>p.strideHeight;
  const nine = outWidth > 3 && isNine(p);
  const reach = <i32>((p.kernelHeight - 1) * p.dilationHeight) + 1;
  const bandRows = <i32>p.bandRows;
  const bands = (outHeight + bandRows - 1) / bandRows;
  const planes = <i32>(p.batch * p.groups);
  const plane = (<usize>p.height * p.width) << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 0) + 1 : 0;
  const step: usize = p.rotated ? -4 : 4;
  const ends = scratch;
  const table = ends + 32;
  const masked = table + (taps << 2);
  const frame = masked + (p.width << 2) + 16;
  v128.store(ends, splat(p.relu ? 0.0 : -<f32>Infinity), 16);
  tapOffsets(p, phase, line, table);
  memory.fill(frame, 0, ((bandRows - 1) * strideHeight + reach) * line + 80);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / bands;
    const first = (unit - block * bands) * bandRows;
    const rows = min(bandRows, outHeight - first);
    const lastPlane = min((block + 1) * <i32>p.unitPlanes, planes);
    for (let at = block * <i32>p.unitPlanes; at < lastPlane; at++) {
      const start = first * strideHeight;
      layFrame(p, operand(o, 0) + at * plane, mask, masked, start, start + (rows - 1) * strideHeight + reach, bandRows < outHeight, phase, line, frame);
      const channel = at % <i32>p.groups;
      const weight = operand(o, 1) + ((channel * taps + (p.rotated ? taps - 1 : 0)) << 2);
      v128.store(ends, operand(o, 2) ? v128.load32_splat(operand(o, 2) + (channel << 2)) : splat(0.0));
      const y = operand(o, 3) + ((at * outHeight + first) * outWidth << 2);
      if (nine && rows > 1) {
        sumNine(rows, outWidth, frame, line, weight, step, ends, y);
        continue;
      }
      // Pairs of rows; the last pair, and the last pixels of a row, overlap those before.
      for (let row = 0; row < rows; row += 2) {
        const top = max(0, min(row, rows - 2));
        const low = min(top + 1, rows - 1);
        const x0 = frame + top * strideHeight * line;
        const x1 = frame + low * strideHeight * line;
        const y0 = y + (top * outWidth << 2);
        const y1 = y + (low * outWidth << 2);
        for (let column = 0; column < outWidth; column += 16) {
          const c = max(0, min(column, outWidth - 16)) << 2;
          sumTaps(taps, table, weight, step, x0 + c, x1 + c, ends, y0 + c, y1 + c, min(16, outWidth));
        }
      }
    }
  }
}

/**
 * sums [5, 4] += Σ over rows of `vectors` pairs of vectors of x[pixel + tap] · dy[pixel], for five taps at the byte offsets
 * in `table`; 10 accumulators, 2 of dy and 1 of x.
 */
function correlate(rows: i32, width: usize, dy: usize, dyLine: usize, x: usize, xLine: usize, table: usize, sums: usize): void {
  let s0 = splat(0.0), s1 = s0, s2 = s0, s3 = s0, s4 = s0;
  let t0 = s0, t1 = s0, t2 = s0, t3 = s0, t4 = s0;
  const x0 = load<usize>(table), x1 = load<usize>(table, 4), x2 = load<usize>(table, 8), x3 = load<usize>(table, 12), x4 = load<usize>(table, 16);
  for (let row = 0; row < rows; row++) {
    let from = x;
    for (let at = dy; at < dy + width; at += 32) {
      const a = v128.load(at);
      const b = v128.load(at, 16);
      s0 = fma(a, v128.load(from + x0), s0);
      t0 = fma(b, v128.load(from + x0, 16), t0);
      s1 = fma(a, v128.load(from + x1), s1);
      t1 = fma(b, v128.load(from + x1, 16), t1);
      s2 = fma(a, v128.load(from + x2), s2);
      t2 = fma(b, v128.load(from + x2, 16), t2);
      s3 = fma(a, v128.load(from + x3), s3);
      t3 = fma(b, v128.load(from + x3, 16), t3);
      s4 = fma(a, v128.load(from + x4), s4);
      t4 = fma(b, v128.load(from + x4, 16), t4);
      from += 32;
    }
    dy += dyLine;
    x += xLine;
  }
  add(sums, f32x4.add(s0, t0));
  add(sums + 16, f32x4.add(s1, t1));
  add(sums + 32, f32x4.add(s2, t2));
  add(sums + 48, f32x4.add(s3, t3));
  add(sums + 64, f32x4.add(s4, t4));
}

/** The same for the nine taps of a filter of 3 x 3, stride and dilation 1: down each column of vectors, with three rows of dy. */
function correlateNine(rows: i32, width: usize, dy: usize, x: usize, line: usize, sums: usize): void {
  const zero = splat(0.0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, s8 = zero;
  for (let at: usize = 0; at < width; at += 16) {
    let from = x + at;
    let gradient = dy + at;
    const end = gradient + rows * width;
    let d1 = zero, d2 = zero;
    for (const last = end + 2 * width; gradient < last; gradient += width) {
      const d0 = gradient < end ? v128.load(gradient) : zero;
      let a = v128.load(from);
      s0 = fma(a, d0, s0);
      s3 = fma(a, d1, s3);
      s6 = fma(a, d2, s6);
      a = v128.load(from, 4);
      s1 = fma(a, d0, s1);
      s4 = fma(a, d1, s4);
      s7 = fma(a, d2, s7);
      a = v128.load(from, 8);
      s2 = fma(a, d0, s2);
      s5 = fma(a, d1, s5);
      s8 = fma(a, d2, s8);
      d2 = d1;
      d1 = d0;
      from += line;
    }
  }
  add(sums, s0);
  add(sums + 16, s1);
  add(sums + 32, s2);
  add(sums + 48, s3);
  add(sums + 64, s4);
  add(sums + 80, s5);
  add(sums + 96, s6);
  add(sums + 112, s7);
  add(sums + 128, s8);
}

// @ts-ignore: decorator
@inline
function add(to: usize, v: v128): void {
  v128.store(to, f32x4.add(v128.load(to), v));
}

/**
 * dweight = Σ over images and pixels of dy · x. Operands: x, dy, dweight, dbias or none, mask of dy or none. A unit is a
 * channel; each band of each image starts at zero and is then added.
 */
export function depthwise_weight_gradient_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const groups = <i32>p.groups;
  const taps = <i32>(p.kernelHeight * p.kernelWidth);
  const slots = <usize>(taps + 4);
  const wide = (outWidth + 7) & ~7;
  const phase = phaseBytes(p, wide);
  const line = phase * p.strideWidth;
  const strideHeight = <i32>p.strideHeight;
  const reach = <i32>((p.kernelHeight - 1) * p.dilationHeight) + 1;
  const bandRows = <i32>p.bandRows;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 1) + 1 : 0;
  const copies = mask || wide != outWidth;
  const width = <usize>wide << 2;
  const outLine = <usize>outWidth << 2;
  const table = scratch;
  const sums = table + (slots << 2);
  const copy = sums + (slots << 4) + 16;
  const frame = copy + (copies ? width * bandRows : 0);
  memory.fill(table, 0, slots << 2);
  tapOffsets(p, phase, line, table);
  memory.fill(copy, 0, frame - copy + ((bandRows - 1) * strideHeight + reach) * line + 80);
  for (let channel = begin; channel < end; channel++) {
    memory.fill(sums, 0, (slots << 4) + 16);
    for (let image = 0; image < <i32>p.batch; image++) {
      const plane = image * groups + channel;
      for (let first = 0; first < outHeight; first += bandRows) {
        const rows = min(bandRows, outHeight - first);
        const start = first * strideHeight;
        layFrame(p, operand(o, 0) + (plane * <i32>(p.height * p.width) << 2), 0, 0, start, start + (rows - 1) * strideHeight + reach, bandRows < outHeight, phase, line, frame);
        const given = operand(o, 1) + (plane * outHeight + first) * outLine;
        if (copies) {
          for (let row = 0; row < rows; row++) copyRow(given + row * outLine, mask, outWidth, copy + row * width);
        }
        const dy = copies ? copy : given;
        if (operand(o, 3)) add(sums + (slots << 4), sumOf(dy, (rows * width)));
        if (isNine(p)) correlateNine(rows, width, dy, frame, line, sums);
        else for (let tap = 0; tap < taps; tap += 5) correlate(rows, width, dy, width, frame, strideHeight * line, table + (tap << 2), sums + (tap << 4));
      }
    }
    const to = operand(o, 2) + (channel * taps << 2);
    for (let tap = 0; tap < taps; tap++) store<f32>(to + (tap << 2), sumLanes(v128.load(sums + (tap << 4))));
    if (operand(o, 3)) store<f32>(operand(o, 3) + (channel << 2), sumLanes(v128.load(sums + (slots << 4))));
  }
}

function sumOf(x: usize, bytes: usize): v128 {
  let a = splat(0.0), b = a;
  for (const end = x + bytes; x < end; x += 32) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
  }
  return f32x4.add(a, b);
}

/** A row, with zeros where the mask isn't above 0. */
function copyRow(x: usize, mask: usize, count: i32, to: usize): void {
  for (; count > 0; count -= 4) {
    let lanes = loadUpTo(x, count);
    if (mask) lanes = v128.andnot(lanes, f32x4.le(loadUpTo(x + mask - 1, count), splat(0.0)));
    v128.store(to, lanes);
    x += 16;
    to += 16;
  }
}
