import { fail } from '../errors.js';
import { cartesian, type FrameOptions } from './frame.js';
import {
  checkGuides,
  curveSeries,
  type Guide,
  gapNotes,
  guideElements,
  type LineSeries,
  legendOf,
  readCurve,
} from './line.js';
import type { Picture } from './picture.js';
import { type Points, pointLegend, pointSeries, readPoints } from './points.js';
import { type AxisOptions, numeric } from './scale.js';
import { INK } from './style.js';
import { extentOf } from './values.js';

export interface ScatterOptions extends FrameOptions {
  readonly x?: AxisOptions;
  readonly y?: AxisOptions;
  /** Curves over the points, as a fitted line or a boundary; the axes don't grow for them. */
  readonly lines?: readonly LineSeries[];
  readonly guides?: readonly Guide[];
  /** Whether a unit is as long upward as to the right. */
  readonly equal?: boolean;
}

/**
 * Points in the plane, coloured and shaped by class.
 * @throws WeftError naming the argument: no points, x, y and labels of different lengths, a class that has no name
 */
export function scatter(points: Points, options: ScatterOptions = {}): Picture {
  const where = 'scatter';
  const read = readPoints(where, '', points);
  const { x = {}, y = {} } = options;
  const [xLog, yLog] = [x.scale === 'log', y.scale === 'log'];
  const guides = checkGuides(where, options.guides ?? []);
  const curves = (options.lines ?? []).map((one, i) =>
    readCurve(where, `lines[${i}]`, { points: false, ...one }, one.colour ?? INK),
  );
  const xScale = numeric(where, 'x', x, extentOf([read.x])!, 7, { fit: 'pad' });
  const yScale = numeric(where, 'y', y, extentOf([read.y])!, 6, { fit: 'pad' });
  if (options.equal && (xLog || yLog)) fail(where, 'equal needs two linear axes');
  const aspect = options.equal ? (xScale.max - xScale.min) / (yScale.max - yScale.min) : undefined;
  return cartesian({
    where,
    options,
    width: 560,
    height: 440,
    name: 'points',
    aspect,
    x: { scale: xScale, lines: true, ...(x.label ? { label: x.label } : {}) },
    y: { scale: yScale, lines: true, ...(y.label ? { label: y.label } : {}) },
    legend: [...pointLegend(read.classes), ...legendOf(curves)],
    notes: gapNotes(curves, yLog),
    content: (area) => ({
      series: [
        ...pointSeries(read, '#ffffff'),
        ...curves.flatMap((curve) => curveSeries(curve, yLog, xLog, 6)),
      ],
      graphic: guideElements(guides, area),
    }),
  });
}
