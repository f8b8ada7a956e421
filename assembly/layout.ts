// Copies of 32-bit words between strided places: permute, broadcastTo, slice, pad, concat and their like. Rows of neighbours
// are copied as they are, one word that fills a row is spread, and a transposition goes by tiles of 4 by 4 through registers.
import { CopyParams, TransposedParams } from '../build/params';
import { loadTail, operand, storeTail, transpose4 } from './simd';
import { first, last, rowOffset } from './walk';

/** Longer rows are copied by a call. */
export const SHORT: i32 = 64;

/** 1 to 64 neighbouring words from neighbours (xMove 4), or one word throughout (0); the last four overlap those before them. */
// @ts-ignore: decorator
@inline
export function copyShort(from: usize, xMove: usize, to: usize, count: i32): void {
  const one = v128.load32_splat(from);
  if (count < 4) {
    storeTail(to, xMove ? loadTail(from, count) : one, count);
    return;
  }
  const rest: usize = (count << 2) - 16;
  for (let at: usize = 0; at < rest; at += 16) v128.store(to + at, xMove ? v128.load(from + at) : one);
  v128.store(to + rest, xMove ? v128.load(from + rest) : one);
}

/** `count` words, at least 1, `xMove` and `yMove` bytes apart. */
function copyRow(from: usize, xMove: usize, to: usize, yMove: usize, count: i32): void {
  if (yMove == 4) {
    if ((xMove & -5) == 0) {
      if (xMove && count > SHORT) memory.copy(to, from, count << 2);
      else copyShort(from, xMove, to, count);
      return;
    }
    for (; count >= 4; count -= 4) {
      let words: v128;
      if (xMove == -4) {
        words = v128.load(from - 12);
        words = v128.shuffle<i32>(words, words, 3, 2, 1, 0);
      } else {
        words = v128.load32_zero(from);
        words = v128.load_lane<u32>(from + xMove, words, 1);
        words = v128.load_lane<u32>(from + 2 * xMove, words, 2);
        words = v128.load_lane<u32>(from + 3 * xMove, words, 3);
      }
      v128.store(to, words);
      from += 4 * xMove;
      to += 16;
    }
  }
  for (; count > 0; count--) {
    store<u32>(to, load<u32>(from));
    from += xMove;
    to += yMove;
  }
}

/** `count` words to neighbours: from neighbours (xMove 4), or one word throughout (0). */
export function copyWords(from: usize, xMove: usize, to: usize, count: i32): void {
  if (count > 0) copyRow(from, xMove, to, 4, count);
}

/** y[yOffset + j · yStrides] = x[xOffset + j · xStrides] for j in shape; strides may be negative. Units are blocks of 512 elements. */
export function copy__strided(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CopyParams>(params);
  const rank = <i32>p.rank;
  const shape = params + offsetof<CopyParams>('shape0');
  const xStrides = params + offsetof<CopyParams>('xStrides0');
  const yStrides = params + offsetof<CopyParams>('yStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const xMove = load<i32>(xStrides + axis) << 2;
  const yMove = load<i32>(yStrides + axis) << 2;
  // Rows that lie evenly apart follow each other without a division.
  const rows = rank > 1 ? load<i32>(shape + axis - 4) : 1;
  const xRow = load<i32>(xStrides + axis - 4) << 2;
  const yRow = load<i32>(yStrides + axis - 4) << 2;
  const short = (xMove & -5) == 0 && yMove == 4 && inner <= SHORT;
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  let row = at / inner;
  let column = at - row * inner;
  while (at < stop) {
    let from = operand(o, 0) + ((p.xOffset + rowOffset(row, rank, shape, xStrides)) << 2) + column * xMove;
    let to = operand(o, 1) + ((p.yOffset + rowOffset(row, rank, shape, yStrides)) << 2) + column * yMove;
    for (let left = rows - row % rows; left > 0 && at < stop; left--) {
      const count = min(inner - column, stop - at);
      if (short) copyShort(from, xMove, to, count);
      else copyRow(from, xMove, to, yMove, count);
      at += count;
      from += xRow - column * xMove;
      to += yRow - column * yMove;
      column = 0;
      row++;
    }
  }
}

/** Rows and columns of a tile of `copy__transposed`; src/ops/strided.ts has the same number. */
const TILE: i32 = 64;
/** Bytes of a line of a tile in scratch, no power of two: lines at such a distance share their place in the cache. */
const PITCH: usize = (<usize>TILE << 2) + 16;
/** Rows that are fetched side by side: a core's prefetcher follows 16 streams at full speed, 32 at half of it. */
const STREAMS: i32 = 16;

/**
 * Brings rows of memory near, `move` bytes apart, by a load of each line of cache. Rows go on side by side, for what follows
 * a line is prefetched: so a line costs a third of what it costs where a tile comes to it. The words are written to `scratch`,
 * lest the loads be left out.
 */
function fetch(from: usize, move: usize, rows: i32, words: i32, scratch: usize): void {
  let seen = 0;
  for (; rows > 0; rows -= STREAMS) {
    const stop = from + (words << 2);
    for (let line = from; line < stop; line += 64) {
      let at = line;
      for (let row = min(rows, STREAMS); row > 0; row--) {
        seen |= load<i32>(at);
        at += move;
      }
    }
    from += STREAMS * move;
  }
  store<i32>(scratch, seen);
}

/** Transposes up to 64 rows of up to 64 words, `xMove` bytes apart, to lines `yMove` apart. */
// @ts-ignore: decorator
@inline
function copyTile(from: usize, xMove: usize, to: usize, yMove: usize, height: i32, width: i32, scratch: usize): void {
  const whole = width & ~3;
  let r = 0;
  for (; r + 4 <= height; r += 4) {
    let x = from + r * xMove;
    let place = scratch + (r << 2);
    for (let c = 0; c < whole; c += 4) {
      transpose4(x, xMove, place, PITCH);
      x += 16;
      place += 4 * PITCH;
    }
    for (let c = whole; c < width; c++) {
      copyRow(x, xMove, place, 4, 4);
      x += 4;
      place += PITCH;
    }
  }
  const bytes: usize = r << 2;
  for (let c = 0; bytes && c < width; c++) {
    const place = scratch + c * PITCH;
    const y = to + c * yMove;
    let at: usize = 0;
    for (; at + 64 <= bytes; at += 64) {
      v128.store(y + at, v128.load(place + at));
      v128.store(y + at, v128.load(place + at, 16), 16);
      v128.store(y + at, v128.load(place + at, 32), 32);
      v128.store(y + at, v128.load(place + at, 48), 48);
    }
    for (; at < bytes; at += 16) v128.store(y + at, v128.load(place + at));
  }
  for (; r < height; r++) copyRow(from + r * xMove, 4, to + (r << 2), yMove, width);
}

/**
 * The same where words that are neighbours in x along the last axis are neighbours in y along the axis before it, by tiles of
 * 64 by 64 of these two axes, turned over in scratch: x is read and y written by whole lines of cache. A unit is a tile.
 * Where x and y come from beyond the cache, a unit has a larger side: a square of 4 by 4 tiles, whose rows of x and of y, 1 KB
 * each and together half of a second-level cache, are fetched first.
 */
export function copy__transposed(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<TransposedParams>(params);
  const rank = <i32>p.rank - 2;
  const shape = params + offsetof<TransposedParams>('shape0');
  const xStrides = params + offsetof<TransposedParams>('xStrides0');
  const yStrides = params + offsetof<TransposedParams>('yStrides0');
  const rows = load<i32>(shape + (rank << 2));
  const columns = load<i32>(shape + (rank << 2), 4);
  const xMove = <usize>load<i32>(xStrides + (rank << 2)) << 2;
  const yMove = <usize>load<i32>(yStrides + (rank << 2), 4) << 2;
  const side = <i32>p.side;
  const across = (columns + side - 1) / side;
  const squares = (rows + side - 1) / side * across;
  for (let unit = begin; unit < end; unit++) {
    const plane = unit / squares;
    const square = unit - plane * squares;
    const top = square / across * side;
    const left = square % across * side;
    const height = min(rows - top, side);
    const width = min(columns - left, side);
    const from = operand(o, 0) + ((p.xOffset + rowOffset(plane, rank + 1, shape, xStrides)) << 2) + top * xMove + (left << 2);
    const to = operand(o, 1) + ((p.yOffset + rowOffset(plane, rank + 1, shape, yStrides)) << 2) + left * yMove + (top << 2);
    if (side > TILE) {
      fetch(from, xMove, height, width, scratch);
      fetch(to, yMove, width, height, scratch);
    }
    for (let r = 0; r < height; r += TILE) {
      for (let c = 0; c < width; c += TILE) {
        const x = from + r * xMove + (c << 2);
        const y = to + c * yMove + (r << 2);
        copyTile(x, xMove, y, yMove, min(height - r, TILE), min(width - c, TILE), scratch);
      }
    }
  }
}
