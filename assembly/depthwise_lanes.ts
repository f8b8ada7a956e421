// Depthwise convolution with a filter of 3 x 3, stride 1 and padding 1 over small planes, whose rows fill vectors of four columns
// badly: four channels lie in the lanes. Their planes are turned over into the first-level cache, so that a pixel is a vector, and
// the results are turned back; nothing is masked, and what a plane costs beside its products is shared by four. Nine products and
// three loads for a pixel: 4.5 cycles for 32 bytes, and 1 each way for turning. And the weight-gradient: nine sums in registers,
// four loads a pixel. The last channels overlap those before where they are no multiple of four: their sums are the same.
import { DepthwiseParams } from '../build/params';
import { copyRow } from './depthwise_frame';
import { fma, operand, splat, transpose4 } from './simd';

/** In scratch memory: the filters [9, 4], the bias and the least result; or the sums [9, 4] and those of dy. */
const BIAS: usize = 144;
const LEAST: usize = 160;
const SUMS: usize = 160;
const LANES: usize = 176;
/** Groups of channels whose sums are open at a time. */
const GROUPS: i32 = 4;

/** Four planes, of `plane` bytes each, 16 or more, to [pixels, 4]; the last pixels overlap those before. */
function turn(x: usize, plane: usize, to: usize): void {
  for (let at: usize = 0; ; at = min(at + 16, plane - 16)) {
    transpose4(x + at, plane, to + (at << 2), 16);
    if (at == plane - 16) return;
  }
}

function turnBack(from: usize, plane: usize, y: usize): void {
  for (let at: usize = 0; ; at = min(at + 16, plane - 16)) {
    transpose4(from + (at << 2), 16, y + at, plane);
    if (at == plane - 16) return;
  }
}

/** Results, from one row before x on, of the rows of x up to `end`, of `line` bytes, behind which there is one of zeros. */
function rowsOf(x: usize, end: usize, line: usize, zeros: usize, place: usize): void {
  const w0 = v128.load(place), w1 = v128.load(place, 16), w2 = v128.load(place, 32);
  const w3 = v128.load(place, 48), w4 = v128.load(place, 64), w5 = v128.load(place, 80);
  const w6 = v128.load(place, 96), w7 = v128.load(place, 112), w8 = v128.load(place, 128);
  let above = zeros;
  let y = x - line;
  for (; x < end; x += line) {
    let x0 = above, x1 = x, x2 = x + line;
    above = x;
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
  const line = <usize>p.width << 4;
  const plane = p.height * p.width << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 0) + 1 : 0;
  const zeros = scratch + LANES;
  const out = zeros + line;
  const frame = out + line;
  const stop = frame + (plane << 2);
  memory.fill(scratch, 0, stop + line - scratch);
  v128.store(scratch, splat(p.relu ? 0.0 : -<f32>Infinity), LEAST);
  const last = min(end * <i32>p.unitPlanes, <i32>p.batch * groups);
  for (let at = begin * <i32>p.unitPlanes; at < last; at++) {
    const image = at / groups;
    const channel = min((at - image * groups) << 2, channels - 4);
    turn(operand(o, 1) + channel * 36, 36, scratch);
    if (p.rotated) {
      for (let tap: usize = 0; tap < 64; tap += 16) {
        const w = v128.load(scratch + tap);
        v128.store(scratch + tap, v128.load(scratch + 128 - tap));
        v128.store(scratch + 128 - tap, w);
      }
    }
    if (operand(o, 2)) v128.store(scratch, v128.load(operand(o, 2) + (channel << 2)), BIAS);
    const planes = (image * channels + channel) * plane;
    let x = operand(o, 0) + planes;
    if (mask) {
      // Four planes have as many words as one has bytes.
      copyRow(x, mask, plane, stop + line);
      x = stop + line;
    }
    turn(x, plane, frame);
    rowsOf(frame, stop, line, zeros, scratch);
    turnBack(out, plane, operand(o, 3) + planes);
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
 * of four channels; each image starts at zero and is then added. Some groups of an image go one after the other, as they lie in
 * memory.
 */
export function depthwise_weight_lanes_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<DepthwiseParams>(params);
  const channels = <i32>p.groups;
  const line = <usize>p.width << 4;
  const plane = p.height * p.width << 2;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 1) + 1 : 0;
  const frame = scratch + GROUPS * SUMS + line;
  const stop = frame + (plane << 2);
  const given = stop + line;
  memory.fill(scratch, 0, given - scratch);
  for (let from = begin; from < end; from += GROUPS) {
    const to = min(from + GROUPS, end);
    memory.fill(scratch, 0, GROUPS * SUMS);
    for (let image = 0; image < <i32>p.batch; image++) {
      let sums = scratch;
      for (let group = from; group < to; group++) {
        const planes = (image * channels + min(group << 2, channels - 4)) * plane;
        let dy = operand(o, 1) + planes;
        if (mask) {
          copyRow(dy, mask, plane, frame);
          dy = frame;
        }
        turn(dy, plane, given);
        turn(operand(o, 0) + planes, plane, frame);
        correlate(frame, stop, line, given, sums);
        sums += SUMS;
      }
    }
    let sums = scratch;
    for (let group = from; group < to; group++) {
      const channel = min(group << 2, channels - 4);
      turnBack(sums, 36, operand(o, 2) + channel * 36);
      if (operand(o, 3)) v128.store(operand(o, 3) + (channel << 2), v128.load(sums, 144));
      sums += SUMS;
    }
  }
}
