import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { SuiteName } from './case.js';
import { type BenchReport, type BenchResult, boundOf, engineLabel, groupsOf, isPeer } from './report.js';
import { SUITES } from './suites/index.js';

echarts.use([BarChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

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
};

const WIDTH = 960;
const BAR = 14;
/** Without a canvas echarts can't measure text: so many units are enough for a character of its 12-unit font. */
const CHARACTER = 7.5;

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

/**
 * A suite as horizontal bars, grouped by case, one bar for each engine; an engine that can't run a case has
 * none. Weft's say what percent of the peak they are.
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
  const series = engines.map((engine, i) => {
    const found = groups.map((group) => group.results.find((result) => engineLabel(result) === engine));
    return {
      ...{ type: 'bar', name: engine, barGap: '8%', barCategoryGap: '28%' },
      itemStyle: { borderRadius: 2, ...(COLOURS[engine] ? { color: COLOURS[engine] } : {}) },
      label: {
        ...{ show: true, position: 'right', fontSize: 10, color: '#444' },
        formatter: ({ dataIndex }: { dataIndex: number }) => label(found[dataIndex], scale),
      },
      data: found.map((result) => (result && scale.of(result)) ?? '-'),
      ...(i === 0 ? { markLine: limitLines(scale) } : {}),
    };
  });
  const labelWidth = 16 + CHARACTER * Math.max(...groups.map((group) => group.label.length));
  const height = 136 + groups.length * (engines.length * BAR * 1.08 + BAR * 0.9);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: `${suite}: ${scale.unit}`,
      subtext: `${scale.note}; ${report.machine.cpu}, ${report.machine.engine}, ${report.date}`,
      left: 16,
    },
    legend: { bottom: 8, left: labelWidth, itemGap: 24, itemWidth: 14, itemHeight: 10 },
    grid: { left: labelWidth, right: 96, top: 88, bottom: 60 },
    xAxis: {
      ...{ name: scale.unit, nameLocation: 'end' },
      ...(scale.logarithmic
        ? logarithmic(shown.map((one) => scale.of(one)!))
        : { type: 'value', max: axisEnd(scale) }),
      axisLabel: { showMaxLabel: scale.logarithmic },
    },
    yAxis: {
      ...{ type: 'category', inverse: true, axisTick: { show: false } },
      data: groups.map((group) => group.label),
    },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
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

/** Past the longest bar and the limits by enough for a label. */
const axisEnd =
  ({ limits }: Scale) =>
  ({ max }: { max: number }): number =>
    1.04 * Math.max(max, ...limits.map(({ at }) => at));
