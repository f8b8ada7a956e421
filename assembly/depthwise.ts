// Depthwise convolution, a filter of its own for every channel: y[p] = bias + Σ taps w[c, tap] · x[p stride + tap dilation],
// its input-gradient (dy spread by the stride, filters rotated), and its weight-gradient. Too little arithmetic for packing
// to pay: SIMD runs over the pixels of a row. Filters of 3 x 3 whose padding is 1 go in place by the rows of depthwise_rows.ts,
// of few columns or at stride 2 by the strips of depthwise_strip.ts, and those of 5 x 5 by depthwise_five.ts; four channels of
// small planes go together by depthwise_lanes.ts, a kernel of its own. Else a band of rows is laid into a frame in the first-level
// cache with its zeros, the columns of each phase of the stride side by side, so that every tap is a plain load at a constant
// distance.
import { DepthwiseParams } from '../build/params';
import { fiveSpread, quads, spreadFilter } from './depthwise_five';
import { BESIDE, copyRow, isOf, layFrame, phaseBytes, readsBeside, readsInPlace, tapOffsets } from './depthwise_frame';
import { pairs } from './depthwise_rows';
import { LEAST, LEFT, PLACE, RIGHT, SPARE, strip, stripSpread, stripTwo } from './depthwise_strip';
import { fma, operand, splat, storeUpTo } from './simd';
import { touch } from './touch';

/** Two rows of 16 pixels, of which `count` are stored: Σ taps w · frame; `ends` holds four times the bias and the least result. */
function sumTaps(taps: i32, table: usize, weight: usize, x0: usize, x1: usize, ends: usize, y0: usize, y1: usize, count: i32): void {
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
    weight += 4;
  }
  const least = v128.load(ends, LEAST);
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
 * Strips of four columns, of eight where the stride of a gradient spreads x; the last ones overlap those before. `x` is the
 * address of the column before the first, in the first of `inner` rows, before which are `above` rows of zeros.
 */
function sumStrips(nine: bool, spread: bool, stride: u32, inPlace: bool, columns: i32, rows: i32, above: i32, inner: i32, x: usize, line: usize, weight: usize, place: usize, y: usize, outLine: usize): void {
  const last = <usize>(columns - 4) << 2;
  for (let at: usize = 0; ; at = min(at + 16, last)) {
    const edges = inPlace ? (at ? 0 : LEFT) | (at == last ? RIGHT : 0) : 0;
    if (spread && nine) stripSpread(edges, rows >> 1, inner, x + at, line, weight, place, y + 2 * at, outLine);
    else if (spread) fiveSpread(edges, rows >> 1, above, inner, x + at, line, weight, y + 2 * at, outLine);
    else if (stride == 2) stripTwo(edges, rows, above, x + 2 * at, line, weight, place, y + at, outLine);
    else strip(edges, rows, above, inner, x + at, line, weight, place, y + at, outLine);
    if (at == last) return;
  }
}

/** Operands: x, weight, bias or none, y, mask of x or none. A unit is `unitPlanes` planes by `bandRows` rows. */
export function depthwise_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const groups = <i32>p.groups;
  const taps = <i32>(p.kernelHeight * p.kernelWidth);
  const phase = phaseBytes(p, outWidth);
  const line = phase * p.strideWidth;
  const strideHeight = <i32>p.strideHeight;
  const spread = p.spreadHeight == 2;
  const inPlace = readsInPlace(p);
  const nine = isOf(p, 3);
  const strips = nine && strideHeight == 1 && p.strideWidth == 1 && outWidth > 3;
  const fives = isOf(p, 5) && (strideHeight | p.strideWidth) == 1 && min(outHeight, outWidth) > 3;
  const beside = fives && readsBeside(p);
  const reach = <i32>((p.kernelHeight - 1) * p.dilationHeight) + 1;
  const bandRows = <i32>p.bandRows;
  const bands = (outHeight + bandRows - 1) / bandRows;
  const planes = <i32>p.batch * groups;
  const width = <usize>p.width << 2;
  const plane = p.height * width;
  const outLine = <usize>outWidth << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 0) + 1 : 0;
  const table = scratch + PLACE;
  const rotated = table + (taps << 2);
  const masked = rotated + (taps << 4);
  const frame = masked + (mask ? plane : 0) + 16;
  memory.fill(scratch, 0, PLACE);
  v128.store(scratch, splat(p.relu ? 0.0 : -<f32>Infinity), LEAST);
  tapOffsets(p, phase, line, table);
  const frameBytes = inPlace || beside ? width + 16 : ((bandRows - 1) * strideHeight + reach) * line + 80;
  // A row of zeros, and of which columns there are, for rows of x or of the frame.
  const seen = beside ? width : line;
  const zeros = frame + frameBytes + BESIDE;
  const columns = zeros + seen + BESIDE;
  memory.fill(frame, 0, columns + seen + BESIDE - frame);
  memory.fill(columns, 255, seen);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / bands;
    const first = (unit - block * bands) * bandRows;
    const rows = min(bandRows, outHeight - first);
    const start = first * strideHeight;
    const stop = start + (rows - 1) * strideHeight + reach;
    let at = block * <i32>p.unitPlanes;
    const last = min(at + <i32>p.unitPlanes, planes);
    for (let channel = at % groups; at < last; at++) {
      let weight = operand(o, 1) + (channel * taps << 2);
      if (inPlace && spread && !nine) {
        spreadFilter(weight, p.rotated != 0, rotated);
        weight = rotated;
      } else if (p.rotated) {
        for (let tap = 0; tap < taps; tap++) store<f32>(rotated + (taps - 1 - tap << 2), load<f32>(weight + (tap << 2)));
        weight = rotated;
      }
      if (operand(o, 2)) v128.store(scratch, v128.load32_splat(operand(o, 2) + (channel << 2)));
      channel = channel + 1 == groups ? 0 : channel + 1;
      let x = operand(o, 0) + at * plane;
      if (mask) {
        copyRow(x, mask, plane >> 2, masked);
        x = masked;
      }
      const y = operand(o, 3) + (at * outHeight + first) * outLine;
      if (inPlace) {
        if (nine && !spread && strideHeight == 1 && outWidth > 8) {
          pairs(rows, !first, x + first * width - 4, width, x + plane - 4, frame, weight, scratch, y);
          continue;
        }
        const top = max(0, spread ? first >> 1 : start - p.top);
        const inner = min(<i32>p.height, stop - p.top) - top;
        if (rows > 16) touch(x + top * width, x + (top + inner) * width, scratch + SPARE);
        sumStrips(nine, spread, strideHeight, true, spread ? p.width : outWidth, rows, !start, inner, x + top * width - 4, width, weight, scratch, y, outLine);
        continue;
      }
      if (beside) {
        const left = p.left << 2;
        const whole = (<i32>p.width - 8 << 2) + left;
        quads(rows, start - p.top, x - left, p.height, width, zeros - left, columns - left, left, whole, weight, scratch, y, outWidth);
        continue;
      }
      layFrame(p, x, start, stop, bandRows < outHeight, phase, line, frame);
      if (strips) {
        sumStrips(true, false, 1, false, outWidth, rows, 0, rows + 2, frame, line, weight, scratch, y, outLine);
        continue;
      }
      if (fives && rows > 3) {
        quads(rows, 0, frame, rows + 4, line, zeros, columns, 0, <i32>line, weight, scratch, y, outWidth);
        continue;
      }
      // Pairs of rows; the last pair, and the last pixels of a row, overlap those before.
      for (let row = 0; row < rows; row += 2) {
        const top = max(0, min(row, rows - 2));
        const low = min(top + 1, rows - 1);
        const x0 = frame + top * strideHeight * line;
        const x1 = frame + low * strideHeight * line;
        const y0 = y + top * outLine;
        const y1 = y + low * outLine;
        for (let column = 0; column < outWidth; column += 16) {
          const c = max(0, min(column, outWidth - 16)) << 2;
          sumTaps(taps, table, weight, x0 + c, x1 + c, scratch, y0 + c, y1 + c, min(16, outWidth));
        }
      }
    }
  }
}
