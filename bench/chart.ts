import { LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { use } from 'echarts/core';
import { draw } from '../src/plot/echarts.js';
import { FONT, widthOf } from '../src/plot/style.js';
import { svgDocument } from '../src/plot/svg.js';
import { type Whisker, whiskers } from '../src/plot/whiskers.js';
import type { SuiteName } from './case.js';
import { type BenchReport, type BenchResult, boundOf, engineLabel, groupsOf, isPeer } from './report.js';
import { SUITES } from './suites/index.js';

use([LegendComponent, MarkLineComponent, TitleComponent]);

/**
 * `rate` is GFLOP/s, GB/s for suites bound by memory; `percent` is percent of peak; `time` is milliseconds.
 */
export type ChartMetric = 'rate' | 'percent' | 'time';

/** Weft warm, peers cool; further engines take echarts' own colours. */
const COLOURS: Readonly<Record<string, string>> = {
  'weft-wasm': '#d1495b',
  'weft-wasm x2': '#8d1f30',
  'weft-webgpu': '#edae49',
  'tfjs-wasm': '#00798c',
  'tfjs-cpu': '#8fbcc4',
  'ort-web': '#30638e',
  'jax-js': '#6d7f8c',
  'ort-node': '#b5b8bd',
  'tfjs-webgpu': '#00798c',
  'ort-webgpu': '#30638e',
  'jax-webgpu': '#6d7f8c',
};

const WIDTH = 960;
const BAR = 14;
const GAPS = { barGap: '8%', barCategoryGap: '28%' } as const;

/** What a suite's chart shows: the figure of a result, its unit, and the lines of what the machine reaches at most. */
interface Scale {
  readonly of: (result: BenchResult) => number | null;
  readonly unit: string;
  /** Which way is better. */
  readonly note: string;
  readonly limits: readonly { readonly at: number; readonly label: string }[];
  /** Times of engines lie too far apart for a linear axis. */
  readonly logarithmic: boolean;
}

function scaleOf({ peak, results }: BenchReport, suite: SuiteName, metric: ChartMetric): Scale {
  const more = { note: 'more is better', logarithmic: false };
  if (metric === 'time')
    return { of: (r) => r.medianMs, unit: 'ms', note: 'less is better', limits: [], logarithmic: true };
  const memory = boundOf(suite) === 'memory';
  const single = memory ? 'copy of 64 MiB' : 'peak of one thread';
  if (metric === 'percent')
    return { ...more, of: (r) => r.percentOfPeak, unit: '% of peak', limits: [{ at: 100, label: single }] };
  if (memory)
    return { ...more, of: (r) => r.gbps, unit: 'GB/s', limits: [{ at: peak.copyGBps, label: single }] };
  const threads = [...new Set(results.filter((r) => r.suite === suite).map((r) => r.threads))];
  const limits = threads.map((count) => ({
    at: count * peak.gflops,
    label: count === 1 ? single : `of ${count}`,
  }));
  return { ...more, of: (r) => r.gflops, unit: 'GFLOP/s', limits };
}

/** A bar's figure, and for Weft's own what it is of the peak. */
function label(result: BenchResult | undefined, { of, unit }: Scale): string {
  const value = result ? of(result) : null;
  if (!result || value === null) return '';
  const figure = value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  const wrong = result.error ? ' (wrong)' : '';
  const share = isPeer(result) || result.percentOfPeak === null || unit.startsWith('%');
  return `${figure}${wrong}${share ? '' : `  ${result.percentOfPeak!.toFixed(0)} %`}`;
}

/** The quartiles on the chart's scale: rates and shares fall as times grow. */
function quartiles(result: BenchResult, { of }: Scale, metric: ChartMetric): [number, number] {
  const value = of(result)!;
  if (!result.quartilesMs || result.medianMs === null) return [value, value];
  const [low, high] = result.quartilesMs;
  return metric === 'time'
    ? [low, high]
    : [(value * result.medianMs) / high, (value * result.medianMs) / low];
}

function whiskerOf(result: BenchResult | undefined, scale: Scale, metric: ChartMetric): Whisker | null {
  if (!result || scale.of(result) === null) return null;
  const [low, high] = quartiles(result, scale, metric);
  return { low, high, text: label(result, scale) };
}

/** Bars of each engine, and what stands on them. */
function seriesOf(
  groups: ReturnType<typeof groupsOf>,
  engines: readonly string[],
  scale: Scale,
  metric: ChartMetric,
) {
  const found = engines.map((engine) =>
    groups.map((group) => group.results.find((result) => engineLabel(result) === engine)),
  );
  const bars = engines.map((engine, i) => ({
    ...{ type: 'bar', name: engine, silent: true, ...GAPS },
    itemStyle: { borderRadius: 2, ...(COLOURS[engine] ? { color: COLOURS[engine] } : {}) },
    data: found[i]!.map((result) => (result && scale.of(result)) ?? '-'),
    ...(i === 0 ? { markLine: limitLines(scale) } : {}),
  }));
  const gaps = { count: engines.length, ...GAPS };
  const over = found.map((results, i) =>
    whiskers(
      results.map((result) => whiskerOf(result, scale, metric)),
      i,
      gaps,
      true,
    ),
  );
  return [...bars, ...over];
}

/**
 * A suite as horizontal bars of medians, grouped by case, one bar for each engine, with whiskers from the lower to the upper
 * quartile; an engine that can't run a case has none. Weft's say what percent of the peak they are.
 */
export function suiteChart(
  report: BenchReport,
  suite: SuiteName,
  metric: ChartMetric = SUITES[suite].unit === 'ms' ? 'time' : 'rate',
): string {
  const groups = groupsOf(report.results, suite);
  const scale = scaleOf(report, suite, metric);
  const shown = groups.flatMap(({ results }) => results.filter((result) => scale.of(result) !== null));
  const engines = [...new Set(shown.map(engineLabel))];
  const ends = shown.flatMap((one) => quartiles(one, scale, metric));
  const labelWidth = 28 + Math.max(...groups.map((group) => widthOf(group.label)));
  const height = Math.round(136 + groups.length * (engines.length * BAR * 1.08 + BAR * 0.9));
  const title = `${suite}: ${scale.unit}`;
  const body = draw(WIDTH, height, {
    textStyle: { fontFamily: FONT },
    title: {
      text: title,
      subtext: `${scale.note}, whiskers are quartiles; ${report.machine.cpu}, ${report.machine.engine}, ${report.date}`,
      left: 16,
    },
    legend: { bottom: 8, left: labelWidth, itemGap: 24, itemWidth: 14, itemHeight: 10, data: engines },
    grid: { left: labelWidth, right: 96, top: 88, bottom: 60 },
    xAxis: {
      ...{ name: scale.unit, nameLocation: 'end' },
      ...(scale.logarithmic ? logarithmic(ends) : { type: 'value', max: axisEnd(scale, ends) }),
      axisLabel: { showMaxLabel: scale.logarithmic },
    },
    yAxis: {
      ...{ type: 'category', inverse: true, axisTick: { show: false } },
      data: groups.map((group) => group.label),
    },
    series: seriesOf(groups, engines, scale, metric),
  });
  return svgDocument(WIDTH, height, title, body);
}

const limitLines = ({ limits }: Scale) => ({
  ...{ silent: true, symbol: 'none', lineStyle: { color: '#555', type: 'dashed' } },
  data: limits.map(({ at, label: name }) => ({
    xAxis: at,
    label: { formatter: name, position: 'start', fontSize: 11 },
  })),
});

/** From the power of ten below the least value, where bars start. */
function logarithmic(values: readonly number[]) {
  const min = 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.1);
  return { type: 'log', min, startValue: min };
}

/** Past the longest whisker and the limits by enough for a label. */
const axisEnd = ({ limits }: Scale, ends: readonly number[]): number =>
  1.04 * Math.max(...ends, ...limits.map(({ at }) => at));
