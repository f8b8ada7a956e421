import { fail } from '../errors.js';
import { barOf } from './colour-bar.js';
import { cartesian, type FrameOptions } from './frame.js';
import { cells, colouring } from './heat-map.js';
import { type BinOptions, countBins, readRange } from './histogram.js';
import type { Picture } from './picture.js';
import { numeric } from './scale.js';
import { colourAt, css } from './style.js';
import { extentOf, isGrid, type Matrix, matrix, type Numbers, numbers, type Table } from './values.js';

/** Histograms that were counted as the training went: a row of heights for each epoch, over common bins. */
export interface CountedHistograms {
  /** [epochs, bins] */
  readonly heights: Table;
  /** Edges of the bins, one more than there are bins. */
  readonly edges: Numbers;
}

export interface EpochsOptions extends FrameOptions, BinOptions {
  /** `lines`, the default: a curve for each epoch, dark at first, light at last. `image`: a row of colours for each. */
  readonly as?: 'lines' | 'image';
  /** Numbers of the epochs, that rise; default 1, 2, 3, ... */
  readonly epochs?: Numbers;
  /** What the values are. */
  readonly xLabel?: string;
  /** What the heights are; default: `density` or `count`. */
  readonly label?: string;
}

interface Read {
  readonly edges: Float64Array;
  readonly table: Matrix;
  readonly notes: readonly string[];
}

const isCounted = (data: unknown): data is CountedHistograms =>
  typeof data === 'object' && data !== null && 'heights' in data && 'edges' in data;

function read(where: string, data: readonly Numbers[] | CountedHistograms, options: EpochsOptions): Read {
  if (isCounted(data)) {
    const table = matrix(where, 'heights', data.heights);
    const edges = numbers(where, 'edges', data.edges, {
      length: table.columns + 1,
      like: 'one more than the bins are',
    });
    const width = (edges.at(-1)! - edges[0]!) / table.columns;
    if (!(width > 0) || edges.some((edge, i) => Math.abs(edge - edges[0]! - i * width) > 1e-3 * width))
      fail(where, 'edges must rise at equal distances');
    return { edges, table, notes: [] };
  }
  if (!Array.isArray(data) || data.length === 0 || isGrid(data))
    return fail(where, 'values is empty; give a list of values for each epoch, or heights with their edges');
  const lists = data.map((values, i) => numbers(where, `values[${i}]`, values));
  const edges = readRange(where, lists, options);
  const bins = lists.map((values) => countBins(values, edges, options.density ?? false));
  const table = {
    rows: lists.length,
    columns: edges.length - 1,
    data: new Float64Array(lists.length * (edges.length - 1)),
  };
  for (const [i, { heights }] of bins.entries()) table.data.set(heights, i * table.columns);
  const lost = bins.reduce((sum, { outside }) => sum + outside, 0);
  const all = lists.reduce((sum, values) => sum + values.length, 0);
  return { edges, table, notes: lost > 0 ? [`${lost} of ${all} values lie outside the bins`] : [] };
}

function readEpochs(where: string, value: Numbers | undefined, count: number): Float64Array {
  if (!value) return Float64Array.from({ length: count }, (_, i) => i + 1);
  const epochs = numbers(where, 'epochs', value, { length: count, like: 'the histograms are' });
  for (const [i, epoch] of epochs.entries())
    if (i > 0 && epoch <= epochs[i - 1]!)
      fail(where, `epochs must rise, epochs[${i}] is ${epoch} after ${epochs[i - 1]}`);
  return epochs;
}

/** Light yellow would be lost on white. */
const LIGHTEST = 0.93;

function asLines(
  { edges, table, notes }: Read,
  epochs: Float64Array,
  options: EpochsOptions,
  label: string,
): Picture {
  const where = 'histogramsOverEpochs';
  const { rows, columns, data } = table;
  const [first, last] = [epochs[0]!, epochs.at(-1)!];
  const colour = (epoch: number) =>
    colourAt('viridis', last > first ? (LIGHTEST * (epoch - first)) / (last - first) : 0);
  const centre = (i: number) => (edges[i]! + edges[i + 1]!) / 2;
  const ends = [edges[0]!, edges.at(-1)!] as const;
  return cartesian({
    ...{ where, options, width: 640, height: 400, name: 'histograms over epochs', notes },
    x: {
      scale: numeric(where, 'x', {}, ends, 8, { fit: 'exact' }),
      ...(options.xLabel ? { label: options.xLabel } : {}),
    },
    y: { scale: numeric(where, 'y', {}, [0, extentOf([data])![1]], 6, { fit: 'nice' }), lines: true, label },
    bar:
      rows > 1
        ? {
            ...barOf('viridis', first, last, 'epoch'),
            colour: (part) => colourAt('viridis', LIGHTEST * part),
            whole: true,
          }
        : undefined,
    content: () => ({
      series: [...epochs].map((epoch, row) => ({
        ...{ type: 'line', silent: true, symbol: 'none', z: 3 + row / rows },
        lineStyle: { color: css(colour(epoch)), width: rows > 30 ? 1 : 1.6, type: 'solid', join: 'round' },
        data: Array.from({ length: columns }, (_, i) => [centre(i), data[row * columns + i]!]),
      })),
    }),
  });
}

function asImage(
  { edges, table, notes }: Read,
  epochs: Float64Array,
  options: EpochsOptions,
  label: string,
): Picture {
  const where = 'histogramsOverEpochs';
  const colours = colouring(where, table.data, 'viridis', undefined);
  const step = epochs.length > 1 ? (epochs.at(-1)! - epochs[0]!) / (epochs.length - 1) : 1;
  if (epochs.some((epoch, i) => Math.abs(epoch - epochs[0]! - i * step) > 1e-6 * step))
    fail(where, "as: 'image' needs epochs at equal distances; take as: 'lines'");
  const ends = [edges[0]!, edges.at(-1)!] as const;
  const rows = [epochs[0]! - step / 2, epochs.at(-1)! + step / 2] as const;
  return cartesian({
    ...{ where, options, width: 640, height: 400, name: 'histograms over epochs', notes },
    x: {
      scale: numeric(where, 'x', {}, ends, 8, { fit: 'exact' }),
      ...(options.xLabel ? { label: options.xLabel } : {}),
    },
    y: { scale: numeric(where, 'y', {}, rows, 6, { fit: 'exact', whole: true }), label: 'epoch' },
    bar: barOf(colours.map, colours.low, colours.high, label),
    content: (area) => ({ graphic: [cells(table, colours, area, false)] }),
  });
}

/**
 * How the distribution of values, as of the weights, changes as a net trains.
 * @param data a list of values for each epoch, which are counted into common bins; or counted histograms
 * @throws WeftError naming the argument: no epochs, a value that is not finite, edges that don't fit, epochs that don't rise
 */
export function histogramsOverEpochs(
  data: readonly Numbers[] | CountedHistograms,
  options: EpochsOptions = {},
): Picture {
  const where = 'histogramsOverEpochs';
  const { as = 'lines' } = options;
  if (as !== 'lines' && as !== 'image') fail(where, `as must be 'lines' or 'image', it is '${String(as)}'`);
  const found = read(where, data, options);
  const epochs = readEpochs(where, options.epochs, found.table.rows);
  const label = options.label ?? (options.density ? 'density' : 'count');
  return as === 'lines' ? asLines(found, epochs, options, label) : asImage(found, epochs, options, label);
}
