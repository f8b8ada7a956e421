import { fail } from '../errors.js';
import type { Element } from './elements.js';
import type { LegendEntry } from './legend.js';
import { palette, shapeOf } from './style.js';
import { labels, type Numbers, numbers } from './values.js';

/** Points in the plane, each of a class if there are labels. */
export interface Points {
  readonly x: Numbers;
  readonly y: Numbers;
  /** The class of each point, 0 and up. */
  readonly labels?: Numbers;
  /** Names of the classes; default: their numbers. */
  readonly classes?: readonly string[];
  /** Points with a ring around them, as the misclassified: true or 1 for each of those. */
  readonly marked?: ArrayLike<boolean | number>;
}

export interface ReadPoints {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly labels: readonly number[];
  /** Empty where there are no labels. */
  readonly classes: readonly string[];
  readonly marked: readonly boolean[];
}

export function readPoints(where: string, argument: string, points: Points): ReadPoints {
  const x = numbers(where, `${argument}x`, points.x);
  const same = { length: x.length, like: `${argument}x` };
  const y = numbers(where, `${argument}y`, points.y, same);
  const { classes, marked } = points;
  if (classes && !points.labels)
    fail(where, `${argument}classes are named but there are no ${argument}labels`);
  if (classes?.length === 0) fail(where, `${argument}classes is empty; name each class, or leave it out`);
  if (marked && marked.length !== x.length)
    fail(where, `${argument}marked has ${marked.length} values, ${argument}x ${x.length}; give as many`);
  const flags = Array.from(x, (_, i) => Boolean(marked?.[i]));
  if (!points.labels) return { x, y, labels: [...x].map(() => 0), classes: [], marked: flags };
  const own = labels(
    where,
    `${argument}labels`,
    points.labels,
    classes?.length ?? Number.POSITIVE_INFINITY,
    same,
  );
  const count = classes?.length ?? own.reduce((most, label) => Math.max(most, label), 0) + 1;
  return {
    x,
    y,
    labels: own,
    classes: classes ?? Array.from({ length: count }, (_, i) => String(i)),
    marked: flags,
  };
}

/** Smaller where there are many. */
const sizeFor = (count: number) => (count > 2000 ? 4 : count > 500 ? 5.5 : 8);

/** echarts series, one for each class, the classes in the palette's order. */
export function pointSeries(points: ReadPoints, border: string, z = 4): Element[] {
  const { x, y, labels: own, classes, marked } = points;
  const size = sizeFor(x.length);
  const colours = palette(Math.max(1, classes.length));
  const series = colours.map((color, label) => ({
    ...{ type: 'scatter', silent: true, clip: true, z, symbol: shapeOf(label), symbolSize: size },
    itemStyle: {
      color,
      opacity: x.length > 500 ? 0.75 : 0.95,
      borderColor: border,
      borderWidth: size > 5 ? 0.8 : 0.3,
    },
    data: [...x].flatMap((value, i) => (own[i] === label ? [[value, y[i]!]] : [])),
  }));
  const rings = {
    ...{ type: 'scatter', silent: true, clip: true, z: z + 1, symbol: 'circle', symbolSize: size + 6 },
    itemStyle: { color: 'transparent', borderColor: '#000000', borderWidth: 1.4, opacity: 1 },
    data: [...x].flatMap((value, i) => (marked[i] ? [[value, y[i]!]] : [])),
  };
  return marked.some(Boolean) ? [...series, rings] : series;
}

export function pointLegend(classes: readonly string[]): LegendEntry[] {
  const colours = palette(classes.length);
  return classes.map((name, i) => ({ name, colour: colours[i]!, mark: shapeOf(i) }));
}
