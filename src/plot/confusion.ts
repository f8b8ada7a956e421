import { fail } from '../errors.js';
import { barOf } from './colour-bar.js';
import { cartesian, type FrameOptions } from './frame.js';
import { cells, cellTexts } from './heat-map.js';
import type { Picture } from './picture.js';
import { named } from './scale.js';
import { labels, type Matrix, matrix, type Numbers, type Table } from './values.js';

/** Classes of samples and what a model took them for. */
export interface Predictions {
  readonly labels: Numbers;
  readonly predictions: Numbers;
}

export interface ConfusionOptions extends FrameOptions {
  /** Names of the classes; default: their numbers. */
  readonly classes?: readonly string[];
  /** What each cell shows: how many, which is the default, or what percent of the true class. */
  readonly show?: 'count' | 'percent';
}

function count(
  where: string,
  { labels: own, predictions }: Predictions,
  classes: readonly string[] | undefined,
): Matrix {
  const most = classes?.length ?? Number.POSITIVE_INFINITY;
  const truth = labels(where, 'labels', own, most);
  const guess = labels(where, 'predictions', predictions, most, { length: truth.length, like: 'labels' });
  const n = classes?.length ?? [...truth, ...guess].reduce((high, label) => Math.max(high, label), 0) + 1;
  const data = new Float64Array(n * n);
  for (const [i, label] of truth.entries()) data[label * n + guess[i]!]!++;
  return { rows: n, columns: n, data };
}

function readCounts(where: string, counts: Table, classes: readonly string[] | undefined): Matrix {
  const table = matrix(where, 'counts', counts);
  const { rows, columns, data } = table;
  if (rows !== columns)
    fail(where, `counts is [${rows},${columns}]; give as many rows as columns, one for each class`);
  if (classes && classes.length !== rows)
    fail(where, `classes has ${classes.length} names, counts is [${rows},${columns}]; give as many`);
  for (const [i, value] of data.entries())
    if (!Number.isInteger(value) || value < 0)
      fail(
        where,
        `counts[${Math.floor(i / columns)}][${i % columns}] is ${value}; give whole numbers of 0 and up`,
      );
  return table;
}

/**
 * How often each class was taken for each: rows are the true classes, columns the predicted ones; colours are shares of the
 * row, so that classes with few samples are seen as well.
 * @param data counts [true, predicted], or the labels and predictions of samples, which are counted
 * @throws WeftError naming the argument: another shape, labels outside the classes, lists of different lengths, no samples
 */
export function confusionMatrix(data: Table | Predictions, options: ConfusionOptions = {}): Picture {
  const where = 'confusionMatrix';
  const { classes, show = 'count' } = options;
  if (show !== 'count' && show !== 'percent')
    fail(where, `show must be 'count' or 'percent', it is '${String(show)}'`);
  const table = 'predictions' in data ? count(where, data, classes) : readCounts(where, data, classes);
  const n = table.rows;
  const total = table.data.reduce((sum, value) => sum + value, 0);
  if (total === 0) fail(where, 'all counts are 0: there is nothing to draw');
  const sums = Array.from({ length: n }, (_, i) =>
    table.data.subarray(i * n, i * n + n).reduce((a, b) => a + b, 0),
  );
  const shares: Matrix = {
    ...table,
    data: table.data.map((value, i) => (100 * value) / (sums[Math.floor(i / n)]! || 1)),
  };
  const right = Array.from({ length: n }, (_, i) => table.data[i * n + i]!).reduce((a, b) => a + b, 0);
  const scale = named(Array.from({ length: n }, (_, i) => classes?.[i] ?? String(i)));
  const colours = { map: 'blues', low: 0, high: 100 } as const;
  const cell = n <= 4 ? 72 : n <= 12 ? 44 : n <= 30 ? 22 : 14;
  const size = show === 'percent' && n > 4 ? 11 : n <= 12 ? 12 : 8;
  const text = (value: number) => (show === 'count' ? String(value) : value === 0 ? '0' : value.toFixed(1));
  return cartesian({
    where,
    options: {
      subtitle: `accuracy ${((100 * right) / total).toFixed(2)} %, ${right} of ${total} samples`,
      ...options,
    },
    width: Math.max(360, cell * n + 190),
    height: Math.max(320, cell * n + 130),
    aspect: 1,
    name: 'confusion matrix',
    x: { scale, label: 'predicted class' },
    y: { scale, label: 'true class', down: true },
    bar: barOf('blues', 0, 100, '% of the true class'),
    content: (area) => ({
      graphic: [
        cells(shares, colours, area, true),
        ...(n <= 30
          ? cellTexts(
              shares,
              colours,
              area,
              (share, i) => text(show === 'count' ? table.data[i]! : share),
              size,
              '#8a8a8a',
            )
          : []),
      ],
    }),
  });
}
