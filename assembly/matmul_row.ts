// The micro-kernel of a product for a left operand of one or two rows: each is taken over four panels of 8 columns at once,
// 8 sums in registers, which are as many as multiply-adds are on their way; over three where V8 reads all panels before it
// multiplies, for which 8 sums leave too few registers: twice as fast there. The sums are those of matmul_tile.ts.
import { fma, splat } from './simd';
import { Rows3, Rows4, rowsOf } from './tile';

// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, more: bool): void {
  v128.store(c, more ? f32x4.add(v128.load(c), sum) : sum);
}

/** C [8 panels] = or += A [depth] · B [depth, 8 panels], the panels bPanel bytes from each other, P at once. */
// @ts-ignore: decorator
@inline
function multiply<P>(depth: i32, a: usize, b: usize, bPanel: usize, panels: i32, c: usize, more: bool): void {
  const end = a + (depth << 2);
  for (; panels >= rowsOf<P>(); panels -= rowsOf<P>()) {
    let c0 = splat(0.0), c1 = splat(0.0), c2 = splat(0.0), c3 = splat(0.0);
    let c4 = splat(0.0), c5 = splat(0.0), c6 = splat(0.0), c7 = splat(0.0);
    let b0 = b, b1 = b0 + bPanel, b2 = b1 + bPanel, b3 = b2 + bPanel;
    for (let at = a; at < end; at += 4) {
      const x = v128.load32_splat(at);
      c0 = fma(x, v128.load(b0), c0);
      c1 = fma(x, v128.load(b0, 16), c1);
      c2 = fma(x, v128.load(b1), c2);
      c3 = fma(x, v128.load(b1, 16), c3);
      c4 = fma(x, v128.load(b2), c4);
      c5 = fma(x, v128.load(b2, 16), c5);
      if (rowsOf<P>() > 3) {
        c6 = fma(x, v128.load(b3), c6);
        c7 = fma(x, v128.load(b3, 16), c7);
        b3 += 32;
      }
      b0 += 32;
      b1 += 32;
      b2 += 32;
    }
    put(c, c0, more);
    put(c + 16, c1, more);
    put(c + 32, c2, more);
    put(c + 48, c3, more);
    put(c + 64, c4, more);
    put(c + 80, c5, more);
    if (rowsOf<P>() > 3) {
      put(c + 96, c6, more);
      put(c + 112, c7, more);
    }
    b += bPanel * rowsOf<P>();
    c += rowsOf<P>() << 5;
  }
  for (; panels > 0; panels--) {
    let low = splat(0.0), high = splat(0.0);
    let from = b;
    for (let at = a; at < end; at += 4) {
      const x = v128.load32_splat(at);
      low = fma(x, v128.load(from), low);
      high = fma(x, v128.load(from, 16), high);
      from += 32;
    }
    put(c, low, more);
    put(c + 16, high, more);
    b += bPanel;
    c += 32;
  }
}

function row3(k: i32, a: usize, b: usize, bPanel: usize, panels: i32, c: usize, more: bool): void { multiply<Rows3>(k, a, b, bPanel, panels, c, more); }
function row4(k: i32, a: usize, b: usize, bPanel: usize, panels: i32, c: usize, more: bool): void { multiply<Rows4>(k, a, b, bPanel, panels, c, more); }

/** `multiply` for an engine whose tiles have at most `most` rows. */
export function multiplyRow(most: i32, k: i32, a: usize, b: usize, bPanel: usize, panels: i32, c: usize, more: bool): void {
  if (most > 4) row4(k, a, b, bPanel, panels, c, more);
  else row3(k, a, b, bPanel, panels, c, more);
}
