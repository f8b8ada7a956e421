import { cartesian, type FrameOptions } from './frame.js';
import { curveSeries, gapNotes, type LineSeries, legendOf, readCurve } from './line.js';
import { type DescentPath, pathElements, pathSeries, readPath } from './path.js';
import type { Picture } from './picture.js';
import { type AxisOptions, numeric } from './scale.js';
import { FAINT_INK, palette } from './style.js';
import { extentOf } from './values.js';

export interface DescentOptions extends FrameOptions {
  readonly x?: AxisOptions;
  readonly y?: AxisOptions;
}

/**
 * A function of one variable with ways down it, step by step: a ring where each starts, a diamond where it ends. The axes
 * are the function's own: a path that leaves them is cut off.
 * @param curve the function: x that rise, and its values y
 * @param paths x of each step, and the function's value there
 * @throws WeftError naming the argument: an empty curve or path, x and y of different lengths
 */
export function descent(
  curve: Pick<LineSeries, 'x' | 'y' | 'name'>,
  paths: readonly DescentPath[],
  options: DescentOptions = {},
): Picture {
  const where = 'descent';
  const own = readCurve(where, 'curve', { ...curve, points: false }, FAINT_INK);
  const colours = palette(paths.length);
  const ways = paths.map((path, i) => readPath(where, `paths[${i}]`, path, colours[i]!));
  const { x = {}, y = {} } = options;
  const linear = (axis: AxisOptions): AxisOptions => ({ ...axis, scale: 'linear' });
  const yScale = numeric(where, 'y', linear(y), extentOf([own.y]) ?? [0, 1], 6, { fit: 'nice' });
  return cartesian({
    ...{ where, options, width: 640, height: 400, name: 'descent' },
    x: {
      scale: numeric(where, 'x', linear(x), extentOf([own.x])!, 7, { fit: 'exact' }),
      ...(x.label ? { label: x.label } : {}),
    },
    y: { scale: yScale, lines: true, ...(y.label ? { label: y.label } : {}) },
    legend: legendOf([own, ...ways]),
    notes: gapNotes([own, ...ways], false),
    content: (area) => ({
      series: [...curveSeries(own, false, false, 3), ...ways.flatMap((way) => pathSeries(way))],
      graphic: ways.flatMap((way) => pathElements(way, area)),
    }),
  });
}
