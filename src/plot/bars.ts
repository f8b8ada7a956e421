import { fail } from '../errors.js';
import { type Element, text } from './elements.js';
import { type Area, cartesian, type FrameOptions } from './frame.js';
import { checkGuides, type Guide, guideElements } from './line.js';
import type { Picture } from './picture.js';
import { type AxisOptions, named, numeric } from './scale.js';
import { palette, widthOf } from './style.js';
import { formatAlike } from './ticks.js';
import { extentOf, type Numbers, numbers } from './values.js';
import { whiskers } from './whiskers.js';

/** Bars of one colour, one in each group. */
export interface BarSeries {
  /** As many as groups. NaN stands for a bar that is missing. */
  readonly values: Numbers;
  /** For the legend. */
  readonly name?: string;
  /** Default: the next of the palette. */
  readonly colour?: string;
  /** Half the length of a whisker on each bar, as a standard deviation; or the values of its ends. */
  readonly spread?: Numbers | { readonly low: Numbers; readonly high: Numbers };
}

export interface BarsOptions extends FrameOptions {
  /** Of the groups. */
  readonly x?: { readonly label?: string };
  readonly y?: AxisOptions;
  /** Whether each bar has its value written over it; default: where there is room. */
  readonly numbers?: boolean;
  /** Lines across, as a chance level: those with a `y` alone. */
  readonly guides?: readonly Guide[];
}

interface Read {
  readonly name: string | undefined;
  readonly colour: string;
  readonly values: Float64Array;
  readonly ends: readonly ([number, number] | null)[];
}

function readSeries(where: string, argument: string, series: BarSeries, count: number, colour: string): Read {
  const same = { length: count, like: 'groups' };
  const values = numbers(where, `${argument}.values`, series.values, { ...same, gaps: true });
  const { spread } = series;
  if (!spread)
    return { name: series.name, colour: series.colour ?? colour, values, ends: [...values].map(() => null) };
  const gaps = { ...same, gaps: true };
  const [low, high] =
    'low' in spread && 'high' in spread
      ? [
          numbers(where, `${argument}.spread.low`, spread.low, gaps),
          numbers(where, `${argument}.spread.high`, spread.high, gaps),
        ]
      : ends(values, numbers(where, `${argument}.spread`, spread as Numbers, gaps));
  const whisker = (i: number): [number, number] | null => {
    const both = [low[i]!, high[i]!] as [number, number];
    if (both[0] > both[1]) fail(where, `${argument}.spread.low[${i}] is ${both[0]}, above high, ${both[1]}`);
    return both.every(Number.isFinite) && Number.isFinite(values[i]!) ? both : null;
  };
  return {
    name: series.name,
    colour: series.colour ?? colour,
    values,
    ends: [...values].map((_, i) => whisker(i)),
  };
}

const ends = (values: Float64Array, half: Float64Array) => [
  values.map((value, i) => value - Math.abs(half[i]!)),
  values.map((value, i) => value + Math.abs(half[i]!)),
];

const GAPS = { barGap: '10%', barCategoryGap: '32%' } as const;

/** The bars' values over them, as wide as bars may be where echarts leaves the gaps above. */
function valueTexts(
  read: readonly Read[],
  groups: number,
  area: Area,
  wanted: boolean | undefined,
): Element[] {
  const band = area.width / groups;
  const bar = (0.68 * band) / (read.length + 0.1 * (read.length - 1));
  const show = formatAlike(read.flatMap(({ values }) => [...values]));
  const widest = Math.max(
    ...read.flatMap(({ values }) => [...values].map((value) => widthOf(show(value), 10))),
  );
  if (!(wanted ?? widest + 5 <= 1.1 * bar)) return [];
  return read.flatMap(({ values, ends: own }, k) =>
    [...values].flatMap((value, i) => {
      if (!Number.isFinite(value)) return [];
      const down = value < 0;
      const end = own[i] ? own[i][down ? 0 : 1] : value;
      const x = area.left + band * (i + 0.16) + bar * (0.5 + 1.1 * k);
      return [text(show(value), x, area.y(end) + (down ? 9 : -8), { align: 'center', size: 10, rim: true })];
    }),
  );
}

function barSeries({ values, ends: own, colour }: Read, k: number, count: number): Element[] {
  const bar = {
    ...{ type: 'bar', silent: true, clip: true, z: 3, ...GAPS },
    itemStyle: { color: colour },
    data: [...values].map((value) => (Number.isFinite(value) ? value : '-')),
  };
  return [
    bar,
    whiskers(
      own.map((one) => one && { low: one[0], high: one[1] }),
      k,
      { count, ...GAPS },
      false,
    ),
  ];
}

/** Ends of the values with their whiskers and guides, and room for the numbers below. */
function extentWithTexts(where: string, read: readonly Read[], guides: readonly Guide[], log: boolean) {
  const shown = read.flatMap((one) => [one.values, one.ends.flat().map((end) => end ?? Number.NaN)]);
  const extent = extentOf([...shown, guides.map((guide) => guide.y!)]);
  if (!extent) return fail(where, 'no value is finite: there is nothing to draw');
  const [low, high] = extent;
  if (log) return [low / 1.5, high] as const;
  const room = 0.05 * (Math.max(0, high) - Math.min(0, low));
  return [low < 0 ? low - room : low, high] as const;
}

/**
 * Upright bars in groups, from zero (from the axis's lower end where it is logarithmic), with whiskers for their spread.
 * @param groups names along the x axis
 * @param series one list of bars or several, which stand side by side
 * @throws WeftError naming the argument: no group, no series, as many values as there are not groups
 */
export function bars(
  groups: readonly string[],
  series: BarSeries | readonly BarSeries[],
  options: BarsOptions = {},
): Picture {
  const where = 'bars';
  const list: readonly BarSeries[] = Array.isArray(series) ? series : [series as BarSeries];
  if (groups.length === 0) fail(where, 'groups is empty; name at least one');
  if (list.length === 0) fail(where, 'series is empty; give it at least one list of bars');
  const colours = palette(list.length);
  const read = list.map((one, i) => readSeries(where, `series[${i}]`, one, groups.length, colours[i]!));
  const { x = {}, y = {} } = options;
  const guides = checkGuides(where, options.guides ?? []);
  if (guides.some((guide) => guide.x !== undefined)) fail(where, 'guides of bars have a y, not an x');
  const log = y.scale === 'log';
  const extent = extentWithTexts(where, read, guides, log);
  const yScale = numeric(where, 'y', y, extent, 6, { fit: 'nice', zero: !log });
  const lost = read.reduce(
    (sum, one) => sum + one.values.filter((value) => !Number.isFinite(value)).length,
    0,
  );
  const missing =
    lost === 1 ? '1 bar is missing, its value is' : `${lost} bars are missing, their values are`;
  return cartesian({
    ...{ where, options, width: 640, height: 400, name: 'bars' },
    x: { scale: named(groups), ...(x.label ? { label: x.label } : {}) },
    y: { scale: yScale, lines: true, ...(y.label ? { label: y.label } : {}) },
    legend: read.flatMap(({ name, colour }) =>
      name === undefined ? [] : [{ name, colour, mark: 'box' as const }],
    ),
    notes: lost > 0 ? [`${missing} not finite`] : [],
    content: (area) => ({
      series: read.flatMap((one, k) => barSeries(one, k, list.length)),
      graphic: [...guideElements(guides, area, 4), ...valueTexts(read, groups.length, area, options.numbers)],
    }),
  });
}
