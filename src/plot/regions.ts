import { fail } from '../errors.js';
import type { ColourBar } from './colour-bar.js';
import { type Element, image, polyline } from './elements.js';
import { type Area, cartesian, type FrameOptions } from './frame.js';
import { isolines } from './isolines.js';
import type { LegendEntry } from './legend.js';
import type { Picture } from './picture.js';
import { type Points, pointLegend, pointSeries, readPoints } from './points.js';
import { numeric } from './scale.js';
import { hex, INK, mix, palette, type Rgb } from './style.js';
import { smoothTile, tile } from './tile.js';
import {
  checkGrid,
  type Grid,
  interval,
  labels,
  type Matrix,
  matrix,
  numbers,
  type Table,
  whole,
} from './values.js';

export interface MeshOptions {
  /** First and last value of each coordinate. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Nodes along x, default 100. */
  readonly columns?: number;
  /** Nodes along y, default 100. */
  readonly rows?: number;
}

/**
 * The nodes of a grid as a batch [rows * columns, 2] of (x, y), for a model to predict: row by row from the lowest y, each
 * from the lowest x. What it says of them, reshaped to [rows, columns], is what {@link decisionRegions} and `contour` draw.
 */
export function mesh(options: MeshOptions): { data: Float32Array; shape: [number, number]; dtype: 'f32' } {
  const where = 'mesh';
  const [x, y] = [interval(where, 'x', options.x), interval(where, 'y', options.y)];
  const columns = whole(where, 'columns', options.columns ?? 100, 2);
  const rows = whole(where, 'rows', options.rows ?? 100, 2);
  const data = new Float32Array(2 * rows * columns);
  const at = ([low, high]: readonly [number, number], i: number, n: number) =>
    low + ((high - low) * i) / (n - 1);
  for (let i = 0; i < rows * columns; i++) {
    data[2 * i] = at(x, i % columns, columns);
    data[2 * i + 1] = at(y, Math.floor(i / columns), rows);
  }
  return { data, shape: [rows * columns, 2], dtype: 'f32' };
}

/** What a model says of the nodes of a grid; row 0 is at the lowest y. Give `classes` or `probabilities`. */
export interface Regions {
  /** Of the first and the last node. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** The predicted class of each node, [rows, columns]. */
  readonly classes?: Table;
  /** [rows, columns]: the probability of class 1 of two. [rows, columns, k]: that of each of k classes. */
  readonly probabilities?: Table;
}

export interface RegionsOptions extends FrameOptions {
  readonly points?: Points;
  /** Names of the classes; default: those of the points, or their numbers. */
  readonly names?: readonly string[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Probabilities of class 1 at which lines are drawn, for two classes; default .25, .5 and .75. */
  readonly levels?: readonly number[];
}

interface Surface {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly colour: (node: number, colours: readonly Rgb[]) => Rgb;
  readonly lines: readonly { readonly table: Matrix; readonly level: number; readonly strong: boolean }[];
  readonly binary: boolean;
  /** Whether colours may run into each other between nodes. */
  readonly smooth: boolean;
}

const WHITE: Rgb = [255, 255, 255];

/** Pale, so that points stand out. */
const tint = (colour: Rgb, strength: number): Rgb => mix(WHITE, colour, 0.12 + 0.43 * strength);

/** From class 0's colour through white at 1/2 to class 1's. */
const between = (p: number, [zero, one]: readonly Rgb[]): Rgb =>
  p < 0.5 ? mix(WHITE, zero!, 0.6 * (1 - 2 * p)) : mix(WHITE, one!, 0.6 * (2 * p - 1));

const LEVELS = [0.25, 0.5, 0.75];

function ofProbabilities(where: string, table: Matrix, levels: readonly number[]): Surface {
  for (const [i, p] of table.data.entries())
    if (!(p >= 0 && p <= 1)) fail(where, `probabilities[${i}] is ${p}; give probabilities from 0 to 1`);
  for (const [i, level] of levels.entries())
    if (!(level > 0 && level < 1)) fail(where, `levels[${i}] is ${level}; levels lie between 0 and 1`);
  return {
    ...{ rows: table.rows, columns: table.columns, count: 2, binary: true, smooth: true },
    colour: (node, colours) => between(table.data[node]!, colours),
    lines: levels.map((level) => ({ table, level, strong: level === 0.5 })),
  };
}

/** Boundaries lie where a class's probability is that of the best other one. */
function ofManyProbabilities(where: string, grid: Grid): Surface {
  const data = numbers(where, 'probabilities', grid);
  const [rows, columns, count] = grid.shape as [number, number, number];
  if (count < 2)
    fail(where, `probabilities has the shape [${grid.shape.join(',')}]; give at least two classes`);
  for (const [i, p] of data.entries())
    if (!(p >= 0 && p <= 1)) fail(where, `probabilities[${i}] is ${p}; give probabilities from 0 to 1`);
  const best = (node: number, but = -1) => {
    let found = but === 0 ? 1 : 0;
    for (let k = 0; k < count; k++)
      if (k !== but && data[node * count + k]! > data[node * count + found]!) found = k;
    return found;
  };
  const margin = (k: number): Matrix => ({
    rows,
    columns,
    data: Float64Array.from(
      { length: rows * columns },
      (_, node) => data[node * count + k]! - data[node * count + best(node, k)]!,
    ),
  });
  return {
    ...{ rows, columns, count, binary: false, smooth: true },
    colour: (node, colours) => {
      const k = best(node);
      return tint(colours[k]!, (data[node * count + k]! - 1 / count) / (1 - 1 / count));
    },
    lines: Array.from({ length: count - 1 }, (_, k) => ({ table: margin(k), level: 0, strong: true })),
  };
}

function ofClasses(where: string, table: Matrix, names: readonly string[] | undefined): Surface {
  const own = labels(where, 'classes', table.data, names?.length ?? Number.POSITIVE_INFINITY);
  const count = names?.length ?? Math.max(...own) + 1;
  const present = [...new Set(own)].sort((a, b) => a - b);
  const inside = (k: number): Matrix => ({
    ...table,
    data: Float64Array.from(own, (label) => (label === k ? 1 : 0)),
  });
  return {
    ...{ rows: table.rows, columns: table.columns, count, binary: false, smooth: false },
    colour: (node, colours) => tint(colours[own[node]!]!, 0.6),
    lines: present.slice(0, -1).map((k) => ({ table: inside(k), level: 0.5, strong: true })),
  };
}

function surfaceOf(where: string, regions: Regions, options: RegionsOptions): Surface {
  const { classes, probabilities } = regions;
  if ((classes === undefined) === (probabilities === undefined))
    return fail(where, `give classes or probabilities, ${classes ? 'not both' : 'neither is there'}`);
  const names = options.names ?? options.points?.classes;
  if (classes) return ofClasses(where, matrix(where, 'classes', classes), names);
  if ('data' in probabilities! && probabilities.shape.length === 3)
    return ofManyProbabilities(where, checkGrid(where, 'probabilities', probabilities));
  return ofProbabilities(where, matrix(where, 'probabilities', probabilities!), options.levels ?? LEVELS);
}

/** Half a cell beyond the outer nodes is left out: the image ends at them, as the axes do. */
function background(surface: Surface, colours: readonly Rgb[], area: Area): Element {
  const { rows, columns } = surface;
  if (surface.smooth) {
    const uri = smoothTile(columns, rows, (node) => surface.colour(node, colours));
    return image(uri, area.left, area.top, area.width, area.height);
  }
  // Each node's colour fills the cell around it; the cells at the ends are halves, so two pixels are one cell.
  const [width, height] = [2 * (columns - 1), 2 * (rows - 1)];
  const uri = tile(width, height, (i) => {
    const column = Math.floor(((i % width) + 1) / 2);
    const row = rows - 1 - Math.floor((Math.floor(i / width) + 1) / 2);
    return surface.colour(row * columns + column, colours);
  });
  return image(uri, area.left, area.top, area.width, area.height);
}

export function isolineElements(table: Matrix, level: number, area: Area, style: Element, z = 2): Element[] {
  const x = (column: number) => area.left + (area.width * column) / (table.columns - 1);
  const y = (row: number) => area.top + area.height * (1 - row / (table.rows - 1));
  return isolines(table, level).map((line) =>
    polyline(
      line.map(([column, row]) => [x(column), y(row)]),
      style,
      z,
    ),
  );
}

const regionLegend = (names: readonly string[]): LegendEntry[] =>
  palette(names.length).map((colour, i) => ({ name: names[i]!, colour, mark: 'box' }));

const probabilityBar = (name: string, colours: readonly Rgb[], levels: readonly number[]): ColourBar => ({
  ...{ low: 0, high: 1, label: `probability of ${name}`, ticks: [0, 0.25, 0.5, 0.75, 1], levels },
  colour: (part) => between(part, colours),
});

/**
 * The classes that a model gives each place of the plane, under points of the data: colours pale where it is unsure, lines
 * where the decision changes (for two classes at several probabilities).
 * @throws WeftError naming the argument: a grid below 2 x 2, probabilities outside [0, 1], a class that has no name, points
 * of different lengths
 */
export function decisionRegions(regions: Regions, options: RegionsOptions = {}): Picture {
  const where = 'decisionRegions';
  const [x, y] = [interval(where, 'x', regions.x), interval(where, 'y', regions.y)];
  const surface = surfaceOf(where, regions, options);
  const { rows, columns } = surface;
  if (rows < 2 || columns < 2)
    fail(where, `the grid must have at least 2 x 2 nodes, it has ${rows} x ${columns}`);
  const points = options.points ? readPoints(where, 'points.', options.points) : null;
  const count = Math.max(surface.count, points?.classes.length ?? 0);
  const given = options.names ?? points?.classes ?? [];
  if (options.names && options.names.length < count)
    fail(where, `names has ${options.names.length} names, there are ${count} classes; give as many`);
  const names = Array.from({ length: count }, (_, i) => given[i] ?? String(i));
  const colours = palette(count).map(hex);
  const levels = surface.binary ? (options.levels ?? LEVELS) : [];
  const exact = { fit: 'exact' } as const;
  return cartesian({
    where,
    options,
    width: surface.binary ? 600 : 540,
    height: 460,
    name: 'decision regions',
    x: { scale: numeric(where, 'x', {}, x, 7, exact), ...(options.xLabel ? { label: options.xLabel } : {}) },
    y: { scale: numeric(where, 'y', {}, y, 6, exact), ...(options.yLabel ? { label: options.yLabel } : {}) },
    legend: points ? pointLegend(points.classes.length > 0 ? names : []) : regionLegend(names),
    bar: surface.binary ? probabilityBar(names[1]!, colours, levels) : undefined,
    content: (area) => ({
      series: points
        ? pointSeries({ ...points, classes: points.classes.length === 0 ? [] : names }, '#ffffff')
        : [],
      graphic: [
        background(surface, colours, area),
        ...surface.lines.flatMap(({ table, level, strong }) =>
          isolineElements(table, level, area, {
            stroke: INK,
            lineWidth: strong ? 1.6 : 1,
            ...(strong ? {} : { lineDash: [4, 3], opacity: 0.7 }),
          }),
        ),
      ],
    }),
  });
}
