import { fail } from '../errors.js';
import { type ColourBar, colourBar, widthOfBar } from './colour-bar.js';
import { box, type Element, faint, image, text } from './elements.js';
import { draw } from './engine.js';
import { type FrameOptions, heading } from './frame.js';
import { type Picture, picture } from './picture.js';
import { AXIS, FAINT_INK, FONT, MARGIN, TEXT_SIZE, widthOf, wrap } from './style.js';
import { whole } from './values.js';

/** A small image with a caption below. */
export interface Tile {
  readonly uri: string;
  /** Pixels of the image itself. */
  readonly width: number;
  readonly height: number;
  readonly caption: string;
}

export interface TilesOptions extends Pick<FrameOptions, 'title' | 'subtitle'> {
  /** Images in a row; default: as many as make a page about as wide as a text. */
  readonly columns?: number;
  /** Side in pixels at which the larger side of an image is drawn; default: between 48 and 112, by the number of images. */
  readonly size?: number;
}

const PAGE = 760;
const GAP = 16;
const LINE = 15;

const sizeFor = (count: number) => (count <= 12 ? 112 : count <= 40 ? 80 : 56);

/** At most `most` columns, so that the rows are as equally long as can be. */
function balanced(count: number, most: number): number {
  if (count <= most) return count;
  for (let columns = most; 2 * columns >= most; columns--) if (count % columns === 0) return columns;
  return Math.ceil(count / Math.ceil(count / most));
}

/** Draws images in rows, all at one scale, each in the middle of its column above its caption. */
export function tiles(
  where: string,
  name: string,
  list: readonly Tile[],
  options: TilesOptions,
  extra: { readonly bar?: ColourBar | undefined; readonly notes?: readonly string[] } = {},
): Picture {
  const longest = Math.max(...list.map((one) => Math.max(one.width, one.height)));
  const size = options.size ?? sizeFor(list.length);
  if (!(size >= 8 && size <= 2000)) fail(where, `size must be 8 to 2000 pixels, it is ${size}`);
  const scale = size / longest;
  const wide = scale * Math.max(...list.map((one) => one.width));
  const high = scale * Math.max(...list.map((one) => one.height));
  // A caption may be half as wide again as its image before it is broken into lines.
  const longestCaption = Math.max(0, ...list.map((one) => widthOf(one.caption)));
  const step = Math.max(wide, Math.min(longestCaption, Math.max(1.5 * wide, 96))) + GAP;
  const fitting = Math.max(1, Math.floor((PAGE - 2 * MARGIN) / step));
  const columns = Math.min(
    list.length,
    whole(where, 'columns', options.columns ?? balanced(list.length, fitting), 1),
  );
  const captions = list.map((one) => (one.caption ? wrap(one.caption, step - 4) : []));
  const lines = Math.max(...captions.map((one) => one.length));
  const rowHeight = high + (lines > 0 ? lines * LINE + 6 : 0) + GAP;
  const { bar, notes = [] } = extra;
  const side = bar ? widthOfBar(bar) : 0;
  const texts = [options.title, options.subtitle].map((one, i) =>
    widthOf(one ?? '', i === 0 ? 15 : TEXT_SIZE, i === 0),
  );
  const grid = columns * step - GAP;
  const width = Math.round(
    Math.max(240, 2 * MARGIN + grid + side, Math.min(PAGE, 2 * MARGIN + Math.max(...texts))),
  );
  const head = heading(options, width);
  const rows = Math.ceil(list.length / columns);
  const top = head.bottom + 6;
  const bottom = top + rows * rowHeight - GAP;
  const small = notes.flatMap((note) => wrap(note, width - 2 * MARGIN, 11));
  const height = Math.round(
    Math.max(bottom, top + (bar ? 100 : 0)) + (small.length > 0 ? small.length * LINE + 6 : 0) + MARGIN,
  );
  const elements = list.flatMap(({ uri, width: w, height: h }, i): Element[] => {
    const middle = MARGIN + (i % columns) * step + (step - GAP) / 2;
    const y = top + Math.floor(i / columns) * rowHeight;
    const x = middle - (w * scale) / 2;
    return [
      image(uri, x, y, w * scale, h * scale, 1),
      box(x, y, w * scale, h * scale, { stroke: AXIS, lineWidth: 0.5 }, 2),
      ...captions[i]!.map((line, k) => text(line, middle, y + high + 12 + k * LINE, { align: 'center' })),
    ];
  });
  const foot = small.map((line, i) =>
    faint(line, MARGIN, height - MARGIN + 8 - (small.length - i) * LINE, { size: 11 }),
  );
  const body = draw(width, height, {
    textStyle: { fontFamily: FONT, color: FAINT_INK },
    graphic: [
      ...head.elements,
      ...elements,
      ...foot,
      ...(bar ? colourBar(bar, MARGIN + grid + 14, top, Math.min(Math.max(high, 100), 220)) : []),
    ],
  });
  return picture(width, height, [options.title ?? name, options.subtitle].filter(Boolean).join(': '), body);
}
