// Images [planes, height, width] at another size [planes, outHeight, outWidth]. Along an axis output i reads element
// floor(i · scale); or, where linear, the element at (step · i + start) / per, in whole numbers, and the next one.
import { ResizeParams } from '../build/params';
import { operand } from './simd';

/** Offsets of an output's two elements along an axis, in units of `bytes`, and their weights: 16 bytes at `to`. */
// @ts-ignore: decorator
@inline
function locate(i: i32, size: i32, step: i32, start: i32, per: i32, bytes: i32, to: usize): void {
  const at = max(step * i + start, 0);
  const lower = min(at / per, size - 1);
  const rest = min(at - lower * per, per);
  store<i32>(to, lower * bytes);
  store<i32>(to, min(lower + 1, size - 1) * bytes, 4);
  store<f32>(to, <f32>(per - rest) / <f32>per, 8);
  store<f32>(to, <f32>rest / <f32>per, 12);
}

/** The offset of the nearest element alone. */
// @ts-ignore: decorator
@inline
function locateNearest(i: i32, size: i32, scale: f32, bytes: i32, to: usize): void {
  store<i32>(to, min(<i32>Mathf.floor(<f32>i * scale), size - 1) * bytes);
}

function locateRow(p: ResizeParams, row: i32, to: usize): void {
  const bytes = <i32>p.width << 2;
  if (p.linearRows) locate(row, <i32>p.height, p.rowStep, p.rowStart, p.rowPer, bytes, to);
  else locateNearest(row, <i32>p.height, p.rowScale, bytes, to);
}

/** Places of all columns. */
function locateColumns(p: ResizeParams, table: usize): void {
  const width = <i32>p.width;
  for (let i = 0; i < <i32>p.outWidth; i++) {
    const to = table + (i << 4);
    if (p.linearColumns) locate(i, width, p.columnStep, p.columnStart, p.columnPer, 4, to);
    else locateNearest(i, width, p.columnScale, 4, to);
  }
}

/** What one row of x is at the place of a column. */
// @ts-ignore: decorator
@inline
function along(linear: bool, x: usize, place: usize): f32 {
  const a = load<f32>(x + load<i32>(place));
  if (!linear) return a;
  return load<f32>(place, 8) * a + load<f32>(place, 12) * load<f32>(x + load<i32>(place, 4));
}

/** Operands: x, y. A unit is a row of y; scratch holds 16 bytes per column, and 16 for the row. */
export function resize_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<ResizeParams>(params);
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const linear = p.linearColumns != 0;
  const row = scratch + (outWidth << 4);
  locateColumns(p, scratch);
  for (let unit = begin; unit < end; unit++) {
    const plane = unit / outHeight;
    locateRow(p, unit - plane * outHeight, row);
    const x = operand(o, 0) + ((plane * <i32>(p.height * p.width)) << 2);
    const upper = x + load<i32>(row);
    const y = operand(o, 1) + ((unit * outWidth) << 2);
    if (!p.linearRows) {
      for (let i = 0; i < outWidth; i++) store<f32>(y + (i << 2), along(linear, upper, scratch + (i << 4)));
      continue;
    }
    const lower = x + load<i32>(row, 4);
    const above = load<f32>(row, 8);
    const below = load<f32>(row, 12);
    for (let i = 0; i < outWidth; i++) {
      const place = scratch + (i << 4);
      store<f32>(y + (i << 2), above * along(linear, upper, place) + below * along(linear, lower, place));
    }
  }
}

/** Adds dy to what `along` read. */
// @ts-ignore: decorator
@inline
function spread(linear: bool, dx: usize, place: usize, dy: f32): void {
  const a = dx + load<i32>(place);
  if (!linear) {
    store<f32>(a, load<f32>(a) + dy);
    return;
  }
  store<f32>(a, load<f32>(a) + load<f32>(place, 8) * dy);
  const b = dx + load<i32>(place, 4);
  store<f32>(b, load<f32>(b) + load<f32>(place, 12) * dy);
}

/** Operands: dy, dx. A unit is a plane; scratch as above. */
export function resize_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<ResizeParams>(params);
  const outWidth = <i32>p.outWidth;
  const outHeight = <i32>p.outHeight;
  const linear = p.linearColumns != 0;
  const size = <i32>(p.height * p.width) << 2;
  const row = scratch + (outWidth << 4);
  locateColumns(p, scratch);
  for (let plane = begin; plane < end; plane++) {
    const dx = operand(o, 1) + plane * size;
    memory.fill(dx, 0, size);
    let dy = operand(o, 0) + ((plane * outHeight * outWidth) << 2);
    for (let oy = 0; oy < outHeight; oy++) {
      locateRow(p, oy, row);
      const upper = dx + load<i32>(row);
      const lower = dx + load<i32>(row, 4);
      const above = p.linearRows ? load<f32>(row, 8) : 1.0;
      const below = load<f32>(row, 12);
      for (let i = 0; i < outWidth; i++) {
        const place = scratch + (i << 4);
        spread(linear, upper, place, above * load<f32>(dy));
        if (p.linearRows) spread(linear, lower, place, below * load<f32>(dy));
        dy += 4;
      }
    }
  }
}
