import type { Params } from '../op.js';
import { type Geometry, gcd } from './conv2d_geometry.js';
import { costOfTurns } from './unit_turns.js';

/** A convolution as the wasm kernels take it: what is read, with zeros where it ends, and where its pixels are stored. */
export interface Convolution
  extends Omit<Geometry, 'hasBias' | 'activation' | 'hasMask'>,
    Readonly<Record<'imageHeight' | 'imageWidth' | 'firstRow' | 'firstColumn', number>> {
  readonly stepHeight: number;
  readonly stepWidth: number;
  /** Tap columns whose sums are spread over columns of the result (then the kernel is one column wide), or 0. */
  readonly spread: number;
}

/** A call of a kernel over frames: its parameters, its units and the scratch memory that one thread needs. */
export interface Framed {
  readonly params: Params;
  readonly units: number;
  readonly scratch: number;
  /** How many units share no pixels. */
  readonly shares: number;
}

/** Most taps of a block of the sum, and most rows of a tile. */
const DEPTH = 400;
/** Taps whose sums the weight-gradient keeps at a time, and most panels of 8 filters that share them. */
const TAPS = 48;
const PANELS = 4;
/** Bytes of a page of memory. */
const PAGE = 4096;
/** Bytes of scratch memory that stay in the cache. */
const CACHE = 1 << 20;

const up = (value: number, step: number) => Math.ceil(value / step) * step;
const near = (length: number, most: number) => Math.ceil(length / Math.max(1, Math.ceil(length / most)));
/** Rows and columns that the taps of one pixel span. */
const reach = (c: Convolution) => ({
  height: c.dilationHeight * (c.kernelHeight - 1),
  width: c.dilationWidth * (c.kernelWidth - 1),
});

/** Whether a tap lies outside x. */
function leaves(c: Convolution): boolean {
  const { height, width } = reach(c);
  return (
    c.top > 0 ||
    c.left > 0 ||
    (c.outHeight - 1) * c.strideHeight + height - c.top >= c.height ||
    (c.outWidth - 1) * c.strideWidth + width - c.left >= c.width
  );
}

/** The frame of `rows` rows of pixels: a plane for each phase of a step between x's rows and columns. */
function frame(c: Convolution, copies: boolean, phases: boolean, rows: number) {
  const [stepHeight, stepWidth] = phases ? [c.strideHeight, c.strideWidth] : [1, 1];
  const span = reach(c);
  const phaseRows = Math.min(stepHeight, span.height + 1);
  const phaseColumns = Math.min(stepWidth, span.width + 1);
  const lines = c.spread
    ? c.height
    : (rows - 1) * (c.strideHeight / stepHeight) + Math.floor(span.height / stepHeight) + 1;
  const columns = c.spread
    ? up(c.width, 8)
    : (c.outWidth - 1) * (c.strideWidth / stepWidth) + Math.floor(span.width / stepWidth) + 1;
  // Zeros right of a row are those left of the next.
  const zeros = Math.max(0, Math.min(c.left, columns - c.left - c.width, span.width));
  const shared = stepWidth === 1 && !c.spread ? zeros : 0;
  const frameRows = copies ? lines : c.height;
  const frameWidth = copies ? columns - shared : c.width;
  // An odd number of cache lines keeps the channels of a pixel apart in the cache.
  const plane = phaseRows * phaseColumns * frameRows * frameWidth + shared;
  const channelBytes = copies ? up(4 * plane, 64) + (up(4 * plane, 64) % 128 === 0 ? 64 : 0) : 4 * plane;
  return {
    copies: Number(copies),
    frameStepHeight: stepHeight,
    frameStepWidth: stepWidth,
    ...{ phaseRows, phaseColumns, frameRows, frameWidth, channelBytes },
  };
}

/** Rows, whole panels where possible, so that a unit has about `most` pixels. */
function rowsOf(c: Convolution, most: number): number {
  const step = 8 / gcd(8, c.outWidth);
  const wanted = Math.max(1, Math.floor(most / c.outWidth));
  const rows = Math.ceil(c.outHeight / Math.ceil(c.outHeight / wanted));
  return Math.min(c.outHeight, up(rows, step));
}

/** Images and rows of a unit of about `pixels` pixels. */
function share(c: Convolution, pixels: number): { images: number; rows: number } {
  const plane = c.outHeight * c.outWidth;
  if (plane > pixels && !c.spread) return { images: 1, rows: rowsOf(c, pixels) };
  const images = near(c.batch, Math.max(1, Math.floor(pixels / plane)));
  return { images: Math.max(1, images), rows: c.outHeight };
}

const sharesOf = (c: Convolution, { images, rows }: { images: number; rows: number }) =>
  Math.ceil(c.batch / images) * Math.ceil(c.outHeight / rows);

/** Most columns of a tile of few filters. */
const THIN = 40;
/** Slack behind a frame: a panel is loaded whole though only its first pixels count. */
const SLACK = 256;

/** Panels of a unit that straddle a row or an image; where the frame is as wide as the output, rows are one. */
function straddling(
  c: Convolution,
  frameWidth: number,
  apart: boolean,
  images: number,
  rows: number,
): number {
  if (apart) return Math.ceil((images * rows * c.outWidth) / 8);
  if (frameWidth === c.outWidth) return images;
  return c.outWidth % 8 === 0 ? 0 : Math.min(images * rows, Math.ceil((images * rows * c.outWidth) / 8));
}

/** What the candidates for the units of a convolution share. */
interface Task {
  readonly c: Convolution;
  readonly tile: number;
  readonly thin: boolean;
  readonly copies: boolean;
  readonly taps: number;
  readonly depth: number;
}

/**
 * One way to cut a convolution into units: about `pixels` pixels, and one of `wanted` parts of the filters; all panels of
 * pixels packed, or only those that straddle.
 */
function candidate(
  { c, tile, thin, copies, taps, depth }: Task,
  pixels: number,
  wanted: number,
  packs: boolean,
) {
  const unit = share(c, pixels);
  const view = frame(c, copies, copies, unit.rows);
  const apart = view.frameStepWidth !== c.strideWidth;
  const inPlace = 4 * c.groups * c.channels * c.height * c.width;
  const imageBytes = copies ? c.channels * view.channelBytes : inPlace;
  const pitch = c.spread ? c.outWidth - c.width + view.frameWidth : c.outWidth;
  const panels = Math.ceil((unit.images * unit.rows * pitch) / 8);
  const odd = c.spread ? 0 : packs ? panels : straddling(c, view.frameWidth, apart, unit.images, unit.rows);
  const tiles = Math.max(1, Math.ceil(c.filters / tile));
  const tilesPerPart = Math.ceil(tiles / wanted);
  const parts = Math.ceil(tiles / tilesPerPart);
  const filters = Math.min(c.filters, tilesPerPart * tile);
  const panelsAt = up(4 * c.filters + 8 * taps + 32 * panels, 64);
  const stagedAt = up(panelsAt + odd * (32 * depth + 32), 64);
  const frameAt = up(stagedAt + 4 * filters * (thin ? unit.rows * view.frameWidth + THIN : 8 * panels), 64);
  const scratch = frameAt + (copies ? unit.images * imageBytes : 0) + SLACK;
  const shares = sharesOf(c, unit);
  const units = c.filters && shares * c.groups * parts;
  // Cycles as measured. Of a filter: products, their ends, what is read from memory; of a part: packing and set-up.
  const weights = 4 * taps * c.filters;
  const multiplied = c.spread
    ? (panels * c.spread * c.height * view.frameWidth) / (unit.rows * pitch)
    : panels;
  // In x itself a tap's channels lie apart: more slowly read, above all in pages of their own or not whole vectors apart.
  const apartRate = view.channelBytes % 16 > 0 ? 1.13 : view.channelBytes >= PAGE ? 1.1 : 1.05;
  const ofFilter =
    multiplied * (taps * (copies || packs ? 1 : apartRate) + 4 * Math.ceil(taps / depth)) +
    4 * taps * (weights > CACHE / 2 ? 0.2 : 0.05);
  const ofPart = 5 * taps * odd + 500;
  const costs = Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((at) =>
      Math.min(c.filters, at * tilesPerPart * (c.filters / tiles)),
    );
    return (to! - from!) * ofFilter + ofPart;
  });
  // What the cache does not hold comes from further off.
  const excess = Math.max(0, scratch / CACHE - 0.75);
  const turns = {
    start: 8 * taps,
    views: shares * c.groups,
    fill: copies ? 0.2 * unit.images * imageBytes : 0,
    costs,
  };
  const cost = costOfTurns(turns) * (1 + 0.2 * excess);
  const places = { imageBytes, panelsAt, stagedAt, frameAt };
  return {
    cost,
    shares,
    units,
    scratch,
    params: { ...unit, ...view, ...places, channelParts: 1, parts, packs: Number(packs) },
  };
}

/** The convolution itself: `tile` is the most filters of a tile. */
export function frameForward(c: Convolution, tile: number, masked: boolean): Framed {
  const taps = c.channels * c.kernelHeight * c.kernelWidth;
  const depth = Math.max(1, near(taps, DEPTH));
  // Where no tap of a row is another pixel's, a frame would be read once: panels are packed from x itself.
  const strided =
    (c.strideHeight > 1 || c.strideWidth > 1) && (c.strideWidth < 3 || c.kernelWidth > c.strideWidth);
  const thin = c.filters <= 3 && taps > c.channels;
  const outside = c.spread ? c.width % 8 > 0 : leaves(c) || c.top < 0 || c.left < 0;
  // Channels 4096 bytes apart would all be in one set of the first cache.
  const copies = thin || masked || strided || outside || (c.height * c.width) % 1024 === 0;
  const task: Task = { c, tile, thin, copies, taps, depth };
  const most = Math.max(1, Math.ceil(c.filters / tile));
  // With more taps than channels a pixel would be packed several times.
  const packing = taps === c.channels && !copies && !c.spread ? [false, true] : [false];
  const candidates = [1536, 1024, 768, 512, 448, 384, 320, 256, 192, 128, 96, 64, 32].flatMap((pixels) =>
    [1, 2, 3, 4, 6, 8, 12]
      .filter((parts) => parts <= most)
      .flatMap((parts) => packing.map((packs) => candidate(task, pixels, parts, packs))),
  );
  const { params, units, scratch, shares } = candidates.reduce((a, b) => (b.cost < a.cost ? b : a));
  return {
    params: { ...c, ...params, activation: 0, thin: Number(thin), depth },
    ...{ units, scratch, shares },
  };
}

/**
 * The same convolution with its tap columns spread: what costs less where padding is as wide as the kernel reaches. Null
 * where it doesn't, or where there are too few filters.
 */
export function spread(c: Convolution): Convolution | null {
  const { width } = reach(c);
  const whole =
    c.groups === 1 &&
    c.filters > 3 &&
    c.channels > 0 &&
    c.strideHeight === 1 &&
    c.strideWidth === 1 &&
    c.stepHeight === 1 &&
    c.stepWidth === 1 &&
    c.left === width &&
    c.outWidth === c.width + width &&
    c.top >= 0 &&
    c.outHeight <= c.height + c.top;
  const gain = (c.outHeight * c.outWidth) / (c.height * up(c.width, 8));
  return whole && gain > 1.1 ? { ...c, left: 0, kernelWidth: 1, spread: c.kernelWidth } : null;
}

/** A way to cut the weight-gradient into units: of each share's pixels, so many panels of filters and so many channels. */
function weightsCandidate(
  c: Convolution,
  unit: { readonly images: number; readonly rows: number },
  panelsPerPart: number,
  channels: number,
) {
  const kernel = c.kernelHeight * c.kernelWidth;
  const panels = Math.ceil(c.filters / 8);
  const copies = leaves(c);
  const view = frame(c, copies, false, unit.rows);
  const pixels = unit.images * unit.rows * c.outWidth;
  const parts = Math.ceil(panels / panelsPerPart);
  const channelParts = Math.ceil(c.channels / channels);
  const views = sharesOf(c, unit) * c.groups * channelParts;
  const imageBytes = copies ? channels * view.channelBytes : 4 * c.groups * c.channels * c.height * c.width;
  const panelsAt = up(4 * (8 * TAPS * panelsPerPart + channels * kernel + pixels), 64);
  const frameAt = up(panelsAt + 32 * pixels * panelsPerPart, 64);
  // Cycles: of a panel its products, what is packed, sums put in place; of a frame rows and their bytes.
  const ofPanel = pixels * (channels * kernel + 4) + 24 * channels * kernel;
  const cost = costOfTurns({
    start: 2 * (channels * kernel + pixels),
    views,
    fill: copies ? unit.images * channels * (20 * view.frameRows + 0.1 * view.channelBytes) : 0,
    costs: Array.from(
      { length: parts },
      (_, part) => Math.min(panelsPerPart, panels - part * panelsPerPart) * ofPanel + 500,
    ),
  });
  const places = { imageBytes, panelsAt, stagedAt: 0, frameAt };
  return {
    cost,
    units: views * parts,
    scratch: frameAt + (copies ? unit.images * imageBytes : 0) + SLACK,
    params: {
      ...{ ...c, ...unit, ...view, ...places, channelParts, parts },
      ...{ activation: 0, thin: 0, pairs: 0, packs: 0, depth: 0 },
    },
  };
}

/** The weight-gradient of a convolution: pixels are split as far as the sums of each share are soon added. */
export function frameWeights(c: Convolution): Framed {
  const weights = c.groups * c.filters * c.channels * c.kernelHeight * c.kernelWidth;
  const columns = c.batch * c.outHeight * c.outWidth;
  // At least 768 pixels a share, and no more than 16 MB of sums.
  const most = Math.max(1, Math.min(32, Math.floor(columns / 768), Math.floor((4 << 20) / weights)));
  const unit = share(c, Math.ceil(columns / most));
  const perChannel = leaves(c) ? unit.images * frame(c, true, false, unit.rows).channelBytes : 0;
  const fits = Math.min(c.channels, Math.max(1, Math.floor(CACHE / Math.max(1, perChannel))));
  const least = Math.ceil(c.channels / fits);
  const cuts = [1, 2, 3, 4, 6, 8, 12]
    .map((parts) => Math.ceil(c.channels / Math.max(least, parts)))
    .filter((channels, i) => i === 0 || channels >= 8);
  const candidates = cuts.flatMap((channels) =>
    Array.from({ length: Math.min(PANELS, Math.max(1, Math.ceil(c.filters / 8))) }, (_, i) =>
      weightsCandidate(c, unit, i + 1, channels),
    ),
  );
  const { cost, ...best } = candidates.reduce((a, b) => (b.cost < a.cost ? b : a));
  return { ...best, shares: sharesOf(c, unit) };
}
