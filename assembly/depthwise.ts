// Depthwise convolution, a filter of its own for every channel: y[p] = bias + Σ taps w[c, tap] · x[p stride + tap dilation],
// its input-gradient (dy spread by the stride, filters rotated), and its weight-gradient. Too little arithmetic for packing
// to pay: SIMD runs over the pixels of a row. A band of rows is laid into a frame in the first-level cache with its zeros,
// the columns of each phase of the stride side by side, so that every tap is a plain load at a constant distance.
import { DepthwiseParams } from '../build/params';
import { isNine, layFrame, phaseBytes, tapOffsets } from './depthwise_frame';
import { fma, operand, splat, storeUpTo } from './simd';

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

/** The same for any stride and dilation, row by row: taps of a row lie `second` and `third` bytes from the first, rows `down`. */
function sumSpread(rows: i32, columns: i32, frame: usize, rowStep: usize, down: usize, second: usize, third: usize, weight: usize, step: usize, ends: usize, y: usize): void {
  const w0 = v128.load32_splat(weight), w1 = v128.load32_splat(weight + step), w2 = v128.load32_splat(weight + 2 * step);
  weight += 3 * step;
  const w3 = v128.load32_splat(weight), w4 = v128.load32_splat(weight + step), w5 = v128.load32_splat(weight + 2 * step);
  weight += 3 * step;
  const w6 = v128.load32_splat(weight), w7 = v128.load32_splat(weight + step), w8 = v128.load32_splat(weight + 2 * step);
  const last = <usize>(columns - 4) << 2;
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; ; at = min(at + 16, last)) {
      let x = frame + at;
      let c = fma(w2, v128.load(x + third), fma(w1, v128.load(x + second), fma(w0, v128.load(x), v128.load(ends))));
      x += down;
      c = fma(w5, v128.load(x + third), fma(w4, v128.load(x + second), fma(w3, v128.load(x), c)));
      x += down;
      c = fma(w8, v128.load(x + third), fma(w7, v128.load(x + second), fma(w6, v128.load(x), c)));
      v128.store(y + at, f32x4.pmax(c, v128.load(ends, 16)));
      if (at == last) break;
    }
    frame += rowStep;
    y += <usize>columns << 2;
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
  const square = p.kernelHeight == 3 && p.kernelWidth == 3;
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
      if (square && outWidth > 3) {
        sumSpread(rows, outWidth, frame, strideHeight * line, load<usize>(table, 12), load<usize>(table, 4), load<usize>(table, 8), weight, step, ends, y);
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
