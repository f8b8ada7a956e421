// Convolution in NCHW as an implicit matrix product: filters are the left operand, patches the right, the pixels of a unit's
// images are merged into one column index. A unit sees x through its frame (conv2d_frame.ts), in which a table of byte
// offsets turns every tap of 8 neighbouring pixels into one load; only panels of 8 pixels that straddle a row or an
// image are packed, or all where kernels of 1 x 1 have so many filters that it costs less than reading channels that lie
// far apart. The input-gradient is the same kernel, with a launch for each phase of the stride.
// Where padding is as wide as the kernel reaches (the input-gradient of a convolution without padding), most of what taps
// see would be padding: a 5x5 kernel over 8x8 pixels multiplies 2.25 times what it needs. Then columns are spread: only
// pixels of x are multiplied, and a tap column's sums are added to y so many columns further right. Taps are in the order
// (column, row, channel), so that the rows of x that a row of y sees are one range of the sum.
import { ConvolveParams, PackFiltersParams } from '../build/params';
import { copyLine, fillFrame, tapOffsets, touchImages } from './conv2d_frame';
import { listPanels, packPanels } from './conv2d_panels';
import { multiplyPairs, multiplyPanels, multiplyThin, Panel, thinColumns } from './conv2d_tile';
import { operand, transpose4 } from './simd';
import { ADD, cut, RELU } from './tile';

/** Taps times panels that all tiles of filters go over before the next panels: what the first cache holds. */
const GROUP: i32 = 1536;

/** Filters into tiles of at most `most` rows [taps, rows]. Operands: weight, tiles. A unit is a tile of a group. */
function packFilters(most: i32, o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<PackFiltersParams>(params);
  const filters = <i32>p.filters;
  const plane = <i32>(p.kernelHeight * p.kernelWidth);
  const taps = <i32>p.channels * plane;
  const tiles = (filters + most - 1) / most;
  const stride = <usize>p.filterStride << 2;
  const contiguous = p.columnStride == 1 && p.rowStride == <i32>p.kernelWidth && p.channelStride == plane;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / tiles;
    const row = cut(filters, tiles, unit - group * tiles);
    const height = cut(filters, tiles, unit - group * tiles + 1) - row;
    let from = operand(o, 0) + ((p.first + group * p.groupStride) << 2) + row * stride;
    let to = operand(o, 1) + (((group * filters + row) * taps) << 2);
    if (contiguous && height >= 4) {
      // Rows 0 to 3 and, overlapping, the last four: stores of four need no bounds then.
      const step = <usize>height << 2;
      let tap = 0;
      for (; tap + 4 <= taps; tap += 4) {
        for (let r = 0; ; r = height - 4) {
          transpose4(from + r * stride, stride, to + (r << 2), step);
          if (r == height - 4) break;
        }
        from += 16;
        to += step << 2;
      }
      for (; tap < taps; tap++) {
        for (let r = 0; r < height; r++) store<f32>(to + (r << 2), load<f32>(from + r * stride));
        from += 4;
        to += step;
      }
      continue;
    }
    for (let channel = 0; channel < <i32>p.channels; channel++) {
      for (let r = 0; r < <i32>p.kernelHeight; r++) {
        let tap = from + ((r * p.rowStride) << 2);
        for (let s = 0; s < <i32>p.kernelWidth; s++) {
          let at = tap;
          for (let i = 0; i < height; i++) {
            store<f32>(to, load<f32>(at));
            at += stride;
            to += 4;
          }
          tap += p.columnStride << 2;
        }
      }
      from += p.channelStride << 2;
    }
  }
}

export function conv2d_pack_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { packFilters(4, o, p, begin, end); }
export function conv2d_pack_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { packFilters(6, o, p, begin, end); }

/** Puts `rows` rows of outWidth pixels in place; they are `lineBytes` apart. */
function putLines(p: ConvolveParams, from: usize, lineBytes: usize, rows: i32, to: usize): void {
  const step = <usize>p.stepWidth << 2;
  const down = (p.imageWidth * p.stepHeight) << 2;
  const together = step == 4 && lineBytes == down;
  const width = together ? rows * <i32>p.outWidth : <i32>p.outWidth;
  for (rows = together ? 1 : rows; rows > 0; rows--) {
    if (step == 4) {
      copyLine(from, 0, to, width, 1);
    } else {
      let at = to;
      for (let j = 0; j < width; j++) {
        store<f32>(at, load<f32>(from + (j << 2)));
        at += step;
      }
    }
    from += lineBytes;
    to += down;
  }
}

/**
 * Panels in which one of `images` images of `pixels` pixels ends: their places in `list`, where sums of whole panels are stored
 * straight to y, become those of staged ones; later these are put in place for `filters` filters `stride` bytes apart, images
 * `nextImage` bytes apart.
 */
function stageEnds(images: i32, pixels: i32, list: usize, staged: usize, y: usize): void {
  for (let end = pixels; images > 0; images--) {
    if (end & 7) {
      changetype<Panel>(list + (end >> 3) * offsetof<Panel>()).to = staged - y;
      staged += 32;
    }
    end += pixels;
  }
}

function putEnds(images: i32, pixels: i32, staged: usize, y: usize, filters: i32, stride: usize, nextImage: usize): void {
  const columns = images * pixels;
  for (let end = pixels; end <= columns; end += pixels) {
    if (end & 7) {
      for (let column = end & ~7; column < min(columns, (end | 7) + 1); column++) {
        let from = staged;
        let to = (column < end ? y + ((column - end + pixels) << 2) : y + nextImage + ((column - end) << 2));
        for (let filter = 0; filter < filters; filter++) {
          store<f32>(to, load<f32>(from));
          from += stride;
          to += stride;
        }
        staged += 4;
      }
      staged = (staged + 31) & ~31;
    }
    y += nextImage;
  }
}

/**
 * The same for one to three filters. The pixels of a row of the frame and of the next count as neighbours, with the columns
 * between them: what is computed there is dropped, and no panel straddles.
 */
function convolveThin(p: ConvolveParams, frame: usize, images: i32, rows: i32, table: usize, tiles: usize, bias: usize, staged: usize, y: usize): void {
  const filters = <i32>p.filters;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  const wide = thinColumns(filters);
  const count = ((rows - 1) * <i32>p.frameWidth + <i32>p.outWidth + wide - 1) / wide;
  const stride = <usize>(count * wide) << 2;
  for (let i = 0; i < images; i++) {
    for (let start = 0; start == 0 || start < taps; start += p.depth) {
      const depth = min(<i32>p.depth, taps - start);
      let mode = start > 0 ? ADD : 0;
      if (p.activation && start + depth == taps) mode |= RELU;
      multiplyThin(filters, count, frame, table + (start << 2), depth, tiles + ((start * filters) << 2), staged, stride, bias, mode);
    }
    for (let filter = 0; filter < filters; filter++) {
      const to = y + ((((i * <i32>p.groups) * filters + filter) * <i32>(p.imageHeight * p.imageWidth)) << 2);
      putLines(p, staged + filter * stride, p.frameWidth << 2, rows, to);
    }
    frame += p.imageBytes;
  }
}

/**
 * y [batch, groups · filters, imageHeight, imageWidth], or a phase of it. Operands: x, packed filters, bias or none, y,
 * mask of x or none. Units are counted over images, rows, groups and parts of the tiles of filters; a frame is filled
 * once for all units that follow each other and share it.
 */
function convolve(most: i32, o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<ConvolveParams>(params);
  const filters = <i32>p.filters;
  const channels = <i32>p.channels;
  const taps = <i32>(p.channels * p.kernelHeight * p.kernelWidth);
  const parts = <i32>p.parts;
  const tiles = (filters + most - 1) / most;
  const tilesPerPart = (tiles + parts - 1) / parts;
  const bands = <i32>((p.outHeight + p.rows - 1) / p.rows);
  const block = <i32>p.depth;
  const table = scratch + (filters << 2);
  const steps = table + (taps << 2);
  const list = steps + (taps << 2);
  const odd = list + ((p.images * p.rows * p.outWidth + 7) >> 3) * offsetof<Panel>();
  const packed = scratch + p.panelsAt;
  const staged = scratch + p.stagedAt;
  const plane = <i32>(p.imageHeight * p.imageWidth);
  const limit = p.copies ? <usize>0xffffffff : operand(o, 0) + ((p.batch * p.groups * p.channels * p.height * p.width) << 2);
  memory.fill(scratch, 0, filters << 2);
  tapOffsets(p, channels, table);
  for (let tap = 0, step = 0; tap < taps; tap++) {
    store<u32>(steps + (tap << 2), step);
    step += 32;
    if (step == block << 5) step = 0;
  }
  let filled = -1;
  let frame: usize = 0;
  let oddEnd: usize = 0;
  for (let unit = begin; unit < end; unit++) {
    const view = unit / parts;
    const part = unit - view * parts;
    const place = view / <i32>p.groups;
    const group = view - place * <i32>p.groups;
    const share = place / bands;
    const image = share * <i32>p.images;
    const row = (place - share * bands) * <i32>p.rows;
    const images = min(<i32>p.images, <i32>p.batch - image);
    const rows = min(<i32>p.rows, <i32>p.outHeight - row);
    const columns = images * <i32>(p.spread ? p.frameWidth : rows * p.outWidth);
    const panels = (columns + 7) >> 3;
    const fresh = view != filled;
    if (fresh) {
      filled = view;
      // Where columns are spread the frame is all rows of x.
      const line = p.spread ? 0 : row * <i32>p.strideHeight - p.top;
      if (p.copies) {
        if (!frame) memory.fill(scratch + p.frameAt, 0, p.images * p.imageBytes);
        frame = scratch + p.frameAt;
        fillFrame(p, operand(o, 0), operand(o, 4), image, images, group * channels, channels, line, frame);
      } else {
        frame = operand(o, 0) + ((((image * p.groups + group) * channels * p.height + line) * p.width) << 2);
        if (rows == <i32>p.outHeight && !p.packs) touchImages(images, frame, p.imageBytes, channels * p.channelBytes, limit, staged);
      }
    }
    const weights = operand(o, 1) + ((group * filters * taps) << 2);
    const bias = operand(o, 2) ? operand(o, 2) + ((group * filters) << 2) : scratch;
    const first = part * tilesPerPart;
    const last = min(tiles, first + tilesPerPart);
    const firstFilter = cut(filters, tiles, first);
    const lastFilter = cut(filters, tiles, last);
    const y = operand(o, 3) + (((image * p.groups + group) * filters * plane + (p.firstRow + row * p.stepHeight) * p.imageWidth + p.firstColumn) << 2);
    if (p.thin) {
      convolveThin(p, frame, images, rows, table, weights, bias, staged, y);
      continue;
    }
    const pixels = rows * <i32>p.outWidth;
    const inPlace = p.stepWidth == 1 && p.stepHeight == 1 && p.outWidth == p.imageWidth && !p.spread;
    const whole = images == 1 && (columns & 7) == 0;
    const straight = inPlace && (whole || (rows == <i32>p.outHeight && images << 3 <= plane));
    const nextImage = (<i32>p.groups * filters * plane) << 2;
    const gap = straight ? nextImage - (pixels << 2) : p.spread ? (rows * (p.outWidth + p.frameWidth - p.width) - p.frameWidth) << 2 : 0;
    const lineBytes = (p.spread ? p.outWidth + p.frameWidth - p.width : p.outWidth) << 2;
    const stride = straight ? plane << 2 : p.spread ? images * rows * lineBytes : panels << 5;
    let to = straight ? y + firstFilter * stride : staged;
    let from = frame;
    let low = 0;
    let high = taps;
    if (p.spread) {
      memory.fill(staged, 0, (lastFilter - firstFilter) * stride);
      from -= (p.top * p.frameWidth) << 2;
    }
    for (let line = 0; line < (p.spread ? rows : 1); line++) {
      if (p.spread) {
        const above = <i32>p.top - line;
        low = (max(0, above + <i32>p.dilationHeight - 1) / <i32>p.dilationHeight) * channels;
        high = min(taps, ((<i32>p.height - 1 + above) / <i32>p.dilationHeight + 1) * channels);
      }
      if (fresh || p.spread) oddEnd = listPanels(p, from, rows, columns, list, table, steps, packed, odd, gap);
      if (straight && !whole) stageEnds(images, pixels, list, staged, to);
      for (let s = 0; s == 0 || s < <i32>p.spread; s++) {
        let start = low;
        do {
          const depth = min(block, high - start);
          let mode = start > 0 || p.spread ? ADD : 0;
          if (p.activation && start + depth == taps) mode |= RELU;
          const skip = <usize>start << 2;
          if (p.packs && rows == <i32>p.outHeight) touchImages(images, frame + start * p.channelBytes, p.imageBytes, depth * p.channelBytes, limit, packed);
          packPanels(p, frame, rows, columns, table + skip, depth, odd, oddEnd, limit);
          const span = max(8, GROUP / max(1, depth));
          for (let panel = 0; panel < panels; panel += span) {
            const count = min(span, panels - panel);
            const at = list + panel * offsetof<Panel>();
            for (let tile = first; tile < last; tile++) {
              const filter = cut(filters, tiles, tile);
              const height = cut(filters, tiles, tile + 1) - filter;
              const a = weights + (((s * filters + filter) * taps) << 2) + skip * height;
              const c = to + (filter - firstFilter) * stride + ((s * p.dilationWidth) << 2);
              if (p.pairs) multiplyPairs(height, count, at, skip, depth, a, c, stride, bias + (filter << 2), mode);
              else multiplyPanels(height, count, at, skip, depth, a, c, stride, bias + (filter << 2), mode);
            }
          }
          start += block;
        } while (start < high);
      }
      from += p.frameWidth << 2;
      to += lineBytes;
    }
    if (straight) {
      if (!whole) putEnds(images, pixels, staged, y + firstFilter * stride, lastFilter - firstFilter, stride, nextImage);
      continue;
    }
    for (let i = 0; i < images; i++) {
      for (let filter = firstFilter; filter < lastFilter; filter++) {
        const from = staged + (filter - firstFilter) * stride + i * rows * lineBytes;
        putLines(p, from, lineBytes, rows, y + ((((i * p.groups) * filters + filter) * plane) << 2));
      }
    }
  }
}

export function conv2d_f32__4x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { convolve(4, o, p, s, begin, end); }
export function conv2d_f32__6x8(o: usize, p: usize, s: usize, begin: i32, end: i32): void { convolve(6, o, p, s, begin, end); }
