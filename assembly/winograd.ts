// Convolution with filters of 3 x 3 at stride 1 by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray, arXiv:1509.09308): a tile
// of 2 x 2 outputs is y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A of a patch d of 4 x 4 inputs and a filter g, with
//
//        1  0 -1  0         1   0   0         1  1  1  0
//   Bᵀ = 0  1  1  0    G =  ½   ½   ½    Aᵀ = 0  1 -1 -1
//        0 -1  1  0         ½  -½   ½
//        0  1  0 -1         0   0   1
//
// Summed over channels, each of the 16 places of the patch is a matrix product [filters, channels] · [channels, tiles]:
// 16 multiplications for 4 outputs in place of 36. Tiles are numbered through rows and images, a panel holds eight. A
// unit transforms its tiles into panels that stay in the second-level cache; then 16 products of a few filters with
// one panel stay in the first-level cache until they are transformed back, with the bias and the activation.
import { WinogradParams } from '../build/params';
import { operand, splat } from './simd';
import { filterBytes } from './winograd_filters';
import { multiplyPlaces } from './winograd_tile';

/** Bytes of a segment: where its four rows of input start (-1: all zero), its place, its zeros, its columns, its length. */
const SEGMENT: usize = 32;

/**
 * Lays out tiles first to last: `sources` gets, per tile, the place of its patch among the lines (a line after the other,
 * each row of tiles in its own four), `targets` the byte offset of its first output and how many rows and columns of it
 * exist. `segments` gets what `combine` reads of each row of tiles; returns their end.
 */
function layOut(p: WinogradParams, first: i32, last: i32, lines: usize, lineBytes: usize, segments: usize, sources: usize, targets: usize): usize {
  const width = <i32>p.width;
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const across = (outWidth + 1) >> 1;
  const down = (outHeight + 1) >> 1;
  const inPlane = <i32>p.height * width;
  for (let tile = first; tile < last; ) {
    const line = tile / across;
    const image = line / down;
    const y = (line - image * down) << 1;
    const start = tile - line * across;
    const count = min(across - start, last - tile);
    const x = (start << 1) - p.left;
    const from = max(0, x);
    const to = min(width, x + (count << 1) + 2);
    const base = image * <i32>(p.groups * p.channels) * inPlane + from;
    for (let r = 0; r < 4; r++) {
      const row = y - p.top + r;
      const inside = row >= 0 && row < <i32>p.height && to > from;
      store<i32>(segments + (r << 2), inside ? (base + row * width) << 2 : -1);
    }
    store<usize>(segments, lines, 16);
    const columns = (count << 1) + 2;
    store<i32>(segments, min(from - x, columns) << 2, 20);
    store<i32>(segments, max(0, to - from) << 2, 24);
    store<i32>(segments, columns << 2, 28);
    segments += SEGMENT;
    const target = (image * <i32>(p.groups * p.filters) * outHeight + y) * outWidth;
    for (let at = 0; at < count; at++) {
      const column = (start + at) << 1;
      store<usize>(sources, lines + (at << 3));
      store<i32>(targets, (target + column) << 2);
      store<i32>(targets, min(2, outHeight - y), 4);
      store<i32>(targets, min(2, outWidth - column), 8);
      sources += 4;
      targets += 12;
    }
    lines += lineBytes << 2;
    tile += count;
  }
  return segments;
}

/**
 * Bᵀ d along the columns of one row of tiles: four lines of combined input rows, with zeros where the input ends. With a
 * mask, `mask` - 1 bytes from x, the rows are first copied to `rows`, with zeros where it isn't above 0.
 */
function combine(segment: usize, x: usize, mask: usize, zeros: usize, rows: usize, lineBytes: usize): void {
  let to = load<usize>(segment, 16);
  const lead = load<usize>(segment, 20);
  const length = load<usize>(segment, 24);
  const total = load<usize>(segment, 28);
  const zero = splat(0.0);
  for (let i: usize = 0; i < lead; i += 16) storeLines(to + i, lineBytes, zero, zero, zero, zero);
  for (let i = lead + length; i < total; i += 16) storeLines(to + i, lineBytes, zero, zero, zero, zero);
  let x0 = rowAt(segment, 0, x, zeros);
  let x1 = rowAt(segment, 4, x, zeros);
  let x2 = rowAt(segment, 8, x, zeros);
  let x3 = rowAt(segment, 12, x, zeros);
  if (mask) {
    x0 = masked(x0, mask, length, zeros, rows);
    x1 = masked(x1, mask, length, zeros, rows + lineBytes);
    x2 = masked(x2, mask, length, zeros, rows + 2 * lineBytes);
    x3 = masked(x3, mask, length, zeros, rows + 3 * lineBytes);
  }
  to += lead;
  if (length < 16) {
    for (let i: usize = 0; i < length; i += 4) {
      const d1 = load<f32>(x1 + i);
      const d2 = load<f32>(x2 + i);
      store<f32>(to, load<f32>(x0 + i) - d2);
      store<f32>(to + lineBytes, d1 + d2);
      store<f32>(to + 2 * lineBytes, d2 - d1);
      store<f32>(to + 3 * lineBytes, d1 - load<f32>(x3 + i));
      to += 4;
    }
    return;
  }
  // The last four columns overlap those before.
  for (let i: usize = 0; ; i = min(i + 16, length - 16)) {
    const d1 = v128.load(x1 + i);
    const d2 = v128.load(x2 + i);
    const first = f32x4.sub(v128.load(x0 + i), d2);
    storeLines(to + i, lineBytes, first, f32x4.add(d1, d2), f32x4.sub(d2, d1), f32x4.sub(d1, v128.load(x3 + i)));
    if (i == length - 16) break;
  }
}

// @ts-ignore: decorator
@inline
function rowAt(segment: usize, row: usize, x: usize, zeros: usize): usize {
  const offset = load<i32>(segment + row);
  return offset < 0 ? zeros : x + offset;
}

function masked(x: usize, mask: usize, length: usize, zeros: usize, to: usize): usize {
  if (x == zeros) return x;
  for (let i: usize = 0; i < length; i += 4) store<f32>(to + i, load<f32>(x + mask - 1 + i) <= 0.0 ? 0.0 : load<f32>(x + i));
  return to;
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
function transform(sources: usize, lineBytes: usize, to: usize, place: usize): void {
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

/** Aᵀ m A of `rows` filters by eight tiles, m [16, rows, 8], to the outputs that exist; below `least` it is `least`. */
function transformBack(m: usize, rows: i32, targets: usize, y: usize, plane: usize, line: usize, bias: usize, least: v128): void {
  const place = <usize>rows << 5;
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
      const y00 = f32x4.pmax(f32x4.add(f32x4.add(s0, s1), s2), least);
      const y01 = f32x4.pmax(f32x4.sub(f32x4.sub(s1, s2), s3), least);
      const y10 = f32x4.pmax(f32x4.add(f32x4.add(d0, d1), d2), least);
      const y11 = f32x4.pmax(f32x4.sub(f32x4.sub(d1, d2), d3), least);
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
      from += 32;
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

/** Operands: x, the filters' transforms, bias or none, y, mask of x or none. A unit is `tiles` tiles by `rows` filters of a group. */
function winograd(most: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<WinogradParams>(params);
  const channels = <i32>p.channels;
  const across = (<i32>p.outWidth + 1) >> 1;
  const total = <i32>p.batch * ((<i32>p.outHeight + 1) >> 1) * across;
  const tiles = <i32>p.tiles;
  const blocks = (total + tiles - 1) / tiles;
  const chunks = (<i32>p.filters + <i32>p.rows - 1) / <i32>p.rows;
  const line = <usize>p.outWidth << 2;
  const plane = line * p.outHeight;
  const inPlane = <usize>(p.height * p.width) << 2;
  const lineBytes = ((<usize>min(across, tiles) << 3) + 24);
  const least = splat(p.relu ? 0.0 : -<f32>Infinity);
  const depth = <usize>channels << 2;
  const place = (depth << 3) + 64;

  const m = scratch;
  const zeros = m + 16 * 6 * 32;
  const sources = zeros + lineBytes;
  const targets = sources + ((tiles + 8) << 2);
  const panels = targets + 12 * (tiles + 8);
  const lines = panels + ((tiles + 7) >> 3) * (place << 4);
  const segments = lines + ((tiles + across - 1) / across + 1) * (lineBytes << 2);
  const maskRows = segments + ((tiles + across - 1) / across + 1) * SEGMENT;
  const mask = operand(o, 4) ? operand(o, 4) - operand(o, 0) + 1 : 0;
  memory.fill(zeros, 0, lineBytes);

  let known = -1;
  for (let unit = begin; unit < end; unit++) {
    const block = unit / chunks;
    const start = (unit - block * chunks) * <i32>p.rows;
    const group = block / blocks;
    const first = (block - group * blocks) * tiles;
    const last = min(first + tiles, total);
    const count = (last - first + 7) >> 3;
    if (block != known) {
      known = block;
      memory.fill(sources, 0, panels - sources);
      const segmentsEnd = layOut(p, first, last, lines, lineBytes, segments, sources, targets);
      for (let tile = last - first; tile < count << 3; tile++) store<usize>(sources + (tile << 2), lines);
      let x = operand(o, 0) + group * channels * inPlane;
      for (let channel = 0; channel < channels; channel++) {
        for (let segment = segments; segment < segmentsEnd; segment += SEGMENT) combine(segment, x, mask, zeros, maskRows, lineBytes);
        for (let quad = 0; quad < count << 1; quad++) {
          const to = panels + (quad >> 1) * (place << 4) + ((quad & 1) << 4);
          transform(sources + (quad << 4), lineBytes, to + (channel << 5), place);
        }
        x += inPlane;
      }
    }
    const filter = group * <i32>p.filters + start;
    const rows = min(<i32>p.rows, <i32>p.filters - start);
    let bias = operand(o, 2) ? operand(o, 2) + (filter << 2) : 0;
    let tile = operand(o, 1) + filter * filterBytes(channels);
    let y = operand(o, 3) + filter * plane;
    for (let row = 0; row < rows; ) {
      const height = nextRows(row, rows, most);
      for (let panel = 0; panel < count; panel++) {
        multiplyPlaces(height, depth, tile, panels + panel * (place << 4), m);
        transformBack(m, height, targets + panel * 96, y, plane, line, bias, least);
      }
      row += height;
      tile += height * filterBytes(channels);
      y += height * plane;
      if (bias) bias += height << 2;
    }
  }
}

/** Rows of the tile that starts at `row` when `rows` are cut into near-equal tiles of at most `most`. */
// @ts-ignore: decorator
@inline
function nextRows(row: i32, rows: i32, most: i32): i32 {
  const tiles = (rows - row + most - 1) / most;
  return (rows - row + tiles - 1) / tiles;
}

export function winograd_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { winograd(4, o, p, s, begin, end); }
export function winograd_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { winograd(6, o, p, s, begin, end); }
