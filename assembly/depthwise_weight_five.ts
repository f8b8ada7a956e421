// The weight-gradient with a filter of 5 x 5 at stride 1 in place, two rows of the filter at a time: a vector of x meets two rows
// of dy, which lie one apart. Ten sums, 2 vectors of dy and 1 of x: seven loads for ten products, five cycles. Rows of dy beside the
// plane are zeros, and a mask takes from x the columns beside it.
import { rowAt } from './depthwise_frame';
import { fma } from './simd';

/**
 * sums [2, 5, 4] = Σ over `inner` rows of x · dy [rows, width], of which the first meets dy's row `row` for the first row of
 * taps and, where these are `two`, the one before for the second. Addresses of x and of the mask of its columns are those of the
 * column that dy's first meets first; columns of dy from the fifth to `whole` bytes on meet columns of the plane alone. Of the
 * last four those in `lanes` count.
 */
export function correlateFives(two: bool, inner: i32, x: usize, line: usize, mask: usize, whole: i32, row: i32, rows: i32, dy: usize, width: usize, zeros: usize, lanes: usize, sums: usize): void {
  let s0 = v128.load(zeros), s1 = s0, s2 = s0, s3 = s0, s4 = s0;
  let t0 = s0, t1 = s0, t2 = s0, t3 = s0, t4 = s0;
  const last = width - 16;
  for (const stop = x + inner * line; x < stop; x += line) {
    const a = rowAt(dy, row, rows, width, zeros);
    const b = two ? rowAt(dy, row - 1, rows, width, zeros) : zeros;
    row++;
    if (a == zeros && b == zeros) continue;
    for (let at: usize = 0; ; ) {
      let p = v128.load(a + at), q = v128.load(b + at);
      if (at == last) {
        p = v128.and(p, v128.load(lanes));
        q = v128.and(q, v128.load(lanes));
      }
      let u = v128.and(v128.load(x + at), v128.load(mask + at));
      s0 = fma(p, u, s0);
      t0 = fma(q, u, t0);
      u = v128.and(v128.load(x + at, 4), v128.load(mask + at, 4));
      s1 = fma(p, u, s1);
      t1 = fma(q, u, t1);
      u = v128.and(v128.load(x + at, 8), v128.load(mask + at, 8));
      s2 = fma(p, u, s2);
      t2 = fma(q, u, t2);
      u = v128.and(v128.load(x + at, 12), v128.load(mask + at, 12));
      s3 = fma(p, u, s3);
      t3 = fma(q, u, t3);
      u = v128.and(v128.load(x + at, 16), v128.load(mask + at, 16));
      s4 = fma(p, u, s4);
      t4 = fma(q, u, t4);
      if (at == last) break;
      at += 16;
      for (; at < last && <i32>at <= whole; at += 16) {
        p = v128.load(a + at);
        q = v128.load(b + at);
        u = v128.load(x + at);
        s0 = fma(p, u, s0);
        t0 = fma(q, u, t0);
        u = v128.load(x + at, 4);
        s1 = fma(p, u, s1);
        t1 = fma(q, u, t1);
        u = v128.load(x + at, 8);
        s2 = fma(p, u, s2);
        t2 = fma(q, u, t2);
        u = v128.load(x + at, 12);
        s3 = fma(p, u, s3);
        t3 = fma(q, u, t3);
        u = v128.load(x + at, 16);
        s4 = fma(p, u, s4);
        t4 = fma(q, u, t4);
      }
      at = min(at, last);
    }
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
