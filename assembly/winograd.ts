// Convolution with filters of 3 x 3 at stride 1 by Winograd's F(n x n, 3 x 3) (Lavin and Gray, arXiv:1509.09308), n is 2, or
// 4 where the caller asks for it. A tile of 2 x 2 outputs is y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A of a patch d of 4 x 4 inputs and a filter g, with
//
//        1  0 -1  0         1   0   0         1  1  1  0
//   Bᵀ = 0  1  1  0    G =  ½   ½   ½    Aᵀ = 0  1 -1 -1
//        0 -1  1  0         ½  -½   ½
//        0  1  0 -1         0   0   1
//
// and one of 4 x 4 outputs comes from 6 x 6 inputs by the matrices in winograd4.ts. Summed over channels, each of the 16 or
// 36 places of the patch is a matrix product [filters, channels] · [channels, tiles]: 4 or 2.25 multiplications for an
// output in place of 9. Tiles are numbered through rows and images, a panel holds eight. A
// unit transforms its tiles into panels that stay in the second-level cache; then the products of a few filters with
// one panel stay in the first-level cache until they are transformed back, with the bias and the activation.
import { WinogradParams } from '../build/params';
import { copyRow } from './depthwise_frame';
import { multiplyPairs, multiplyPanels } from './matmul_tile';
import { operand, splat } from './simd';
import { combine2, transform2, transformBack2 } from './winograd2';
import { combine4, transform4, transformBack4 } from './winograd4';
import { filterBytes } from './winograd_filters';

/** Bytes of a segment: its place, its zeros, its columns, its length, six times where a row of input starts (-1: all zero). */
const SEGMENT: usize = 40;
/** Bytes that a transform works in. */
const WORK: usize = 448;

/**
 * Lays out tiles first to last: `sources` gets, per tile, the place of its patch among the lines (a line after the other,
 * each row of tiles in its own), `targets` the byte offset of its first output and how many rows and columns of it
 * exist. `segments` gets what `combine` reads of each row of tiles; returns their end.
 */
function layOut(p: WinogradParams, first: i32, last: i32, lines: usize, lineBytes: usize, segments: usize, sources: usize, targets: usize): usize {
  const width = <i32>p.width;
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const size = <i32>p.size;
  const across = (outWidth + size - 1) / size;
  const down = (outHeight + size - 1) / size;
  const inPlane = <i32>p.height * width;
  for (let tile = first; tile < last; ) {
    const line = tile / across;
    const image = line / down;
    const y = (line - image * down) * size;
    const start = tile - line * across;
    const count = min(across - start, last - tile);
    const x = start * size - p.left;
    const columns = count * size + 2;
    const from = max(0, x);
    const to = min(width, x + columns);
    const base = image * <i32>(p.groups * p.channels) * inPlane + from;
    store<usize>(segments, lines);
    store<i32>(segments, min(from - x, columns) << 2, 4);
    store<i32>(segments, max(0, to - from) << 2, 8);
    store<i32>(segments, columns << 2, 12);
    for (let r = 0; r < size + 2; r++) {
      const row = y - p.top + r;
      const inside = row >= 0 && row < <i32>p.height && to > from;
      store<i32>(segments + (r << 2), inside ? (base + row * width) << 2 : -1, 16);
    }
    segments += SEGMENT;
    const target = (image * <i32>(p.groups * p.filters) * outHeight + y) * outWidth;
    for (let at = 0; at < count; at++) {
      const column = (start + at) * size;
      store<usize>(sources, lines + (at * size << 2));
      store<i32>(targets, (target + column) << 2);
      store<i32>(targets, min(size, outHeight - y), 4);
      store<i32>(targets, min(size, outWidth - column), 8);
      sources += 4;
      targets += 12;
    }
    lines += lineBytes * (size + 2);
    tile += count;
  }
  return segments;
}

/**
 * Bᵀ d along the columns of one row of tiles: lines of combined input rows, with zeros where the input ends. With a mask,
 * `mask` - 1 bytes from x, the rows are first copied, with zeros where it isn't above 0, and so are rows of less than a vector.
 */
function combine(size: i32, segment: usize, x: usize, mask: usize, zeros: usize, work: usize, lineBytes: usize): void {
  const line = load<usize>(segment);
  const lead = load<usize>(segment, 4);
  const length = load<usize>(segment, 8);
  const total = load<usize>(segment, 12);
  let copy = work + 32;
  for (let row: usize = 0; row < <usize>size + 2; row++) {
    const offset = load<i32>(segment + (row << 2), 16);
    let from = offset < 0 ? zeros : x + offset;
    if (offset >= 0 && (mask || length < 16)) {
      copyRow(from, mask, <i32>length >> 2, copy);
      from = copy;
    }
    store<usize>(work + (row << 2), from);
    fillLine(line + row * lineBytes, 0, lead);
    copy += lineBytes;
  }
  if (size == 2) combine2(work, length, line + lead, lineBytes);
  else combine4(work, length, line + lead, lineBytes);
  for (let row: usize = 0; row < <usize>size + 2; row++) fillLine(line + row * lineBytes, lead + length, total);
}

/** Zeros from a byte of a line to another and up to 12 bytes beyond. */
// @ts-ignore: decorator
@inline
function fillLine(line: usize, from: usize, to: usize): void {
  for (; from < to; from += 16) v128.store(line + from, splat(0.0));
}

/** Operands: x, the filters' transforms, bias or none, y, mask of x or none. A unit is `tiles` tiles by `rows` filters of a group. */
function winograd(most: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<WinogradParams>(params);
  const channels = <i32>p.channels;
  const size = <i32>p.size;
  const across = (<i32>p.outWidth + size - 1) / size;
  const total = <i32>p.batch * ((<i32>p.outHeight + size - 1) / size) * across;
  const tiles = <i32>p.tiles;
  const blocks = (total + tiles - 1) / tiles;
  const chunks = (<i32>p.filters + <i32>p.rows - 1) / <i32>p.rows;
  const line = <usize>p.outWidth << 2;
  const plane = line * p.outHeight;
  const inPlane = <usize>(p.height * p.width) << 2;
  const lineBytes = (<usize>(min(across, tiles) * size) << 2) + 24;
  const least: f32 = p.relu ? 0.0 : -<f32>Infinity;
  const depth = <usize>channels << 2;
  const place = (depth << 3) + 64;
  const places = <usize>((size + 2) * (size + 2));
  const panelBytes = place * places;
  const filterSize = filterBytes(channels, places);

  const m = scratch + WORK;
  const zeros = m + places * 12 * 32;
  const sources = zeros + lineBytes;
  const targets = sources + ((tiles + 8) << 2);
  const panels = targets + 12 * (tiles + 8);
  const lines = panels + ((tiles + 7) >> 3) * panelBytes;
  const rowsOfTiles = (tiles + across - 1) / across + 1;
  const segments = lines + rowsOfTiles * (size + 2) * lineBytes;
  const rowsWork = segments + rowsOfTiles * SEGMENT;
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
        for (let segment = segments; segment < segmentsEnd; segment += SEGMENT) combine(size, segment, x, mask, zeros, rowsWork, lineBytes);
        for (let quad = 0; quad < count << 1; quad++) {
          const to = panels + (quad >> 1) * panelBytes + ((quad & 1) << 4) + (channel << 5);
          if (size == 2) transform2(sources + (quad << 4), lineBytes, to, place);
          else transform4(sources + (quad << 4), lineBytes, to, place);
        }
        x += inPlane;
      }
    }
    const filter = group * <i32>p.filters + start;
    const rows = min(<i32>p.rows, <i32>p.filters - start);
    let bias = operand(o, 2) ? operand(o, 2) + (filter << 2) : 0;
    let tile = operand(o, 1) + filter * filterSize;
    let y = operand(o, 3) + filter * plane;
    for (let row = 0; row < rows; ) {
      const height = nextRows(row, rows, most);
      for (let panel = 0; panel < count; ) {
        const b = panels + panel * panelBytes;
        const pair = p.pairs && height > 4 && panel + 1 < count;
        const width: usize = pair ? 64 : 32;
        const rowBytes = width * places;
        if (pair) multiplyPairs(height, channels, tile, filterSize, filterSize / places, b, 32, place, panelBytes, <i32>places, m, rowBytes, 0, 0);
        else multiplyPanels(height, channels, tile, filterSize, filterSize / places, b, 32, place, <i32>places, m, rowBytes, 0, 0);
        for (let from = m; from < m + width; from += 32) {
          if (size == 2) transformBack2(from, width, rowBytes, height, targets + panel * 96, y, plane, line, bias, least);
          else transformBack4(from, width, rowBytes, scratch, height, targets + panel * 96, y, plane, line, bias, least);
          panel++;
        }
      }
      row += height;
      tile += height * filterSize;
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
