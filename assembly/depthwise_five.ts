// Depthwise convolution with a filter of 5 x 5: strips of eight columns of a frame, row after row. A row of x meets the filter's
// five rows while it is in registers, in the sums of the five rows of output it belongs to: ten sums, two columns of x and a
// weight are 13 registers, and 50 products take 35 loads. Products bound it, two in a cycle: 12.5 cycles for a vector of
// output, and what the frame and the columns beyond the last multiple of eight take.
import { after, before, LEAST, storeMixed } from './depthwise_strip';
import { fma, splat, storeUpTo } from './simd';

/** The filter, or the filter turned by half, each weight four times, column by column: V8 adds offsets to plain loads alone. */
export function spreadFilter(weight: usize, rotated: bool, to: usize): void {
  for (let s = 0; s < 5; s++) {
    for (let r = 0; r < 25; r += 5) {
      v128.store(to, v128.load32_splat(weight + ((rotated ? 24 - r - s : r + s) << 2)));
      to += 16;
    }
  }
}

function put(y: usize, columns: i32, place: usize, a: v128, b: v128): void {
  const least = v128.load(place, LEAST);
  storeUpTo(y, f32x4.pmax(a, least), columns);
  if (columns > 4) storeUpTo(y + 16, f32x4.pmax(b, least), columns - 4);
}

/** y [rows, 8], of which `columns` are stored, from the frame at x, of whose rows only those from `from` to `to` are not zeros. */
export function five(rows: i32, from: i32, to: i32, x: usize, line: usize, weight: usize, place: usize, y: usize, outLine: usize, columns: i32): void {
  let a0 = v128.load(place), a1 = a0, a2 = a0, a3 = a0, a4 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0, b4 = a0;
  for (x += from * line; from < rows + 4; from++) {
    if (from < to) {
      let w = weight;
      for (const end = x + 20; x < end; x += 4) {
        const u = v128.load(x), v = v128.load(x, 16);
        const w0 = v128.load(w);
        a0 = fma(w0, u, a0);
        b0 = fma(w0, v, b0);
        const w1 = v128.load(w, 16);
        a1 = fma(w1, u, a1);
        b1 = fma(w1, v, b1);
        const w2 = v128.load(w, 32);
        a2 = fma(w2, u, a2);
        b2 = fma(w2, v, b2);
        const w3 = v128.load(w, 48);
        a3 = fma(w3, u, a3);
        b3 = fma(w3, v, b3);
        const w4 = v128.load(w, 64);
        a4 = fma(w4, u, a4);
        b4 = fma(w4, v, b4);
        w += 80;
      }
      x += line - 20;
    }
    if (from > 3) {
      put(y, columns, place, a4, b4);
      y += outLine;
    }
    a4 = a3;
    b4 = b3;
    a3 = a2;
    b3 = b2;
    a2 = a1;
    b2 = b1;
    a1 = a0;
    b1 = b0;
    a0 = b0 = v128.load(place);
  }
}

/**
 * y [2 rows, 8] from x in place, whose rows and columns lie two apart with zeros between them: in each phase of y only the taps
 * that meet x, which is of `inner` rows, and of one before them where there are none of zeros `above`.
 */
export function fiveSpread(edges: i32, rows: i32, above: i32, inner: i32, x: usize, line: usize, weight: usize, y: usize, outLine: usize): void {
  let e2 = splat(0.0), e3 = e2, e4 = e2, o2 = e2, o3 = e2, o4 = e2;
  if (!above) x -= line;
  for (let i = above - 1; ; i++) {
    let e0 = splat(0.0), e1 = e0, o0 = e0, o1 = e0;
    if (i < inner) {
      const b = v128.load(x, 4);
      const a = before(x, b, edges);
      const c = after(x, b, edges);
      e0 = fma(v128.load(weight, 320), c, fma(v128.load(weight, 160), b, f32x4.mul(v128.load(weight), a)));
      o0 = fma(v128.load(weight, 240), c, f32x4.mul(v128.load(weight, 80), b));
      e1 = fma(v128.load(weight, 336), c, fma(v128.load(weight, 176), b, f32x4.mul(v128.load(weight, 16), a)));
      o1 = fma(v128.load(weight, 256), c, f32x4.mul(v128.load(weight, 96), b));
      e2 = fma(v128.load(weight, 352), c, fma(v128.load(weight, 192), b, fma(v128.load(weight, 32), a, e2)));
      o2 = fma(v128.load(weight, 272), c, fma(v128.load(weight, 112), b, o2));
      e3 = fma(v128.load(weight, 368), c, fma(v128.load(weight, 208), b, fma(v128.load(weight, 48), a, e3)));
      o3 = fma(v128.load(weight, 288), c, fma(v128.load(weight, 128), b, o3));
      e4 = fma(v128.load(weight, 384), c, fma(v128.load(weight, 224), b, fma(v128.load(weight, 64), a, e4)));
      o4 = fma(v128.load(weight, 304), c, fma(v128.load(weight, 144), b, o4));
      x += line;
    }
    if (i > 0) {
      storeMixed(y, e4, o4);
      storeMixed(y + outLine, e3, o3);
      if (i == rows) return;
      y += 2 * outLine;
    }
    e4 = e2;
    o4 = o2;
    e3 = e1;
    o3 = o1;
    e2 = e0;
    o2 = o0;
  }
}
