import { fail } from '../errors.js';
import { type ColourBar, colourBar, widthOfBar } from './colour-bar.js';
import { type Element, faint, text } from './elements.js';
import { draw } from './engine.js';
import { type LegendEntry, legend, rowsOf, widthOfRows } from './legend.js';
import { type Picture, picture } from './picture.js';
import type { Scale } from './scale.js';
import { AXIS, FAINT_INK, FONT, GRID, INK, LINE_HEIGHT, MARGIN, TEXT_SIZE, widthOf, wrap } from './style.js';

export interface FrameOptions {
  readonly title?: string;
  /** A line under the title. */
  readonly subtitle?: string;
  /** Of the whole picture, in pixels. */
  readonly width?: number;
  readonly height?: number;
}

/** Where the data lie, in pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

export interface Content {
  readonly series?: readonly Element[];
  readonly graphic?: readonly Element[];
}

export interface Axis {
  readonly label?: string;
  readonly scale: Scale;
  /** Whether lines of a grid stand on its ticks. */
  readonly lines?: boolean;
  /** Whether the first tick is at the top (a y axis alone). */
  readonly down?: boolean;
}

export interface Chart {
  readonly where: string;
  readonly options: FrameOptions;
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly legend?: readonly LegendEntry[];
  readonly bar?: ColourBar | undefined;
  /** Lines below the axes: what a reader must know of the data. */
  readonly notes?: readonly string[];
  /** Width over height of the area, which then is as large as there is room for. */
  readonly aspect?: number | undefined;
  /** What is read out of a picture without a title. */
  readonly name: string;
  readonly content: (area: Area) => Content;
}

const TITLE = 15;
const NOTE = 11;
const LEAST = 60;

function checkSize(where: string, name: 'width' | 'height', value: number): number {
  if (!Number.isFinite(value) || value < 120 || value > 10000)
    fail(where, `${name} must be 120 to 10000 pixels, it is ${value}`);
  return Math.round(value);
}

/** Title and subtitle, wrapped; what follows may start at `bottom`. */
export function heading(options: Pick<FrameOptions, 'title' | 'subtitle'>, width: number) {
  const room = width - 2 * MARGIN;
  const titles = options.title ? wrap(options.title, room, TITLE, true) : [];
  const subtitles = options.subtitle ? wrap(options.subtitle, room) : [];
  const top = MARGIN - 4;
  const below = top + 21 * titles.length;
  const elements = [
    ...titles.map((line, i) => text(line, MARGIN, top + 21 * i + 10, { size: TITLE, bold: true })),
    ...subtitles.map((line, i) => faint(line, MARGIN, below + LINE_HEIGHT * i + 9)),
  ];
  const widths = [
    ...titles.map((line) => widthOf(line, TITLE, true)),
    ...subtitles.map((line) => widthOf(line)),
  ];
  return {
    elements,
    bottom: below + LINE_HEIGHT * subtitles.length + (elements.length > 0 ? 6 : 4),
    width: Math.max(0, ...widths),
  };
}

/** Lines of small print that end at `bottom`. */
function footnotes(notes: readonly string[], width: number, bottom: number) {
  const lines = notes.flatMap((note) => wrap(note, width - 2 * MARGIN, NOTE));
  const top = bottom - lines.length * 15;
  const elements = lines.map((line, i) => faint(line, MARGIN, top + 15 * i + 5, { size: NOTE }));
  return { elements, top: lines.length > 0 ? top - 4 : bottom };
}

/** How the names along the x axis stand, and the room below that they take. */
function standing(scale: Scale, width: number) {
  const texts = scale.ticks.map(scale.text);
  const widest = Math.max(0, ...texts.map((one) => widthOf(one)));
  const flat = { rotate: 0, room: LINE_HEIGHT, every: 1, lines: texts };
  if (!scale.names) return flat;
  const band = width / scale.names.length;
  if (widest <= band - 6) return flat;
  const wrapped = texts.map((one) => wrap(one, band - 6));
  const most = Math.max(...wrapped.map((lines) => lines.length));
  const fits = wrapped.every((lines) => lines.every((line) => widthOf(line) <= band - 4));
  if (fits && most <= 3)
    return { ...flat, room: most * 14 + 3, lines: wrapped.map((lines) => lines.join('\n')) };
  const every = Math.max(1, Math.ceil(15 / band));
  const short = Math.max(...texts.map((one) => one.length)) <= 4 && widest <= 3 * band;
  if (short) return { ...flat, every: Math.ceil((widest + 8) / band) };
  return { rotate: 40, room: Math.ceil(widest * Math.sin((40 * Math.PI) / 180)) + 14, every, lines: texts };
}

const lineStyle = (color: string) => ({ lineStyle: { color, width: 1 } });

function axisOption(axis: Axis, extra: Element, shown: (value: number) => string): Element {
  const { scale } = axis;
  const label = {
    color: INK,
    fontFamily: FONT,
    fontSize: TEXT_SIZE,
    lineHeight: 14,
    margin: 8,
    hideOverlap: false,
    ...extra,
  };
  const common = {
    animation: false,
    silent: true,
    inverse: axis.down ?? false,
    axisLine: { show: true, onZero: false, ...lineStyle(AXIS) },
  };
  if (scale.names) {
    return {
      ...common,
      type: 'category',
      data: scale.names.map((_, i) => i),
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...label, interval: 0, formatter: (_: string, i: number) => shown(i) },
    };
  }
  const customValues = [...scale.ticks];
  return {
    ...common,
    type: scale.log ? 'log' : 'value',
    // Where bars start: an axis of logarithms has no zero.
    ...(scale.log ? { startValue: scale.min } : {}),
    min: scale.min,
    max: scale.max,
    axisTick: { show: true, length: 4, customValues, ...lineStyle(AXIS) },
    splitLine: { show: axis.lines ?? false, ...lineStyle(GRID) },
    axisLabel: { ...label, customValues, showMinLabel: true, showMaxLabel: true, formatter: shown },
  };
}

interface Room {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The area within the room that the axes leave, of the right aspect. */
function place({ left, right, top, bottom }: Room, chart: Chart, size: string): Area {
  let [width, height] = [right - left, bottom - top];
  if (width < LEAST || height < LEAST)
    fail(
      chart.where,
      `a picture of ${size} leaves ${Math.floor(width)} x ${Math.floor(height)} pixels for the data; make it larger or its texts shorter`,
    );
  if (chart.aspect !== undefined && width > height * chart.aspect) width = height * chart.aspect;
  else if (chart.aspect !== undefined) height = width / chart.aspect;
  const area = {
    left: Math.round(left),
    top: Math.round(top),
    width: Math.round(width),
    height: Math.round(height),
  };
  const { x, y } = chart;
  return {
    ...area,
    x: (value) => area.left + area.width * x.scale.part(value),
    y: (value) => area.top + area.height * (y.down ? y.scale.part(value) : 1 - y.scale.part(value)),
  };
}

/** Where everything lies in a picture of `width` x `height`. */
function layout(chart: Chart, width: number, height: number) {
  const { x, y, bar } = chart;
  const head = heading(chart.options, width);
  const foot = footnotes(chart.notes ?? [], width, height - MARGIN + 6);
  const yWidth = Math.max(...y.scale.ticks.map((tick) => widthOf(y.scale.text(tick))), 0);
  const left = MARGIN + (y.label ? 22 : 0) + yWidth + 10;
  const rows = rowsOf(chart.legend ?? [], width - left - MARGIN);
  const top = head.bottom + rows.length * 20 + (rows.length > 0 ? 4 : 0) + 4;
  const lastTick = x.scale.names ? 0 : widthOf(x.scale.text(x.scale.ticks.at(-1) ?? 0)) / 2;
  const right = width - (bar ? widthOfBar(bar) + MARGIN : Math.max(MARGIN, lastTick + 6));
  const xNames = standing(x.scale, right - left);
  const bottom = foot.top - (x.label ? 22 : 0) - xNames.room - 8;
  const area = place({ left, right, top, bottom }, chart, `${width} x ${height}`);
  const least = Math.max(head.width + 2 * MARGIN, left + widthOfRows(rows) + MARGIN);
  const spare = {
    width: Math.floor(Math.min(right - left - area.width, width - least)),
    height: Math.floor(bottom - top - area.height),
  };
  return { width, height, head, foot, yWidth, rows, xNames, area, spare };
}

/** The layout, without the room that an area of fixed aspect leaves empty where the user gave no size. */
function fitted(chart: Chart) {
  const { width, height } = chart.options;
  const full = layout(
    chart,
    checkSize(chart.where, 'width', width ?? chart.width),
    checkSize(chart.where, 'height', height ?? chart.height),
  );
  const [across, down] = [
    width ? 0 : Math.max(0, full.spare.width),
    height ? 0 : Math.max(0, full.spare.height),
  ];
  return across + down === 0 ? full : layout(chart, full.width - across, full.height - down);
}

/** The names of the axes along their middles. */
function axisLabels({ x, y }: Chart, area: Area, below: number, beside: number): Element[] {
  const style = { align: 'center', size: 13 } as const;
  const [middle, half] = [area.left + area.width / 2, area.top + area.height / 2];
  return [
    ...(x.label ? [text(x.label, middle, area.top + area.height + below + 20, style)] : []),
    ...(y.label ? [text(y.label, area.left - beside - 24, half, { ...style, turned: true })] : []),
  ];
}

/** Draws a chart with two axes: texts are measured first, so that none is cut and none lies on another. */
export function cartesian(chart: Chart): Picture {
  const { x, y, bar, options } = chart;
  const { width, height, head, foot, yWidth, rows, xNames, area } = fitted(chart);
  const yEvery = y.scale.names ? Math.max(1, Math.ceil(15 / (area.height / y.scale.names.length))) : 1;
  const content = chart.content(area);
  const body = draw(width, height, {
    textStyle: { fontFamily: FONT, color: FAINT_INK },
    grid: {
      ...{ left: area.left, top: area.top, width: area.width, height: area.height },
      ...{ outerBoundsMode: 'none', containLabel: false },
    },
    xAxis: axisOption(x, { rotate: xNames.rotate }, (value) => {
      if (!x.scale.names) return x.scale.text(value);
      return value % xNames.every === 0 ? xNames.lines[value]! : '';
    }),
    yAxis: axisOption(y, {}, (value) => (value % yEvery !== 0 && y.scale.names ? '' : y.scale.text(value))),
    series: content.series ?? [],
    graphic: [
      ...head.elements,
      ...legend(rows, area.left, head.bottom),
      ...axisLabels(chart, area, xNames.room, yWidth),
      ...(bar ? colourBar(bar, area.left + area.width + 14, area.top, area.height) : []),
      ...foot.elements,
      ...(content.graphic ?? []),
    ],
  });
  const title = [options.title ?? chart.name, options.subtitle].filter(Boolean).join(': ');
  return picture(width, height, title, body);
}
