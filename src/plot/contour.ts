import { fail } from '../errors.js';
import type { ColourBar } from './colour-bar.js';
import { type Element, image } from './elements.js';
import { cartesian, type FrameOptions } from './frame.js';
import { colouring, missingNote } from './heat-map.js';
import { gapNotes, legendOf } from './line.js';
import { type DescentPath, pathElements, pathSeries, readPath } from './path.js';
import type { Picture } from './picture.js';
import { isolineElements } from './regions.js';
import { numeric } from './scale.js';
import { type ColourMap, colourAt, MISSING, mix, palette, type Rgb } from './style.js';
import { multiples, niceStep } from './ticks.js';
import { smoothTile } from './tile.js';
import { interval, type Matrix, matrix, type Numbers, numbers, type Table, whole } from './values.js';

export interface ContourOptions extends FrameOptions {
  /** Of the first and the last node. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** What the values are, along the colour bar. */
  readonly label?: string;
  /** Values at which lines are drawn, or about how many at round values; default 10. */
  readonly levels?: Numbers | number;
  /** Ways over the surface, as of gradient descent. */
  readonly paths?: readonly DescentPath[];
  /** Default `viridis`. */
  readonly colours?: ColourMap;
  /** Values of the ends of the colours; default: the least and the greatest. */
  readonly range?: readonly [number, number];
  /** Whether a unit is as long upward as to the right. */
  readonly equal?: boolean;
}

function levelsOf(where: string, levels: Numbers | number, low: number, high: number): number[] {
  if (typeof levels !== 'number') return [...numbers(where, 'levels', levels, { empty: true })];
  const count = whole(where, 'levels', levels, 0);
  return count === 0
    ? []
    : multiples(low, high, niceStep(high - low, count)).filter((one) => one > low && one < high);
}

/**
 * A function of two variables as colours and lines of equal value, with ways over it on top: a ring where each starts, a
 * diamond where it ends.
 * @param values at the nodes of a grid, [rows, columns]; row 0 is at the lowest y. `mesh` gives their places
 * @throws WeftError naming the argument: a grid below 2 x 2, ends that don't rise, a path whose x and y differ in length
 */
export function contour(values: Table, options: ContourOptions): Picture {
  const where = 'contour';
  const table: Matrix = matrix(where, 'values', values, true);
  const { rows, columns, data } = table;
  if (rows < 2 || columns < 2) fail(where, `values must be at least [2,2], it is [${rows},${columns}]`);
  const [x, y] = [interval(where, 'x', options.x), interval(where, 'y', options.y)];
  const colours = colouring(where, data, options.colours ?? 'viridis', options.range);
  const { low, high } = colours;
  const levels = levelsOf(where, options.levels ?? 10, low, high);
  const own = palette(options.paths?.length ?? 0);
  const paths = (options.paths ?? []).map((path, i) => readPath(where, `paths[${i}]`, path, own[i]!));
  // Paths must stand out from what they run over.
  const strength = paths.length > 0 ? 0.55 : 0.9;
  const colour = (part: number): Rgb => mix([255, 255, 255], colourAt(colours.map, part), strength);
  const bar: ColourBar = { low, high, label: options.label, colour, levels };
  const exact = { fit: 'exact' } as const;
  return cartesian({
    ...{ where, options, width: 600, height: 480, name: 'contours', bar },
    aspect: options.equal ? (x[1] - x[0]) / (y[1] - y[0]) : undefined,
    x: { scale: numeric(where, 'x', {}, x, 7, exact), ...(options.xLabel ? { label: options.xLabel } : {}) },
    y: { scale: numeric(where, 'y', {}, y, 6, exact), ...(options.yLabel ? { label: options.yLabel } : {}) },
    legend: legendOf(paths),
    notes: [...missingNote(data), ...gapNotes(paths, false)],
    content: (area) => {
      const uri = smoothTile(columns, rows, (node) =>
        Number.isFinite(data[node]!) ? colour((data[node]! - low) / (high - low)) : MISSING,
      );
      const line: Element = { stroke: '#333333', lineWidth: 0.8, opacity: 0.6 };
      return {
        series: paths.flatMap((path) => pathSeries(path)),
        graphic: [
          image(uri, area.left, area.top, area.width, area.height),
          ...levels.flatMap((level) => isolineElements(table, level, area, line)),
          ...paths.flatMap((path) => pathElements(path, area)),
        ],
      };
    },
  });
}
