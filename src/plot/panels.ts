import { fail } from '../errors.js';
import { draw } from './engine.js';
import { heading } from './frame.js';
import { type Picture, picture } from './picture.js';
import { FONT, MARGIN } from './style.js';
import { whole } from './values.js';

export interface PanelsOptions {
  readonly title?: string;
  /** A line under the title. */
  readonly subtitle?: string;
  /** Pictures in a row, default 2. */
  readonly columns?: number;
}

/**
 * Several pictures in one, row by row, each at its own size at the left of its column.
 * @throws WeftError where there are none
 */
export function panels(pictures: readonly Picture[], options: PanelsOptions = {}): Picture {
  const where = 'panels';
  if (pictures.length === 0) fail(where, 'pictures is empty; give it at least one');
  const columns = Math.min(pictures.length, whole(where, 'columns', options.columns ?? 2, 1));
  const rows = Math.ceil(pictures.length / columns);
  const most = (sizes: readonly number[]) => Math.max(0, ...sizes);
  const widths = Array.from({ length: columns }, (_, c) =>
    most(pictures.flatMap((one, i) => (i % columns === c ? one.width : []))),
  );
  const heights = Array.from({ length: rows }, (_, r) =>
    most(pictures.slice(r * columns, (r + 1) * columns).map((one) => one.height)),
  );
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  const width = sum(widths);
  const head = heading(options, width);
  const top = head.elements.length > 0 ? head.bottom : 0;
  const placed = pictures.map((one, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const place = `x="${sum(widths.slice(0, column))}" y="${top + sum(heights.slice(0, row))}"`;
    return one.svg().replace('<svg ', `<svg ${place} `);
  });
  const body =
    head.elements.length > 0
      ? draw(width, top + MARGIN, { textStyle: { fontFamily: FONT }, graphic: head.elements })
      : '';
  const name = options.title ?? `${pictures.length} pictures`;
  return picture(
    width,
    top + sum(heights),
    [name, options.subtitle].filter(Boolean).join(': '),
    [body, ...placed].join('\n'),
  );
}
