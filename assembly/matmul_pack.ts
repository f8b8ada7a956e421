// What a product reads often is brought into the order in which it is read: b into panels of 8 columns, a transposed a
// into contiguous rows.
import { MatmulPackParams } from '../build/params';
import { loadTail, loadUpTo, operand, splat, transpose4 } from './simd';

/**
 * to[x, y] = from[y, x]: rows of `xs` words a `stride` of bytes apart become rows of `ys` words `step` bytes apart. By 16
 * rows, since in the first cache there is no room for more whose stride is a large power of two.
 */
export function transpose(from: usize, stride: usize, xs: i32, ys: i32, to: usize, step: usize): void {
  for (let first = 0; first < ys; first += 16) {
    const last = min(ys, first + 16);
    for (let x = 0; x < xs; x += 4) {
      const source = from + (x << 2);
      const target = to + x * step;
      let y = first;
      if (x + 4 <= xs) for (; y + 4 <= last; y += 4) transpose4(source + y * stride, stride, target + (y << 2), step);
      for (; y < last; y++) {
        for (let i = 0; i < min(4, xs - x); i++) store<f32>(target + i * step + (y << 2), load<f32>(source + y * stride + (i << 2)));
      }
    }
  }
}

/** [rows, columns] stored as [columns, rows] becomes contiguous rows. A unit is 16 of them, a line of the cache. */
export function matmul_pack_a_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulPackParams>(params);
  const rows = <i32>p.rows;
  const columns = <i32>p.columns;
  const perBatch = (rows + 15) >> 4;
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / perBatch;
    const row = (unit - batch * perBatch) << 4;
    const first = batch * rows * columns;
    transpose(operand(o, 0) + ((first + row) << 2), rows << 2, min(16, rows - row), columns, operand(o, 1) + ((first + row * columns) << 2), columns << 2);
  }
}

/**
 * [rows, columns], or its transpose, into panels [⌈columns / 8⌉, rows, 8]; columns beyond the last are zero. A unit is
 * two panels, a line of the cache.
 */
export function matmul_pack_b_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MatmulPackParams>(params);
  const rows = <i32>p.rows;
  const columns = <i32>p.columns;
  const panels = (columns + 7) >> 3;
  const perBatch = (panels + 1) >> 1;
  const panelBytes = <usize>rows << 5;
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / perBatch;
    const panel = (unit - batch * perBatch) << 1;
    const from = operand(o, 0) + ((batch * rows * columns) << 2);
    let to = operand(o, 1) + (batch * panels + panel) * panelBytes;
    let column = panel << 3;
    const last = min(column + 16, columns);
    if (p.transposed) {
      for (; column < last; column += 8) {
        const count = min(8, columns - column);
        if (count < 8) memory.fill(to, 0, panelBytes);
        transpose(from + ((column * rows) << 2), rows << 2, rows, count, to, 32);
        to += panelBytes;
      }
    } else {
      const whole = (last - column) >> 3;
      for (let row = 0; row < rows; row++) {
        const source = from + ((row * columns + column) << 2);
        const target = to + (row << 5);
        for (let i = 0; i < whole; i++) {
          v128.store(target + i * panelBytes, v128.load(source + (i << 5)));
          v128.store(target + i * panelBytes, v128.load(source + (i << 5), 16), 16);
        }
      }
      column += whole << 3;
      if (column < last) packEdge(from + (column << 2), columns << 2, rows, last - column, to + whole * panelBytes);
    }
  }
}

/** The first `count` (1 to 7) columns of `rows` rows as one panel. */
export function packEdge(from: usize, stride: usize, rows: i32, count: i32, to: usize): void {
  for (let row = 0; row < rows; row++) {
    v128.store(to, loadUpTo(from, count));
    v128.store(to, count > 4 ? loadTail(from + 16, count - 4) : splat(0.0), 16);
    from += stride;
    to += 32;
  }
}
