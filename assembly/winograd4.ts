// F(4 x 4, 3 x 3) of Winograd's convolution, see winograd.ts: 36 multiplications for 16 outputs in place of 144. The
// interpolation points are 0, ±√½, ±√2 and infinity, for which the growth of rounding errors is a quarter of that of 0, ±1,
// ±2 and infinity (src/ops/winograd_bound.ts) at the same cost. With h = √½, k = √2:
//
//        1  0 -5/2  0  1  0          1    0    0
//        0 -k  -2   h  1  0        -2/3 -k/3 -1/3         1  1  1  1   1  0
//   Bᵀ = 0  k  -2  -h  1  0    G = -2/3  k/3 -1/3    Aᵀ = 0  h -h  k  -k  0
//        0 -h  -½   k  1  0         1/6  k/6  1/3         0  ½  ½  2   2  0
//        0  h  -½  -k  1  0         1/6 -k/6  1/3         0 h/2 -h/2 2k -2k 1
//        0  1   0 -5/2 0  1          0    0    1
import { constant, fma, splat, storeUpTo, transpose4 } from './simd';

/** -2, -½, -5/2; √½, √2; ½, 2. */
const TILES: usize = memory.data<f32>([-2.0, -0.5, -2.5, 0.7071067812, 1.4142135624, 0.5, 2.0]);
/** -1/3, 1/6, √2/3, -½. */
const FILTERS: usize = memory.data<f32>([-0.3333333333, 0.1666666667, 0.4714045208, -0.5]);

/** Bᵀ d of six vectors, to six places `step` bytes apart. */
// @ts-ignore: decorator
@inline
function expand(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const both = fma(d2, constant(TILES, 0), d4);
  const sides = f32x4.mul(fma(d1, constant(TILES, 0), d3), constant(TILES, 3));
  const far = fma(d2, constant(TILES, 1), d4);
  const farSides = f32x4.mul(fma(d1, constant(TILES, 1), d3), constant(TILES, 4));
  v128.store(to, fma(d2, constant(TILES, 2), f32x4.add(d0, d4)));
  v128.store((to += step), f32x4.add(both, sides));
  v128.store((to += step), f32x4.sub(both, sides));
  v128.store((to += step), f32x4.add(far, farSides));
  v128.store((to += step), f32x4.sub(far, farSides));
  v128.store((to += step), fma(d3, constant(TILES, 2), f32x4.add(d1, d5)));
}

/** Bᵀ d along the columns: six lines `step` bytes apart of a length from the six rows of a table, read in vectors. */
export function combine4(rows: usize, length: usize, to: usize, step: usize): void {
  const x0 = load<usize>(rows), x1 = load<usize>(rows, 4), x2 = load<usize>(rows, 8);
  const x3 = load<usize>(rows, 12), x4 = load<usize>(rows, 16), x5 = load<usize>(rows, 20);
  // The last four columns overlap those before.
  for (let i: usize = 0; ; i = min(i + 16, length - 16)) {
    expand(v128.load(x0 + i), v128.load(x1 + i), v128.load(x2 + i), v128.load(x3 + i), v128.load(x4 + i), v128.load(x5 + i), to + i, step);
    if (i + 16 >= length) break;
  }
}

/** (Bᵀ d) B of four tiles: from their patches in the lines to lane t of the 36 places. */
export function transform4(sources: usize, lineBytes: usize, to: usize, place: usize): void {
  let x0 = load<usize>(sources), x1 = load<usize>(sources, 4), x2 = load<usize>(sources, 8), x3 = load<usize>(sources, 12);
  for (let row = 0; row < 6; row++) {
    const r0 = v128.load(x0), r1 = v128.load(x1), r2 = v128.load(x2), r3 = v128.load(x3);
    const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
    const end01 = v128.load64_lane(x1 + 16, v128.load64_zero(x0, 16), 1);
    const end23 = v128.load64_lane(x3 + 16, v128.load64_zero(x2, 16), 1);
    expand(
      v128.shuffle<i64>(low01, low23, 0, 2), v128.shuffle<i64>(low01, low23, 1, 3),
      v128.shuffle<i64>(high01, high23, 0, 2), v128.shuffle<i64>(high01, high23, 1, 3),
      v128.shuffle<i32>(end01, end23, 0, 2, 4, 6), v128.shuffle<i32>(end01, end23, 1, 3, 5, 7), to, place,
    );
    x0 += lineBytes;
    x1 += lineBytes;
    x2 += lineBytes;
    x3 += lineBytes;
    to += 6 * place;
  }
}

/** Aᵀ m of six places `step` bytes apart plus `add`, to four vectors `toStep` bytes apart, at least `least`. */
function contract(from: usize, step: usize, add: v128, least: v128, to: usize, toStep: usize): void {
  const m0 = v128.load(from);
  const m1 = v128.load((from += step));
  const m2 = v128.load((from += step));
  const m3 = v128.load((from += step));
  const m4 = v128.load((from += step));
  const sum = f32x4.add(m1, m2);
  const farSum = f32x4.add(m3, m4);
  const difference = f32x4.mul(f32x4.sub(m1, m2), constant(TILES, 3));
  const farDifference = f32x4.mul(f32x4.sub(m3, m4), constant(TILES, 4));
  const last = f32x4.add(v128.load(from + step), add);
  const half = constant(TILES, 5);
  const two = constant(TILES, 6);
  v128.store(to, f32x4.pmax(f32x4.add(f32x4.add(f32x4.add(m0, add), sum), farSum), least));
  v128.store((to += toStep), f32x4.pmax(f32x4.add(f32x4.add(difference, add), farDifference), least));
  v128.store((to += toStep), f32x4.pmax(fma(farSum, two, fma(sum, half, add)), least));
  v128.store(to + toStep, f32x4.pmax(fma(farDifference, two, fma(difference, half, last)), least));
}

/** Aᵀ m A of `rows` filters by eight tiles, at 36 places `place` bytes apart, to the outputs that exist, at least `least`. */
export function transformBack4(m: usize, place: usize, rowBytes: usize, work: usize, rows: i32, targets: usize, y: usize, plane: usize, line: usize, bias: usize, least: f32): void {
  const floor = splat(least);
  const zero = splat(0.0);
  const none = splat(-<f32>Infinity);
  const tiles = work + 384;
  for (let quad = 0; quad < 2; quad++) {
    // Four tiles of whole rows beside each other are stored as they come.
    const start = load<usize>(targets);
    const whole = load<usize>(targets, 36) - start == 48 && load<i32>(targets, 44) == 4;
    const count = whole ? load<i32>(targets, 4) : 4;
    let from = m;
    let to = y;
    for (let row = 0; row < rows; row++) {
      const add = bias ? v128.load32_splat(bias + (row << 2)) : zero;
      for (let j: usize = 0; j < 6; j++) contract(from + j * place, 6 * place, zero, none, work + (j << 4), 96);
      for (let i = 0; i < count; i++) {
        contract(work + i * 96, 16, add, floor, tiles, 16);
        if (whole) {
          transpose4(tiles, 16, to + start + i * line, 16);
          continue;
        }
        transpose4(tiles, 16, tiles, 16);
        for (let t = 0; t < 4; t++) {
          const target = targets + 12 * t;
          if (i < load<i32>(target, 4)) storeUpTo(to + load<usize>(target) + i * line, v128.load(tiles + (t << 4)), load<i32>(target, 8));
        }
      }
      from += rowBytes;
      to += plane;
    }
    m += 16;
    targets += 48;
  }
}

/** G g of three vectors, to six places 32 bytes apart. */
function expandFilter(g0: v128, g1: v128, g2: v128, to: usize): void {
  const near = f32x4.mul(f32x4.add(f32x4.add(g0, g0), g2), constant(FILTERS, 0));
  const far = f32x4.mul(f32x4.add(f32x4.add(g2, g2), g0), constant(FILTERS, 1));
  const middle = f32x4.mul(g1, constant(FILTERS, 2));
  const half = constant(FILTERS, 3);
  v128.store(to, g0);
  v128.store(to, f32x4.sub(near, middle), 32);
  v128.store(to, f32x4.add(near, middle), 64);
  v128.store(to, fma(middle, f32x4.neg(half), far), 96);
  v128.store(to, fma(middle, half, far), 128);
  v128.store(to, g2, 160);
}

/** G g Gᵀ of a filter, or of the same rotated, to the 36 places. */
export function transformFilter4(from: usize, rotated: bool, work: usize, to: usize, place: usize): void {
  const columns = work + 256;
  let g0 = v128.load(from);
  let g1 = v128.load(from, 12);
  // The last row from one element earlier, lest it reads beyond the end.
  let g2 = v128.load(from, 20);
  if (rotated) {
    const last = v128.shuffle<i32>(g0, g0, 2, 1, 0, 0);
    g0 = v128.shuffle<i32>(g2, g2, 3, 2, 1, 1);
    g1 = v128.shuffle<i32>(g1, g1, 2, 1, 0, 0);
    g2 = last;
  } else {
    g2 = v128.shuffle<i32>(g2, g2, 1, 2, 3, 3);
  }
  expandFilter(g0, g1, g2, work);
  for (let quad: usize = 0; quad < 2; quad++) {
    transpose4(work + (quad << 7), 32, columns, 32);
    expandFilter(v128.load(columns), v128.load(columns, 32), v128.load(columns, 64), columns + 128 + (quad << 4));
  }
  for (let j: usize = 0; j < 6; j++) {
    const column = columns + 128 + (j << 5);
    for (let i: usize = 0; i < 6; i++) store<f32>(to + (6 * i + j) * place, load<f32>(column + (i << 2)));
  }
}
