import { box, type Element, polyline, text } from './elements.js';
import type { Shape } from './style.js';
import { shorten, widthOf } from './style.js';

export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  readonly mark: 'line' | 'box' | Shape;
  readonly dash?: readonly number[];
}

const LINE = 26;
const MARK = 12;
const GAP = 18;
const MOST = 260;

const widthOfSwatch = ({ mark: kind }: LegendEntry) => (kind === 'line' ? LINE : MARK);
const widthOfEntry = (entry: LegendEntry) =>
  widthOfSwatch(entry) + 6 + widthOf(shorten(entry.name, MOST)) + GAP;

/** The width that the longest row takes. */
export const widthOfRows = (rows: readonly (readonly LegendEntry[])[]): number =>
  Math.max(0, ...rows.map((row) => row.reduce((sum, entry) => sum + widthOfEntry(entry), -GAP)));

/** Entries in rows of at most `room` pixels. */
export function rowsOf(entries: readonly LegendEntry[], room: number): LegendEntry[][] {
  const rows: LegendEntry[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const width = widthOfEntry(entry);
    if (used + width - GAP > room) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)!.push(entry);
    used += width;
  }
  return rows;
}

/** A class's mark around (x, y), `size` pixels wide. */
export function mark(shape: Shape, x: number, y: number, size: number, style: Element, z = 20): Element {
  const r = size / 2;
  const corners: Readonly<Record<Exclude<Shape, 'circle'>, [number, number][]>> = {
    rect: [
      [-r, -r],
      [r, -r],
      [r, r],
      [-r, r],
    ],
    triangle: [
      [0, -r],
      [r, r],
      [-r, r],
    ],
    diamond: [
      [0, -r],
      [r, 0],
      [0, r],
      [-r, 0],
    ],
  };
  if (shape === 'circle') return { type: 'circle', silent: true, z, shape: { cx: x, cy: y, r }, style };
  const points = corners[shape].map(([dx, dy]) => [x + dx, y + dy]);
  return { type: 'polygon', silent: true, z, shape: { points }, style };
}

function swatch({ colour, mark: kind, dash }: LegendEntry, x: number, y: number): Element {
  if (kind === 'line') {
    const style = {
      stroke: colour,
      lineWidth: 2.5,
      lineCap: 'butt',
      ...(dash ? { lineDash: dash.map((one) => one * 0.8) } : {}),
    };
    return polyline(
      [
        [x, y],
        [x + LINE, y],
      ],
      style,
      20,
    );
  }
  if (kind === 'box') return box(x, y - 6, MARK, MARK, { fill: colour }, 20);
  return mark(kind, x + MARK / 2, y, 9, { fill: colour });
}

export function legend(rows: readonly (readonly LegendEntry[])[], left: number, top: number): Element[] {
  return rows.flatMap((row, i) => {
    const y = top + 20 * i + 10;
    let x = left;
    return row.flatMap((entry) => {
      const at = x;
      x += widthOfEntry(entry);
      return [swatch(entry, at, y), text(shorten(entry.name, MOST), at + widthOfSwatch(entry) + 6, y)];
    });
  });
}
