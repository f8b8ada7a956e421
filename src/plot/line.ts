import { fail } from '../errors.js';
import { type Element, faint, polyline } from './elements.js';
import { type Area, cartesian, type FrameOptions } from './frame.js';
import type { LegendEntry } from './legend.js';
import type { Picture } from './picture.js';
import { type AxisOptions, numeric } from './scale.js';
import { css, FAINT_INK, hex, mix, palette } from './style.js';
import { extentOf, type Numbers, numbers } from './values.js';

/** One curve. A y that is not finite, or not above 0 on a logarithmic axis, is left out: the curve has a gap there. */
export interface LineSeries {
  readonly y: Numbers;
  /** As many as y; default 1, 2, 3, ... */
  readonly x?: Numbers;
  /** For the legend. */
  readonly name?: string;
  /** Default: the next of the palette. */
  readonly colour?: string;
  /** Default `solid`. */
  readonly style?: 'solid' | 'dashed' | 'dotted';
  /** Thin and pale, for raw values under their average, which comes next and shares the colour. */
  readonly faint?: boolean;
  /** Whether each point has a dot; default: where there are at most 16. */
  readonly points?: boolean;
  /** Half the height of a band around the curve, as a standard deviation; as many as y. */
  readonly spread?: Numbers;
}

/** A straight line across the whole area, as a chance level or the best epoch. */
export interface Guide {
  readonly x?: number;
  readonly y?: number;
  readonly label?: string;
}

export interface LineOptions extends FrameOptions {
  readonly x?: AxisOptions;
  readonly y?: AxisOptions;
  readonly guides?: readonly Guide[];
}

const DASHES = { solid: undefined, dashed: [7, 4], dotted: [2, 4] } as const;

export interface Curve {
  readonly name: string | undefined;
  readonly colour: string;
  readonly dash: readonly number[] | undefined;
  readonly faint: boolean;
  readonly points: boolean;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly spread: Float64Array | null;
}

export function readCurve(where: string, argument: string, series: LineSeries, colour: string): Curve {
  const { name, style = 'solid', faint = false } = series;
  if (!Object.hasOwn(DASHES, style))
    fail(where, `${argument}.style must be 'solid', 'dashed' or 'dotted', it is '${String(style)}'`);
  const y = numbers(where, `${argument}.y`, series.y, { gaps: true });
  const same = { length: y.length, like: `${argument}.y` };
  return {
    name,
    colour: series.colour ?? colour,
    dash: DASHES[style],
    faint,
    points: series.points ?? (!faint && y.length <= 16),
    x: series.x ? numbers(where, `${argument}.x`, series.x, same) : Float64Array.from(y, (_, i) => i + 1),
    y,
    spread: series.spread
      ? numbers(where, `${argument}.spread`, series.spread, { ...same, gaps: true })
      : null,
  };
}

/** A colour for each curve: faint ones share that of the next which is not, as raw values and their average do. */
export function coloursOf(list: readonly LineSeries[]): string[] {
  const own = list.map((one, i) => (one.faint && list.slice(i + 1).some((other) => !other.faint) ? 0 : 1));
  const colours = palette(own.reduce<number>((sum, one) => sum + one, 0));
  let used = 0;
  return own.map((counts) => {
    const colour = colours[used]!;
    used += counts;
    return colour;
  });
}

/** Whether a value has a place on the axis. */
const shown = (value: number, log: boolean) => Number.isFinite(value) && (!log || value > 0);

/** What is left out of the curves, in words. */
export function gapNotes(curves: readonly Curve[], log: boolean): string[] {
  return curves.flatMap(({ name, y }, i) => {
    const lost = y.filter((value) => !Number.isFinite(value)).length;
    const low = log ? y.filter((value) => Number.isFinite(value) && value <= 0).length : 0;
    const whose = name ?? (curves.length > 1 ? `curve ${i + 1}` : 'the curve');
    const gap = (count: number, what: string) =>
      count > 0
        ? [
            `${whose}: ${count} of ${y.length} values ${count === 1 ? 'is' : 'are'} ${what}, shown as ${count === 1 ? 'a gap' : 'gaps'}`,
          ]
        : [];
    return [...gap(lost, 'not finite'), ...gap(low, 'not above 0')];
  });
}

/** Runs of neighbouring points that have a place. */
function runs({ x, y }: Curve, log: boolean, xLog: boolean): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= y.length; i++) {
    const inside = i < y.length && shown(y[i]!, log) && shown(x[i]!, xLog);
    if (inside && start < 0) start = i;
    if (!inside && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

/** echarts series of a curve; points that have no neighbour to be joined with are dots. */
export function curveSeries(curve: Curve, log: boolean, xLog: boolean, z = 3): Element[] {
  const { x, y, colour, dash, faint } = curve;
  const parts = runs(curve, log, xLog);
  const data = parts.flatMap(([from, to], k) => [
    ...(k > 0 ? [[x[from]!, '-']] : []),
    ...Array.from({ length: to - from }, (_, i) => [x[from + i]!, y[from + i]!]),
  ]);
  const alone = parts.filter(([from, to]) => to - from === 1).map(([from]) => [x[from]!, y[from]!]);
  const dots = curve.points ? data.filter(([, value]) => value !== '-') : alone;
  const color = faint ? css(mix(hex(colour), [255, 255, 255], 0.6)) : colour;
  return [
    {
      ...{ type: 'line', silent: true, symbol: 'none', clip: true, z, data },
      lineStyle: { color, width: faint ? 1 : 2, type: dash ?? 'solid', join: 'round' },
    },
    {
      ...{ type: 'scatter', silent: true, clip: true, z, symbolSize: faint ? 3 : 6, data: dots },
      itemStyle: { color, opacity: 1 },
    },
  ];
}

/** The band of `spread` around a curve, one polygon for each run. */
function band(curve: Curve, area: Area, log: boolean, xLog: boolean, bottom: number): Element[] {
  const { x, y, spread, colour } = curve;
  if (!spread) return [];
  return runs(curve, log, xLog).map(([from, to]) => {
    const at = Array.from({ length: to - from }, (_, i) => from + i);
    const half = (i: number) => (Number.isFinite(spread[i]!) ? Math.abs(spread[i]!) : 0);
    const clamp = (py: number) => Math.min(area.top + area.height, Math.max(area.top, py));
    const upper = at.map((i) => [area.x(x[i]!), clamp(area.y(y[i]! + half(i)))]);
    const lower = at.map((i) => {
      const low = y[i]! - half(i);
      return [area.x(x[i]!), clamp(area.y(log && low <= 0 ? bottom : low))];
    });
    return {
      ...{ type: 'polygon', silent: true, z: 1, shape: { points: [...upper, ...lower.reverse()] } },
      style: { fill: colour, opacity: 0.18 },
    };
  });
}

export function guideElements(guides: readonly Guide[], area: Area, z = 2): Element[] {
  const [right, bottom] = [area.left + area.width, area.top + area.height];
  return guides.flatMap(({ x, y, label }) => {
    const style = { stroke: FAINT_INK, lineWidth: 1.2, lineDash: [4, 3] };
    const rim = { size: 11, rim: true } as const;
    if (y !== undefined) {
      const at = area.y(y);
      const line = polyline(
        [
          [area.left, at],
          [right, at],
        ],
        style,
        z,
      );
      return label ? [line, faint(label, right - 4, at - 9, { ...rim, align: 'right' })] : [line];
    }
    const at = area.x(x!);
    const line = polyline(
      [
        [at, area.top],
        [at, bottom],
      ],
      style,
      z,
    );
    const flip = at > area.left + area.width / 2;
    const align = flip ? 'right' : 'left';
    return label ? [line, faint(label, at + (flip ? -6 : 6), area.top + 9, { ...rim, align })] : [line];
  });
}

export function checkGuides(where: string, guides: readonly Guide[]): readonly Guide[] {
  for (const [i, { x, y }] of guides.entries()) {
    if ((x === undefined) === (y === undefined) || !Number.isFinite(x ?? y))
      fail(where, `guides[${i}] must have a finite x or a finite y, not both; it has x ${x} and y ${y}`);
  }
  return guides;
}

export const legendOf = (curves: readonly Curve[]): LegendEntry[] =>
  curves.flatMap(({ name, colour, dash, faint }) =>
    name === undefined
      ? []
      : [
          {
            name,
            colour: faint ? css(mix(hex(colour), [255, 255, 255], 0.6)) : colour,
            mark: 'line' as const,
            ...(dash ? { dash } : {}),
          },
        ],
  );

/**
 * Curves over a common x axis.
 * @param series one curve or several
 * @throws WeftError naming the argument: no series, an empty one, x and y of different lengths, an x that is not finite
 */
export function line(series: LineSeries | readonly LineSeries[], options: LineOptions = {}): Picture {
  const where = 'line';
  const list: readonly LineSeries[] = Array.isArray(series) ? series : [series as LineSeries];
  if (list.length === 0) fail(where, 'series is empty; give it at least one curve');
  const colours = coloursOf(list);
  const curves = list.map((one, i) => readCurve(where, `series[${i}]`, one, colours[i]!));
  return drawCurves(where, curves, options, 'curves');
}

export function drawCurves(
  where: string,
  curves: readonly Curve[],
  options: LineOptions,
  name: string,
): Picture {
  const { x = {}, y = {} } = options;
  const guides = checkGuides(where, options.guides ?? []);
  const [xLog, yLog] = [x.scale === 'log', y.scale === 'log'];
  const finite = curves.flatMap((curve) => {
    const kept = curve.y.filter((value) => shown(value, yLog));
    const half = curve.spread;
    if (!half) return [kept];
    const ends = (sign: 1 | -1) =>
      curve.y.map((value, i) => value + sign * (Number.isFinite(half[i]!) ? Math.abs(half[i]!) : 0));
    return [kept, ends(1), ends(-1).filter((value) => shown(value, yLog))];
  });
  const yExtent = extentOf([...finite, guides.flatMap((guide) => guide.y ?? [])]);
  if (!yExtent)
    return fail(
      where,
      `no y of any curve ${yLog ? 'is finite and above 0' : 'is finite'}: there is nothing to draw`,
    );
  const xExtent = extentOf([...curves.map((curve) => curve.x), guides.flatMap((guide) => guide.x ?? [])])!;
  const whole = !xLog && curves.every((curve) => curve.x.every(Number.isInteger));
  const xScale = numeric(where, 'x', x, xExtent, 7, { fit: 'exact', whole });
  const yScale = numeric(where, 'y', y, yExtent, 6, { fit: 'nice' });
  return cartesian({
    where,
    options,
    width: 640,
    height: 400,
    name,
    x: { scale: xScale, ...(x.label ? { label: x.label } : {}) },
    y: { scale: yScale, lines: true, ...(y.label ? { label: y.label } : {}) },
    legend: legendOf(curves),
    notes: gapNotes(curves, yLog),
    content: (area) => ({
      series: curves.flatMap((curve, i) => curveSeries(curve, yLog, xLog, curve.faint ? 2 : 3 + i / 100)),
      graphic: [
        ...curves.flatMap((curve) => band(curve, area, yLog, xLog, yScale.min)),
        ...guideElements(guides, area),
      ],
    }),
  });
}
