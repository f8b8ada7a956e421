// The right operand of the convolution: panels of 8 pixels, read where they lie in the frame, or packed where they straddle
// the end of a row or of an image.
import { ConvolveParams } from '../build/params';
import { Panel } from './conv2d_tile';

/** A panel of 8 pixels that straddles: a run of pixels that lie side by side in the frame, and the next one. */
// @ts-ignore: decorator
@unmanaged
class Straddling {
  /** Where it is packed; its first pixel, counted over the unit's. */
  packed: usize;
  column: i32;
  /** Addresses of the runs in the frame, and bytes of the first. */
  first: usize;
  second: usize;
  bytes: usize;
}

/** Address in the frame of pixel `column`, counted over `rows` rows of each image. */
function corner(p: ConvolveParams, frame: usize, rows: i32, column: i32): usize {
  const line = column / <i32>p.outWidth;
  const image = line / rows;
  const down = (line - image * rows) * <i32>(p.strideHeight / p.frameStepHeight);
  const pixel = down * <i32>p.frameWidth + (column - line * <i32>p.outWidth) * <i32>(p.strideWidth / p.frameStepWidth);
  return frame + image * p.imageBytes + (pixel << 2);
}

/**
 * Where each of the panels of `columns` pixels is read: in the frame through `table`, or packed through `steps`. Gives the
 * end of the list of those that straddle, or of all if all are packed. Where the frame is as wide as the output, the rows of
 * an image are one; where pixels are a stride apart in the frame, every panel is packed; where columns are spread, an image is
 * one row of the frame, and a row of its sums is longer.
 */
export function listPanels(p: ConvolveParams, frame: usize, rows: i32, columns: i32, list: usize, table: usize, steps: usize, packed: usize, odd: usize, gap: usize): usize {
  const apart = p.strideWidth != p.frameStepWidth;
  const whole = p.frameWidth == p.outWidth || p.spread;
  const lines = whole ? 1 : rows;
  const width = p.spread ? <i32>p.frameWidth : whole ? rows * <i32>p.outWidth : <i32>p.outWidth;
  const lineBytes = <usize>p.frameWidth << 2;
  const nextImage = p.imageBytes - (lines - 1) * lineBytes;
  let line = 0;
  let at = 0;
  let to: usize = 0;
  for (let column = 0; column < columns; column += 8) {
    const from = frame + (at << 2);
    const run = width - at;
    const straddles = apart || p.packs || run < 8 || column + 8 > columns;
    const entry = changetype<Panel>(list);
    entry.from = straddles ? packed : from;
    entry.table = straddles ? steps : table;
    entry.to = to;
    to += 32;
    list += offsetof<Panel>();
    if (straddles) {
      const panel = changetype<Straddling>(odd);
      const count = min(8, columns - column);
      panel.packed = packed;
      panel.column = column;
      panel.first = from;
      panel.second = apart ? 0 : run >= count ? from : run + width < count ? 0 : frame + (line + 1 == lines ? nextImage : lineBytes);
      panel.bytes = <usize>min(run, 8) << 2;
      odd += offsetof<Straddling>();
      packed += (p.depth << 5) + 32;
    }
    for (at += 8; at >= width; at -= width) {
      const next = line + 1 == lines;
      if (next) to += gap;
      line = next ? 0 : line + 1;
      frame += next ? nextImage : lineBytes;
    }
  }
  return odd;
}

/** Packs `depth` taps of `table` of the panels from `odd` to `end`; `limit` ends what may be read. */
export function packPanels(p: ConvolveParams, frame: usize, rows: i32, columns: i32, table: usize, depth: i32, odd: usize, end: usize, limit: usize): void {
  const last = table + (depth << 2);
  for (; odd < end; odd += offsetof<Straddling>()) {
    const panel = changetype<Straddling>(odd);
    const x0 = panel.first;
    const x1 = panel.second;
    let to = panel.packed;
    if (x1 && max(x0, x1) + load<u32>(last - 4) + 32 <= limit) {
      // What a run stores too much, the next one or the next tap overwrites.
      const second = panel.bytes;
      for (let at = table; at < last; at += 4) {
        const offset = load<u32>(at);
        v128.store(to, v128.load(x0 + offset));
        v128.store(to, v128.load(x0 + offset, 16), 16);
        if (x1 != x0) {
          v128.store(to + second, v128.load(x1 + offset));
          v128.store(to + second, v128.load(x1 + offset, 16), 16);
        }
        to += 32;
      }
      continue;
    }
    // Four columns at a time.
    const most = columns - 1;
    for (let column = panel.column; column < panel.column + 8; column += 4) {
      const c0 = corner(p, frame, rows, min(column, most));
      const c1 = corner(p, frame, rows, min(column + 1, most));
      const c2 = corner(p, frame, rows, min(column + 2, most));
      const c3 = corner(p, frame, rows, min(column + 3, most));
      let at4 = to;
      for (let at = table; at < last; at += 4) {
        const offset = load<u32>(at);
        store<f32>(at4, load<f32>(c0 + offset));
        store<f32>(at4, load<f32>(c1 + offset), 4);
        store<f32>(at4, load<f32>(c2 + offset), 8);
        store<f32>(at4, load<f32>(c3 + offset), 12);
        at4 += 32;
      }
      to += 16;
    }
  }
}
