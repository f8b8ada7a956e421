// The micro-kernel of a product for a left operand of one or two rows: each is taken over four panels of 8 columns at once,
// 8 sums in registers, which are as many as multiply-adds are on their way. The sums are those of matmul_tile.ts.
import { fma, splat } from './simd';

// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, more: bool): void {
  v128.store(c, more ? f32x4.add(v128.load(c), sum) : sum);
}

/** C [8 panels] = or += A [depth] · B [depth, 8 panels], the panels bPanel bytes from each other. */
export function multiplyRow(depth: i32, a: usize, b: usize, bPanel: usize, panels: i32, c: usize, more: bool): void {
  const end = a + (depth << 2);
  for (; panels >= 4; panels -= 4) {
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
      c6 = fma(x, v128.load(b3), c6);
      c7 = fma(x, v128.load(b3, 16), c7);
      b0 += 32;
      b1 += 32;
      b2 += 32;
      b3 += 32;
    }
    put(c, c0, more);
    put(c + 16, c1, more);
    put(c + 32, c2, more);
    put(c + 48, c3, more);
    put(c + 64, c4, more);
    put(c + 80, c5, more);
    put(c + 96, c6, more);
    put(c + 112, c7, more);
    b += bPanel << 2;
    c += 128;
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
