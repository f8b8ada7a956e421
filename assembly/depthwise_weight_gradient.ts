// The weight-gradient of a depthwise convolution: dw[c, tap] = Σ over images and pixels p of dy[p] · x[p stride + tap dilation],
// in place or over frames as in depthwise.ts, with four partial sums a tap.
import { DepthwiseParams } from '../build/params';
import { copyRow, isOf, layFrame, phaseBytes, readsInPlace, tapOffsets } from './depthwise_frame';
import { correlateNine, correlateTwo, LANES, STRIP, ZEROS } from './depthwise_weight_strip';
import { correlateRows } from './depthwise_rows';
import { LEFT } from './depthwise_strip';
import { fma, loadUpTo, operand, splat, sumLanes } from './simd';
import { touch } from './touch';

/**
 * sums [2, 5, 4] += Σ over `rows` rows, of `width` bytes of dy, of x[pixel + tap] · a[pixel] and of x[pixel + tap] · b[pixel],
 * for five taps at the byte offsets in `table`; 10 accumulators, 2 of dy and 1 of x: seven loads for ten products.
 */
function correlate(rows: i32, width: usize, a: usize, aLine: usize, b: usize, bLine: usize, x: usize, xLine: usize, table: usize, sums: usize): void {
  let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48), s4 = v128.load(sums, 64);
  let t0 = v128.load(sums, 80), t1 = v128.load(sums, 96), t2 = v128.load(sums, 112), t3 = v128.load(sums, 128), t4 = v128.load(sums, 144);
  const x0 = load<usize>(table), x1 = load<usize>(table, 4), x2 = load<usize>(table, 8), x3 = load<usize>(table, 12), x4 = load<usize>(table, 16);
  for (; rows > 0; rows--) {
    for (let at: usize = 0; at < width; at += 16) {
      const p = v128.load(a + at);
      const q = v128.load(b + at);
      const from = x + at;
      const u0 = v128.load(from + x0);
      s0 = fma(p, u0, s0);
      t0 = fma(q, u0, t0);
      const u1 = v128.load(from + x1);
      s1 = fma(p, u1, s1);
      t1 = fma(q, u1, t1);
      const u2 = v128.load(from + x2);
      s2 = fma(p, u2, s2);
      t2 = fma(q, u2, t2);
      const u3 = v128.load(from + x3);
      s3 = fma(p, u3, s3);
      t3 = fma(q, u3, t3);
      const u4 = v128.load(from + x4);
      s4 = fma(p, u4, s4);
      t4 = fma(q, u4, t4);
    }
    a += aLine;
    b += bLine;
    x += xLine;
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
  v128.store(sums, s4, 64);
  v128.store(sums, t0, 80);
  v128.store(sums, t1, 96);
  v128.store(sums, t2, 112);
  v128.store(sums, t3, 128);
  v128.store(sums, t4, 144);
}

/**
 * sums [taps, 4] += Σ of x · dy over a frame. A row of x that a tap multiplies by a row of dy, the tap `rowsOn` rows below
 * multiplies by the row of dy `back` rows above: both go together, alone where one has no such row, a row of zeros for the other.
 */
function correlateFrame(p: DepthwiseParams, rows: i32, width: usize, dy: usize, x: usize, xLine: usize, table: usize, sums: usize, some: usize): void {
  const taps = <i32>(p.kernelHeight * p.kernelWidth);
  let back = <i32>p.dilationHeight;
  let rowsOn = <i32>p.strideHeight;
  if (back == rowsOn) back = rowsOn = 1;
  const zeros = some + 160;
  const pair = rows > back ? rowsOn * <i32>p.kernelWidth : taps;
  for (let first = 0; first < taps; first += 2 * pair) {
    const last = min(first + pair, taps);
    for (let tap = first; tap < last; tap += 5) {
      const places = table + (tap << 2);
      for (let at = some; at < zeros; at += 16) v128.store(at, splat(0.0));
      if (tap + pair < taps) {
        const deep = back * width;
        const on = x + back * xLine;
        correlate(back, width, dy, width, zeros, 0, x, xLine, places, some);
        correlate(rows - back, width, dy + deep, width, dy, width, on, xLine, places, some);
        addSums(sums + (tap << 4), some, min(5, last - tap));
        // Where five taps go on in the next row, those without a pair read rows behind the frame, for sums that nobody asks for.
        correlate(back, width, zeros, 0, dy + (rows - back) * width, width, x + rows * xLine, xLine, places, some);
        addSums(sums + (tap + pair << 4), some + 80, min(min(5, last - tap), taps - tap - pair));
      } else {
        correlate(rows, width, dy, width, zeros, 0, x, xLine, places, some);
        addSums(sums + (tap << 4), some, min(5, last - tap));
      }
    }
  }
}

/** Channels whose sums are open at a time. */
const CHANNELS: i32 = 8;

/** Strips of four columns; the last one overlaps that before, of whose pixels the mask of lanes leaves none. */
function correlateStrips(stride: u32, rows: i32, above: i32, x: usize, line: usize, dy: usize, width: usize, place: usize): void {
  const last = width - 16;
  let from = place + ZEROS;
  for (let at: usize = 0; ; at = min(at + 16, last)) {
    const lanes = place + LANES + (at == last ? 16 : 0);
    if (stride == 2) correlateTwo(at ? 0 : LEFT, rows, above, x + 2 * at, line, dy + at, width, lanes, from, place);
    else correlateNine(rows, x + at, line, dy + at, width, lanes, from, place);
    if (at == last) return;
    from = place;
  }
}

function addSums(to: usize, from: usize, count: i32): void {
  for (; count > 0; count--) {
    add(to, v128.load(from));
    to += 16;
    from += 16;
  }
}

// @ts-ignore: decorator
@inline
function add(to: usize, v: v128): void {
  v128.store(to, f32x4.add(v128.load(to), v));
}

/**
 * dweight = Σ over images and pixels of dy · x. Operands: x, dy, dweight, dbias or none, mask of dy or none. A unit is a
 * channel; each band of each image starts at zero and is then added. Some channels of an image go one after the other: small
 * planes lie so in memory, and the caches fetch them ahead.
 */
export function depthwise_weight_gradient_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const outHeight = <i32>p.outHeight;
  const outWidth = <i32>p.outWidth;
  const groups = <i32>p.groups;
  const taps = <i32>(p.kernelHeight * p.kernelWidth);
  const slots = <usize>(taps + 5);
  const inPlace = readsInPlace(p);
  const strips = inPlace || (isOf(p, 3) && (p.strideHeight | p.strideWidth) == 1);
  const wide = inPlace ? outWidth : (outWidth + 3) & ~3;
  const phase = phaseBytes(p, wide);
  const line = phase * p.strideWidth;
  const strideHeight = <i32>p.strideHeight;
  const reach = <i32>((p.kernelHeight - 1) * p.dilationHeight) + 1;
  const bandRows = <i32>p.bandRows;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 1) + 1 : 0;
  const copies = mask || wide != outWidth;
  const width = <usize>wide << 2;
  const outLine = <usize>outWidth << 2;
  const inLine = <usize>p.width << 2;
  const table = scratch + STRIP;
  const all = table + (slots << 2);
  const some = all + CHANNELS * (slots << 4) + 16;
  const copy = some + 160 + width;
  const frame = copy + (copies ? width * bandRows : 0);
  memory.fill(scratch, 0, copy - scratch);
  const ones = i32x4.splat(-1);
  v128.store(scratch, ones, LANES);
  v128.store(scratch, ones, LANES + 16);
  for (let lane = wide & 3; lane && lane < 4; lane++) store<i32>(scratch + (lane - (wide & 3) << 2), 0, LANES + 16);
  tapOffsets(p, phase, line, table);
  if (!inPlace) memory.fill(copy, 0, frame - copy + ((bandRows - 1) * strideHeight + reach) * line + 80);
  for (let from = begin; from < end; from += CHANNELS) {
    const to = min(from + CHANNELS, end);
    memory.fill(all, 0, some - all);
    for (let image = 0; image < <i32>p.batch; image++) {
      for (let channel = from; channel < to; channel++) {
        const plane = image * groups + channel;
        const sums = all + (channel - from) * (slots << 4);
        const x = operand(o, 0) + plane * p.height * inLine;
        for (let first = 0; first < outHeight; first += bandRows) {
          const rows = min(bandRows, outHeight - first);
          const start = first * strideHeight;
          const stop = start + (rows - 1) * strideHeight + reach;
          const given = operand(o, 1) + (plane * outHeight + first) * outLine;
          if (copies) {
            for (let row = 0; row < rows; row++) copyRow(given + row * outLine, mask, outWidth, copy + row * width);
          }
          const dy = copies ? copy : given;
          if (operand(o, 3)) add(sums + (slots - 1 << 4), sumOf(dy, rows * wide));
          if (inPlace) {
            const top = max(0, start - 1);
            const inner = min(<i32>p.height, stop - 1) - top;
            if (strideHeight == 1) {
              correlateRows(!start, inner, x + top * inLine - 4, inLine, dy, dy + rows * width, some + 160, scratch + LANES + 16, scratch);
              for (let at: usize = 0; at < 144; at += 16) add(sums + at, v128.load(scratch + at));
              continue;
            }
            if (rows > 8) {
              touch(x + top * inLine, x + (top + inner) * inLine, scratch);
              touch(dy, dy + rows * width, scratch);
            }
            correlateStrips(2, rows, !start, x + top * inLine - 4, inLine, dy, width, scratch);
          } else {
            layFrame(p, x, start, stop, bandRows < outHeight, phase, line, frame);
            if (strips) correlateStrips(1, rows, 0, frame, line, dy, width, scratch);
            else correlateFrame(p, rows, width, dy, frame, strideHeight * line, table, sums, some);
          }
          if (strips) {
            for (let at: usize = 0; at < 144; at += 16) add(sums + at, v128.load(scratch + at));
          }
        }
      }
    }
    for (let channel = from; channel < to; channel++) {
      const sums = all + (channel - from) * (slots << 4);
      const dw = operand(o, 2) + (channel * taps << 2);
      for (let tap = 0; tap < taps; tap++) store<f32>(dw + (tap << 2), sumLanes(v128.load(sums + (tap << 4))));
      if (operand(o, 3)) store<f32>(operand(o, 3) + (channel << 2), sumLanes(v128.load(sums + (slots - 1 << 4))));
    }
  }
}

function sumOf(x: usize, count: i32): v128 {
  let a = splat(0.0), b = a;
  for (; count > 7; count -= 8) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    x += 32;
  }
  for (; count > 0; count -= 4) {
    a = f32x4.add(a, loadUpTo(x, count));
    x += 16;
  }
  return f32x4.add(a, b);
}
