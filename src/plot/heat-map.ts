import { fail } from '../errors.js';
import { barOf } from './colour-bar.js';
import { type Element, image, text } from './elements.js';
import { type Area, cartesian, type FrameOptions } from './frame.js';
import type { Picture } from './picture.js';
import { named, type Scale } from './scale.js';
import { type ColourMap, checkColours, colourAt, inkOn, MISSING, type Rgb, widthOf } from './style.js';
import { formatAlike, formatLog, formatNumber, formatTick, logTicks, multiples, niceStep } from './ticks.js';
import { tile } from './tile.js';
import { extentOf, interval, type Matrix, matrix, type Numbers, numbers, type Table } from './values.js';

/** What the rows or columns of a table stand for. */
export interface CellAxis {
  readonly label?: string;
  /** A number for each row or column; more than 12 that rise get ticks at round values. */
  readonly values?: Numbers;
  /** Or a name for each. */
  readonly names?: readonly string[];
}

export interface HeatMapOptions extends FrameOptions {
  /** Of the columns. */
  readonly x?: CellAxis;
  /** Of the rows: row 0 is at the top where they have names, at the bottom where they have numbers. */
  readonly y?: CellAxis;
  /** Default `viridis`; `diverging` is white at the middle of `range`. */
  readonly colours?: ColourMap;
  /** Values of the ends of the colours; default: the least and the greatest, for `diverging` as far from 0 on both sides. */
  readonly range?: readonly [number, number];
  /** What the values are, with their unit, along the colour bar. */
  readonly label?: string;
  /** Whether each cell has its value written in it; default: where it fits and there are at most 150. */
  readonly numbers?: boolean;
}

/** The place of each row or column, by its index; cells are equally large whatever they stand for. */
function cellScale(where: string, name: string, axis: CellAxis, count: number): Scale {
  const { names, values } = axis;
  if (names && values) fail(where, `${name} has names and values; give one of them`);
  const length = { length: count, like: `${name === 'x' ? 'the columns are' : 'the rows are'}` };
  if (names) {
    if (names.length !== count)
      fail(where, `${name}.names has ${names.length} names, ${length.like} ${count}; give as many`);
    return named(names);
  }
  const list = values
    ? numbers(where, `${name}.values`, values, length)
    : Float64Array.from({ length: count }, (_, i) => i);
  const rises = list.every((value, i) => i === 0 || value > list[i - 1]!);
  if (count <= 12 || !rises) return named([...list].map((value) => formatNumber(value)));
  return between(list);
}

/** A scale over more numbers than have room each: ticks at round values, between the cells of their neighbours. */
function between(list: Float64Array): Scale {
  const count = list.length;
  const [low, high] = [list[0]!, list.at(-1)!];
  const log = low > 0 && high / low > 30 && list[count >> 1]! < (low + high) / 4;
  const step = niceStep(high - low, 6);
  const ticks = log ? logTicks(low, high, 6) : multiples(low, high, step);
  const place = (value: number) => {
    const found = list.findIndex((one) => one >= value);
    const after = Math.max(1, found < 0 ? count - 1 : found);
    const [a, b] = [list[after - 1]!, list[after]!];
    return after - 1 + (log ? Math.log(value / a) / Math.log(b / a) : (value - a) / (b - a));
  };
  const texts = new Map(ticks.map((tick) => [place(tick), log ? formatLog(tick) : formatTick(tick, step)]));
  return {
    log: false,
    min: -0.5,
    max: count - 0.5,
    ticks: [...texts.keys()],
    text: (index) => texts.get(index) ?? '',
    part: (index) => (index + 0.5) / count,
  };
}

export interface Colouring {
  readonly map: ColourMap;
  readonly low: number;
  readonly high: number;
}

/** Ends of the colours of some values. */
export function colouring(
  where: string,
  values: ArrayLike<number>,
  map: ColourMap,
  range: readonly [number, number] | undefined,
): Colouring {
  checkColours(where, map);
  if (range) {
    const [low, high] = interval(where, 'range', range);
    return { map, low, high };
  }
  const extent = extentOf([values]);
  if (!extent) return fail(where, 'no value is finite: there is nothing to draw');
  const [low, high] = extent;
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  if (map === 'diverging') return { map, low: -most, high: most };
  return low === high ? { map, low: low - 0.5 * most, high: high + 0.5 * most } : { map, low, high };
}

export const colourOf = ({ map, low, high }: Colouring, value: number): Rgb =>
  Number.isFinite(value) ? colourAt(map, (value - low) / (high - low)) : MISSING;

/** An image of the table's cells over the whole area. */
export function cells(table: Matrix, colours: Colouring, area: Area, down: boolean): Element {
  const { rows, columns, data } = table;
  const uri = tile(columns, rows, (i) => {
    const row = Math.floor(i / columns);
    return colourOf(colours, data[(down ? row : rows - 1 - row) * columns + (i % columns)]!);
  });
  return image(uri, area.left, area.top, area.width, area.height);
}

export const missingNote = (data: Float64Array): string[] => {
  const lost = data.filter((value) => !Number.isFinite(value)).length;
  return lost === 0 ? [] : [`grey: ${lost} of ${data.length} values ${lost === 1 ? 'is' : 'are'} not finite`];
};

/** Each cell's text in its middle, black or white after its colour. */
export function cellTexts(
  table: Matrix,
  colours: Colouring,
  area: Area,
  show: (value: number, index: number) => string,
  size = 12,
  /** Of the texts '0', which are many and say little. */
  zero?: string,
): Element[] {
  return [...table.data].map((value, i) => {
    const [x, y] = [area.x(i % table.columns), area.y(Math.floor(i / table.columns))];
    const content = show(value, i);
    const fill = content === '0' && zero ? zero : inkOn(colourOf(colours, value));
    return text(content, x, y, { align: 'center', size, fill });
  });
}

/**
 * A table of numbers as coloured cells, as a parametric experiment's results. NaN and infinities are grey, which a note says.
 * @param values [rows, columns]
 * @throws WeftError naming the argument: an empty table, rows of different lengths, names or values that aren't as many
 */
export function heatMap(values: Table, options: HeatMapOptions = {}): Picture {
  const where = 'heatMap';
  const table = matrix(where, 'values', values, true);
  const { x = {}, y = {} } = options;
  const colours = colouring(where, table.data, options.colours ?? 'viridis', options.range);
  const down = y.names !== undefined || (y.values === undefined && x.names !== undefined);
  const show = formatAlike(table.data);
  const widest = Math.max(...[...table.data].map((value) => widthOf(show(value))));
  return cartesian({
    where,
    options,
    width: 600,
    height: 460,
    name: 'heat map',
    x: { scale: cellScale(where, 'x', x, table.columns), ...(x.label ? { label: x.label } : {}) },
    y: { scale: cellScale(where, 'y', y, table.rows), down, ...(y.label ? { label: y.label } : {}) },
    bar: barOf(colours.map, colours.low, colours.high, options.label),
    notes: missingNote(table.data),
    content: (area) => {
      const fits = area.width / table.columns >= widest + 6 && area.height / table.rows >= 16;
      const few = table.data.length <= 150;
      return {
        graphic: [
          cells(table, colours, area, down),
          ...((options.numbers ?? (fits && few)) ? cellTexts(table, colours, area, show) : []),
        ],
      };
    },
  });
}
