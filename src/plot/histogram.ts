import { fail } from '../errors.js';
import { box, type Element, polyline } from './elements.js';
import { type Area, cartesian, type FrameOptions } from './frame.js';
import { checkGuides, type Guide, guideElements } from './line.js';
import type { Picture } from './picture.js';
import { type AxisOptions, numeric } from './scale.js';
import { palette } from './style.js';
import { extentOf, interval, type Numbers, numbers, whole } from './values.js';

export interface HistogramSeries {
  readonly values: Numbers;
  /** For the legend. */
  readonly name?: string;
}

export interface BinOptions {
  /** Number of equal bins, default 40. */
  readonly bins?: number;
  /** Ends of the first and the last bin; default: the least and the greatest value. Values outside are counted in a note. */
  readonly range?: readonly [number, number];
  /** Whether bars show the density, whose area is 1, and not counts. */
  readonly density?: boolean;
}

export interface HistogramOptions extends FrameOptions, BinOptions {
  readonly x?: Omit<AxisOptions, 'scale'>;
  readonly y?: AxisOptions;
  readonly guides?: readonly Guide[];
}

export interface Bins {
  readonly edges: Float64Array;
  /** Counts or densities, one for each bin. */
  readonly heights: Float64Array;
  /** How many values lie outside the edges. */
  readonly outside: number;
}

/** Edges of `bins` equal bins over `range`. */
function edgesOf(bins: number, [low, high]: readonly [number, number]): Float64Array {
  return Float64Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
}

/** Counts values into bins that hold their lower edge, the last its upper edge too, as numpy.histogram does. */
export function countBins(values: ArrayLike<number>, edges: Float64Array, density = false): Bins {
  const bins = edges.length - 1;
  const [low, high] = [edges[0]!, edges[bins]!];
  const heights = new Float64Array(bins);
  let inside = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    if (!(value >= low && value <= high)) continue;
    let i = Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins));
    // The quotient's rounding may cross an edge.
    if (value < edges[i]!) i--;
    else if (i < bins - 1 && value >= edges[i + 1]!) i++;
    heights[i]!++;
    inside++;
  }
  const unit = density && inside > 0 ? bins / ((high - low) * inside) : 1;
  return { edges, heights: heights.map((count) => count * unit), outside: values.length - inside };
}

/** Bins common to all lists. */
export function readRange(where: string, lists: readonly ArrayLike<number>[], options: BinOptions) {
  const bins = whole(where, 'bins', options.bins ?? 40, 1);
  let [low, high] = options.range ? interval(where, 'range', options.range) : extentOf(lists)!;
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  return edgesOf(bins, [low, high]);
}

/**
 * Counts, or densities, of values in equal bins: the numbers that a histogram shows. `histogramsOverEpochs` takes rows of them.
 * @throws WeftError naming the argument: no values, one that is not finite, bins below 1, a range that doesn't rise
 */
export function histogramBins(values: Numbers, options: BinOptions = {}): Bins {
  const where = 'histogramBins';
  const list = numbers(where, 'values', values);
  return countBins(list, readRange(where, [list], options), options.density);
}

const outline = ({ edges, heights }: Bins, area: Area, base: number) => {
  const points: [number, number][] = [[area.x(edges[0]!), area.y(base)]];
  for (const [i, height] of heights.entries()) {
    const y = area.y(Math.max(base, height));
    points.push([area.x(edges[i]!), y], [area.x(edges[i + 1]!), y]);
  }
  points.push([area.x(edges.at(-1)!), area.y(base)]);
  return points;
};

/** The outline without its pieces on the base line. */
function steps(bins: Bins, area: Area, base: number): [number, number][][] {
  const bottom = area.y(base);
  const runs: [number, number][][] = [[]];
  for (const [i, point] of outline(bins, area, base).entries()) {
    const run = runs.at(-1)!;
    if (i > 0 && point[1] === bottom && run.at(-1)?.[1] === bottom) runs.push([point]);
    else run.push(point);
  }
  return runs.filter((run) => run.length > 1);
}

function drawBins(bins: Bins, colour: string, several: boolean, area: Area, base: number): Element[] {
  const points = outline(bins, area, base);
  if (several)
    return [
      { type: 'polygon', silent: true, z: 3, shape: { points }, style: { fill: colour, opacity: 0.22 } },
      ...steps(bins, area, base).map((run) =>
        polyline(run, { stroke: colour, lineWidth: 1.8, lineJoin: 'miter' }, 4),
      ),
    ];
  return [...bins.heights].flatMap((height, i) => {
    if (height <= base) return [];
    const [left, right] = [area.x(bins.edges[i]!), area.x(bins.edges[i + 1]!)];
    const gap = right - left > 4 ? 0.5 : 0;
    const top = area.y(height);
    return [box(left + gap, top, right - left - 2 * gap, area.y(base) - top, { fill: colour }, 3)];
  });
}

/**
 * How often values fall into each of equal bins: bars, or for several lists outlines over common bins.
 * @throws WeftError naming the argument: an empty list, a value that is not finite, bins below 1
 */
export function histogram(
  series: Numbers | HistogramSeries | readonly HistogramSeries[],
  options: HistogramOptions = {},
): Picture {
  const where = 'histogram';
  const list = asSeries(series);
  if (list.length === 0) fail(where, 'series is empty; give it at least one list of values');
  const values = list.map((one, i) =>
    numbers(where, list.length === 1 ? 'values' : `series[${i}].values`, one.values),
  );
  const edges = readRange(where, values, options);
  const bins = values.map((one) => countBins(one, edges, options.density));
  const { x = {}, y = {} } = options;
  const guides = checkGuides(where, options.guides ?? []);
  const heights = bins.map((one) => one.heights.filter((height) => height > 0));
  const extent = extentOf(heights);
  if (!extent)
    return fail(where, `no value lies within range [${edges[0]}, ${edges.at(-1)}]; give another range`);
  const colours = palette(list.length);
  const log = y.scale === 'log';
  // A bar of one value is to be seen on an axis that has no zero.
  const yAxis = log && !options.density ? { min: 0.5, ...y } : y;
  const yScale = numeric(where, 'y', yAxis, log ? extent : [0, extent[1]], 6, { fit: 'nice' });
  const ends = [edges[0]!, edges.at(-1)!] as const;
  return cartesian({
    where,
    options,
    width: 640,
    height: 400,
    name: 'histogram',
    x: { scale: numeric(where, 'x', x, ends, 8, { fit: 'exact' }), ...(x.label ? { label: x.label } : {}) },
    y: { scale: yScale, lines: true, label: y.label ?? (options.density ? 'density' : 'count') },
    legend: list.flatMap(({ name }, i) =>
      name ? [{ name, colour: colours[i]!, mark: 'box' as const }] : [],
    ),
    notes: bins.flatMap(({ outside }, i) =>
      outside > 0
        ? [`${list[i]!.name ?? 'values'}: ${outside} of ${values[i]!.length} lie outside the bins`]
        : [],
    ),
    content: (area) => ({
      graphic: [
        ...bins.flatMap((one, i) => drawBins(one, colours[i]!, list.length > 1, area, yScale.min)),
        ...guideElements(guides, area),
      ],
    }),
  });
}

function asSeries(
  series: Numbers | HistogramSeries | readonly HistogramSeries[],
): readonly HistogramSeries[] {
  if (typeof series === 'object' && series !== null && 'values' in series && !('length' in series))
    return [series as HistogramSeries];
  const list = series as readonly unknown[];
  if (Array.isArray(series) && (list.length === 0 || typeof list[0] === 'object'))
    return series as readonly HistogramSeries[];
  return [{ values: series as Numbers }];
}
