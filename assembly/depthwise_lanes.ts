// Depthwise convolution over planes with four channels in the lanes. Planes are turned over into the first-level cache, so that a
// pixel is a vector, and the results are turned back; nothing is masked, and what a plane costs beside its products is shared by
// four: 1 cycle a pixel each way. With a filter of 5 x 5 by the tiles of depthwise_sevens.ts; with one of 3 x 3, stride 1 and padding 1
// where rows fill vectors of four columns badly: nine products and three loads for a pixel, 4.5 cycles for 32 bytes. And their
// weight-gradients: for 3 x 3 nine sums in registers, four loads a pixel. The last channels overlap those before where they are no
// multiple of four: their sums are the same.
import { DepthwiseParams } from '../build/params';
import { copyRow } from './depthwise_frame';
import { convolveSevens, correlateSevens } from './depthwise_sevens';
import { fma, operand, splat, transpose4 } from './simd';
import { touch } from './touch';

/** In scratch memory, for 3 x 3: the filters [9, 4], the bias and the least result. */
const BIAS: usize = 144;
const LEAST: usize = 160;
/** Groups of channels whose sums are open at a time. */
const GROUPS: i32 = 4;
/** Of 5 x 5: pixels of dy, or a row of tiles more, that are summed from zero, so that long sums don't lose what is small. */
const PIXELS: i32 = 256;

/** Whether the caches see four planes, of 512 to 1023 bytes each, neither as one run nor as four. */
// @ts-ignore: decorator
@inline
function isFetched(plane: usize): bool {
  return plane >> 9 == 1;
}

/** Four planes, of `plane` bytes each, 16 or more, to [pixels, 4]; the last pixels overlap those before. */
function turn(x: usize, plane: usize, to: usize): void {
  if (isFetched(plane)) touch(x, x + 4 * plane, to);
  for (let at: usize = 0; ; at = min(at + 16, plane - 16)) {
    transpose4(x + at, plane, to + (at << 2), 16);
    if (at == plane - 16) return;
  }
}

function turnBack(from: usize, plane: usize, y: usize): void {
  if (isFetched(plane)) touch(y, y + 4 * plane, y);
  for (let at: usize = 0; ; at = min(at + 16, plane - 16)) {
    transpose4(from + (at << 2), 16, y + at, plane);
    if (at == plane - 16) return;
  }
}

/** Bytes of the rows of y in whole tiles of seven, four channels each. */
// @ts-ignore: decorator
@inline
function sevens(p: DepthwiseParams): usize {
  return (p.outHeight + 6) / 7 * 7 * p.outWidth << 4;
}

/** Bytes of the rows of x that these meet, and of any behind. */
// @ts-ignore: decorator
@inline
function framed(p: DepthwiseParams): usize {
  return max(((p.outHeight + 6) / 7 * 7 - 1) * p.strideHeight + 5, p.top + p.height) * p.width << 4;
}

/** y from the rows of x up to `end`, of `line` bytes, before and behind which there is one of zeros. */
function rowsOf(x: usize, end: usize, line: usize, y: usize, place: usize): void {
  const w0 = v128.load(place), w1 = v128.load(place, 16), w2 = v128.load(place, 32);
  const w3 = v128.load(place, 48), w4 = v128.load(place, 64), w5 = v128.load(place, 80);
  const w6 = v128.load(place, 96), w7 = v128.load(place, 112), w8 = v128.load(place, 128);
  for (; x < end; x += line) {
    let x0 = x - line, x1 = x, x2 = x + line;
    let a = v128.load(x0), b = v128.load(x1), c = v128.load(x2);
    // The sums of the column in hand and of the next one, which wait for the columns after it.
    let p = fma(w7, c, fma(w4, b, fma(w1, a, v128.load(place, BIAS))));
    let q = fma(w6, c, fma(w3, b, fma(w0, a, v128.load(place, BIAS))));
    for (const last = y + line - 16; y < last; y += 16) {
      x0 += 16;
      x1 += 16;
      x2 += 16;
      a = v128.load(x0);
      b = v128.load(x1);
      c = v128.load(x2);
      v128.store(y, f32x4.pmax(f32x4.add(p, fma(w8, c, fma(w5, b, f32x4.mul(w2, a)))), v128.load(place, LEAST)));
      p = f32x4.add(q, fma(w7, c, fma(w4, b, f32x4.mul(w1, a))));
      q = fma(w6, c, fma(w3, b, fma(w0, a, v128.load(place, BIAS))));
    }
    v128.store(y, f32x4.pmax(p, v128.load(place, LEAST)));
    y += 16;
  }
}

/** Operands: x, weight, bias or none, y, mask of x or none. A unit is `unitPlanes` groups of four channels of an image. */
export function depthwise_lanes_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const channels = <i32>p.groups;
  const groups = (channels + 3) >> 2;
  const filter = p.kernelHeight * p.kernelWidth << 2;
  const line = <usize>p.width << 4;
  const outLine = <usize>p.outWidth << 4;
  const plane = p.height * p.width << 2;
  const outPlane = p.outHeight * p.outWidth << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 0) + 1 : 0;
  const bias = scratch + (filter << 2);
  const out = bias + 32;
  const stop = out + sevens(p);
  const frame = stop + p.top * line;
  const copy = stop + framed(p);
  memory.fill(scratch, 0, copy - scratch);
  v128.store(bias, splat(p.relu ? 0.0 : -<f32>Infinity), 16);
  const last = min(end * <i32>p.unitPlanes, <i32>p.batch * groups);
  for (let at = begin * <i32>p.unitPlanes; at < last; at++) {
    const image = at / groups;
    const channel = min((at - image * groups) << 2, channels - 4);
    turn(operand(o, 1) + channel * filter, filter, scratch);
    if (p.rotated) {
      for (let tap = scratch, other = bias - 16; tap < other; other -= 16) {
        const w = v128.load(tap);
        v128.store(tap, v128.load(other));
        v128.store(other, w);
        tap += 16;
      }
    }
    if (operand(o, 2)) v128.store(bias, v128.load(operand(o, 2) + (channel << 2)));
    const first = image * channels + channel;
    let x = operand(o, 0) + first * plane;
    if (mask) {
      // Four planes have as many words as one has bytes.
      copyRow(x, mask, plane, copy);
      x = copy;
    }
    turn(x, plane, frame);
    if (p.kernelHeight == 3) {
      rowsOf(frame, frame + (plane << 2), line, out, scratch);
    } else {
      let from = stop;
      for (let y = out; y < stop; y += 7 * outLine) {
        convolveSevens(p, from, scratch, y);
        from += 7 * p.strideHeight * line;
      }
    }
    turnBack(out, outPlane, operand(o, 3) + first * outPlane);
  }
}

/** sums [10, 4] += Σ over the pixels of x · dy, then of dy, with rows of zeros above and below those of x up to `end`. */
function correlate(x: usize, end: usize, line: usize, dy: usize, sums: usize): void {
  let s0 = splat(0.0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;
  for (; x < end; x += line) {
    let x0 = x - line, x1 = x, x2 = x + line;
    // dy of the next column, of the one in hand and of that before.
    let next = v128.load(dy), d = splat(0.0), before = d;
    for (const last = dy + line; dy < last; ) {
      before = d;
      d = next;
      dy += 16;
      next = dy < last ? v128.load(dy) : splat(0.0);
      s9 = f32x4.add(s9, d);
      let u = v128.load(x0);
      s0 = fma(next, u, s0);
      s1 = fma(d, u, s1);
      s2 = fma(before, u, s2);
      u = v128.load(x1);
      s3 = fma(next, u, s3);
      s4 = fma(d, u, s4);
      s5 = fma(before, u, s5);
      u = v128.load(x2);
      s6 = fma(next, u, s6);
      s7 = fma(d, u, s7);
      s8 = fma(before, u, s8);
      x0 += 16;
      x1 += 16;
      x2 += 16;
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
  add(sums + 144, s9);
}

// @ts-ignore: decorator
@inline
function add(to: usize, v: v128): void {
  v128.store(to, f32x4.add(v128.load(to), v));
}

/**
 * dweight = Σ over images and pixels of dy · x. Operands: x, dy, dweight, dbias or none, mask of dy or none. A unit is a group
 * of four channels; each image, of 5 x 5 each block of PIXELS, starts at zero and is then added. Some groups of an image go one
 * after the other, as they lie in memory.
 */
export function depthwise_weight_lanes_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const channels = <i32>p.groups;
  const filter = p.kernelHeight * p.kernelWidth << 2;
  const slots = (filter << 2) + 16;
  const line = <usize>p.width << 4;
  const outLine = <usize>p.outWidth << 4;
  const plane = p.height * p.width << 2;
  const outPlane = p.outHeight * p.outWidth << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 1) + 1 : 0;
  const some = scratch + GROUPS * slots;
  const stop = some + slots;
  const frame = stop + p.top * line;
  const given = stop + framed(p);
  const copy = given + sevens(p);
  memory.fill(scratch, 0, copy - scratch);
  for (let from = begin; from < end; from += GROUPS) {
    const to = min(from + GROUPS, end);
    memory.fill(scratch, 0, GROUPS * slots);
    for (let image = 0; image < <i32>p.batch; image++) {
      let sums = scratch;
      for (let group = from; group < to; group++) {
        const first = image * channels + min(group << 2, channels - 4);
        let dy = operand(o, 1) + first * outPlane;
        if (mask) {
          copyRow(dy, mask, outPlane, copy);
          dy = copy;
        }
        turn(dy, outPlane, given);
        turn(operand(o, 0) + first * plane, plane, frame);
        if (p.kernelHeight == 3) {
          correlate(frame, frame + (plane << 2), line, given, sums);
        } else {
          let x = stop;
          let pixels = 0;
          for (dy = given; dy < copy; ) {
            correlateSevens(p, x, dy, some);
            x += 7 * p.strideHeight * line;
            dy += 7 * outLine;
            pixels += 7 * <i32>p.outWidth;
            if (pixels < PIXELS && dy < copy) continue;
            for (let at: usize = 0; at < slots; at += 16) {
              add(sums + at, v128.load(some + at));
              v128.store(some + at, splat(0.0));
            }
            pixels = 0;
          }
        }
        sums += slots;
      }
    }
    let sums = scratch;
    for (let group = from; group < to; group++) {
      const channel = min(group << 2, channels - 4);
      turnBack(sums, filter, operand(o, 2) + channel * filter);
      if (operand(o, 3)) v128.store(operand(o, 3) + (channel << 2), v128.load(sums + (filter << 2)));
      sums += slots;
    }
  }
}
