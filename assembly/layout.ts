// Copies of 32-bit words between strided places: permute, broadcastTo, slice, pad, concat and their like. Rows of neighbours
// are copied as they are, one word that fills a row is spread, and a transposition goes by tiles of 4 by 4 through registers.
import { CopyParams } from '../build/params';
import { operand, transpose4 } from './simd';
import { first, last, rowOffset } from './walk';

/** `count` words, `xMove` and `yMove` bytes apart. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, xMove: usize, to: usize, yMove: usize, count: i32): void {
  if (yMove == 4) {
    if (xMove == 4 && count > 64) {
      memory.copy(to, from, count << 2);
      return;
    }
    if (xMove == 4 || xMove == 0) {
      for (; count >= 4; count -= 4) {
        v128.store(to, xMove ? v128.load(from) : v128.load32_splat(from));
        from += 4 * xMove;
        to += 16;
      }
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
  copyRow(from, xMove, to, 4, count);
}

/** y[yOffset + j · yStrides] = x[xOffset + j · xStrides] for j in shape; strides may be negative. Units are blocks of 512 elements. */
export function copy__strided(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<CopyParams>(params);
  const x = operand(o, 0) + (p.xOffset << 2);
  const y = operand(o, 1) + (p.yOffset << 2);
  const rank = <i32>p.rank;
  const shape = params + offsetof<CopyParams>('shape0');
  const xStrides = params + offsetof<CopyParams>('xStrides0');
  const yStrides = params + offsetof<CopyParams>('yStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const xMove = load<i32>(xStrides + axis);
  const yMove = load<i32>(yStrides + axis);
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    const from = x + ((rowOffset(row, rank, shape, xStrides) + column * xMove) << 2);
    const to = y + ((rowOffset(row, rank, shape, yStrides) + column * yMove) << 2);
    copyRow(from, xMove << 2, to, yMove << 2, count);
    at += count;
  }
}

/** Rows and columns of one unit of `copy__transposed`; src/ops/strided.ts plans with the same number. */
const TILE: i32 = 64;
/** Bytes of a line of a tile in scratch, no power of two: lines at such a distance share their place in the cache. */
const PITCH: usize = (<usize>TILE << 2) + 16;

/**
 * The same where words that are neighbours in x along the last axis are neighbours in y along the axis before it. Units are
 * tiles of 64 by 64 of these two axes, turned over in scratch: x is read and y written by whole lines of cache.
 */
export function copy__transposed(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CopyParams>(params);
  const rank = <i32>p.rank - 2;
  const shape = params + offsetof<CopyParams>('shape0');
  const xStrides = params + offsetof<CopyParams>('xStrides0');
  const yStrides = params + offsetof<CopyParams>('yStrides0');
  const rows = load<i32>(shape + (rank << 2));
  const columns = load<i32>(shape + (rank << 2), 4);
  const xMove = <usize>load<i32>(xStrides + (rank << 2)) << 2;
  const yMove = <usize>load<i32>(yStrides + (rank << 2), 4) << 2;
  const across = (columns + TILE - 1) / TILE;
  const tiles = (rows + TILE - 1) / TILE * across;
  for (let unit = begin; unit < end; unit++) {
    const plane = unit / tiles;
    const tile = unit - plane * tiles;
    const top = tile / across * TILE;
    const left = tile % across * TILE;
    const height = min(rows - top, TILE);
    const width = min(columns - left, TILE);
    const from = operand(o, 0) + ((p.xOffset + rowOffset(plane, rank + 1, shape, xStrides)) << 2) + top * xMove + (left << 2);
    const to = operand(o, 1) + ((p.yOffset + rowOffset(plane, rank + 1, shape, yStrides)) << 2) + left * yMove + (top << 2);
    const whole = width & ~3;
    let r = 0;
    for (; r + 4 <= height; r += 4) {
      const line = from + r * xMove;
      const place = scratch + (r << 2);
      for (let c = 0; c < whole; c += 4) transpose4(line + (c << 2), xMove, place + c * PITCH, PITCH);
      for (let c = whole; c < width; c++) copyRow(line + (c << 2), xMove, place + c * PITCH, 4, 4);
    }
    for (; r < height; r++) copyRow(from + r * xMove, 4, scratch + (r << 2), PITCH, width);
    for (let c = 0; c < width; c++) copyRow(scratch + c * PITCH, 4, to + c * yMove, 4, height);
  }
}
