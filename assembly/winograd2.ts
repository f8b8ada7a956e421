// What is F(2 x 2, 3 x 3)'s own of Winograd's convolution, see winograd.ts: the transforms of tiles there and back.
import { splat } from './simd';

/** Bᵀ d along the columns: four lines `step` bytes apart of a length from the four rows of a table, read in vectors. */
export function combine2(rows: usize, length: usize, to: usize, step: usize): void {
  const x0 = load<usize>(rows);
  const x1 = load<usize>(rows, 4);
  const x2 = load<usize>(rows, 8);
  const x3 = load<usize>(rows, 12);
  // The last four columns overlap those before.
  for (let i: usize = 0; ; i = min(i + 16, length - 16)) {
    const d1 = v128.load(x1 + i);
    const d2 = v128.load(x2 + i);
    const first = f32x4.sub(v128.load(x0 + i), d2);
    storeLines(to + i, step, first, f32x4.add(d1, d2), f32x4.sub(d2, d1), f32x4.sub(d1, v128.load(x3 + i)));
    if (i + 16 >= length) break;
  }
}

// @ts-ignore: decorator
@inline
function storeLines(to: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a);
  v128.store(to + step, b);
  v128.store(to + 2 * step, c);
  v128.store(to + 3 * step, d);
}

/** (Bᵀ d) B of four tiles: from their patches in the lines to lane t of the 16 places. */
export function transform2(sources: usize, lineBytes: usize, to: usize, place: usize): void {
  let x0 = load<usize>(sources);
  let x1 = load<usize>(sources, 4);
  let x2 = load<usize>(sources, 8);
  let x3 = load<usize>(sources, 12);
  const adjacent = x1 - x0 == 8 && x2 - x0 == 16 && x3 - x0 == 24;
  for (let row = 0; row < 4; row++) {
    let d0: v128, d1: v128, d2: v128, d3: v128;
    if (adjacent) {
      const a = v128.load(x0);
      const b = v128.load(x0, 16);
      d0 = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
      d1 = v128.shuffle<i32>(a, b, 1, 3, 5, 7);
      const c = v128.load(x0, 8);
      const d = v128.load(x0, 24);
      d2 = v128.shuffle<i32>(c, d, 0, 2, 4, 6);
      d3 = v128.shuffle<i32>(c, d, 1, 3, 5, 7);
    } else {
      const r0 = v128.load(x0);
      const r1 = v128.load(x1);
      const r2 = v128.load(x2);
      const r3 = v128.load(x3);
      x1 += lineBytes;
      x2 += lineBytes;
      x3 += lineBytes;
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
      const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
      const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
      d0 = v128.shuffle<i64>(low01, low23, 0, 2);
      d1 = v128.shuffle<i64>(low01, low23, 1, 3);
      d2 = v128.shuffle<i64>(high01, high23, 0, 2);
      d3 = v128.shuffle<i64>(high01, high23, 1, 3);
    }
    storeLines(to, place, f32x4.sub(d0, d2), f32x4.add(d1, d2), f32x4.sub(d2, d1), f32x4.sub(d1, d3));
    x0 += lineBytes;
    to += place << 2;
  }
}

/** Aᵀ m A of `rows` filters by eight tiles, at 16 places `place` bytes apart, to the outputs that exist; at least `least`. */
export function transformBack2(m: usize, place: usize, rowBytes: usize, rows: i32, targets: usize, y: usize, plane: usize, line: usize, bias: usize, least: f32): void {
  const floor = splat(least);
  for (let quad = 0; quad < 2; quad++) {
    // Four whole tiles in a row are stored as vectors.
    const whole = load<i32>(targets, 36) - load<i32>(targets) == 24 && load<i32>(targets, 4) == 2 && load<i32>(targets, 44) == 2;
    const start = load<usize>(targets);
    let from = m;
    let to = y;
    for (let row = 0; row < rows; row++) {
      // The bias goes to the place (1, 1), which every output holds once.
      const add = bias ? v128.load32_splat(bias + (row << 2)) : splat(0.0);
      const s0 = sumOf(from, place), d0 = differenceOf(from, place);
      const s1 = f32x4.add(sumOf(from + place, place), add), d1 = f32x4.add(differenceOf(from + place, place), add);
      const s2 = sumOf(from + 2 * place, place), d2 = differenceOf(from + 2 * place, place);
      const s3 = sumOf(from + 3 * place, place), d3 = differenceOf(from + 3 * place, place);
      const y00 = f32x4.pmax(f32x4.add(f32x4.add(s0, s1), s2), floor);
      const y01 = f32x4.pmax(f32x4.sub(f32x4.sub(s1, s2), s3), floor);
      const y10 = f32x4.pmax(f32x4.add(f32x4.add(d0, d1), d2), floor);
      const y11 = f32x4.pmax(f32x4.sub(f32x4.sub(d1, d2), d3), floor);
      const a = v128.shuffle<i32>(y00, y01, 0, 4, 1, 5);
      const b = v128.shuffle<i32>(y00, y01, 2, 6, 3, 7);
      const c = v128.shuffle<i32>(y10, y11, 0, 4, 1, 5);
      const d = v128.shuffle<i32>(y10, y11, 2, 6, 3, 7);
      if (whole) {
        v128.store(to + start, a);
        v128.store(to + start, b, 16);
        v128.store(to + start + line, c);
        v128.store(to + start + line, d, 16);
      } else {
        storeTiles(targets, to, line, v128.shuffle<i64>(a, c, 0, 2), v128.shuffle<i64>(a, c, 1, 3));
        storeTiles(targets + 24, to, line, v128.shuffle<i64>(b, d, 0, 2), v128.shuffle<i64>(b, d, 1, 3));
      }
      from += rowBytes;
      to += plane;
    }
    m += 16;
    targets += 48;
  }
}

/** What exists of two tiles, each [2, 2]. */
function storeTiles(targets: usize, y: usize, line: usize, first: v128, second: v128): void {
  storeTile(targets, y, line, first);
  storeTile(targets + 12, y, line, second);
}

// @ts-ignore: decorator
@inline
function storeTile(target: usize, y: usize, line: usize, tile: v128): void {
  const to = y + load<usize>(target);
  const rows = load<i32>(target, 4);
  if (load<i32>(target, 8) == 2) {
    if (rows > 0) v128.store_lane<u64>(to, tile, 0);
    if (rows > 1) v128.store_lane<u64>(to + line, tile, 1);
  } else {
    if (rows > 0) v128.store_lane<u32>(to, tile, 0);
    if (rows > 1) v128.store_lane<u32>(to + line, tile, 2);
  }
}

/** Both rows of Aᵀ m for a column of m. */
// @ts-ignore: decorator
@inline
function sumOf(m: usize, place: usize): v128 {
  return f32x4.add(f32x4.add(v128.load(m), v128.load(m + (place << 2))), v128.load(m + (place << 3)));
}

// @ts-ignore: decorator
@inline
function differenceOf(m: usize, place: usize): v128 {
  return f32x4.sub(f32x4.sub(v128.load(m + (place << 2)), v128.load(m + (place << 3))), v128.load(m + 12 * place));
}
