import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { SuiteName } from './case.js';
import { type BenchReport, boundOf, engineLabel, groupsOf } from './report.js';
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
};

const WIDTH = 960;
const BAR = 12;

/**
 * A suite as horizontal bars, grouped by case, one bar for each engine; an engine that can't run a case has
 * none.
 */
export function suiteChart(
  report: BenchReport,
  suite: SuiteName,
  metric: ChartMetric = SUITES[suite].unit === 'ms' ? 'time' : 'rate',
): string {
  const groups = groupsOf(report.results, suite);
  const engines = [...new Set(groups.flatMap((group) => group.results.map(engineLabel)))];
  const memory = boundOf(suite) === 'memory';
  const unit = { rate: memory ? 'GB/s' : 'GFLOP/s', percent: '% of peak', time: 'ms' }[metric];
  const key = ({ rate: memory ? 'gbps' : 'gflops', percent: 'percentOfPeak', time: 'medianMs' } as const)[
    metric
  ];
  const peak = { rate: memory ? report.peak.copyGBps : report.peak.gflops, percent: 100, time: null }[metric];
  const markLine = peak && {
    ...{ silent: true, symbol: 'none', lineStyle: { color: '#555', type: 'dashed' } },
    ...{ label: { formatter: 'peak of one thread', position: 'start' }, data: [{ xAxis: peak }] },
  };
  const series = engines.map((engine, i) => ({
    ...{ type: 'bar', name: engine, barGap: '10%', barCategoryGap: '30%' },
    itemStyle: COLOURS[engine] ? { color: COLOURS[engine] } : {},
    label: {
      show: true,
      position: 'right',
      fontSize: 9,
      formatter: ({ value }: { value: unknown }) => shown(value),
    },
    data: groups.map((group) => group.results.find((result) => engineLabel(result) === engine)?.[key] ?? '-'),
    ...(i === 0 && markLine ? { markLine } : {}),
  }));
  const axisEnd = ({ max }: { max: number }) => Math.ceil(1.05 * Math.max(max, peak ?? 0));
  // Without a canvas echarts can't measure text: 7.5 units are enough for a character of its 12-unit font.
  const labelWidth = 16 + 7.5 * Math.max(...groups.map((group) => group.label.length));
  const height = 130 + groups.length * (engines.length * BAR * 1.1 + BAR * 1.5);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: `${suite}: ${unit}`,
      subtext: `${report.machine.cpu}, ${report.machine.engine}`,
      left: 'center',
    },
    legend: { bottom: 8, itemGap: 28 },
    grid: { left: labelWidth, right: 72, top: 72, bottom: 64 },
    xAxis: { type: 'value', name: unit, nameLocation: 'end', max: axisEnd },
    yAxis: {
      type: 'category',
      inverse: true,
      data: groups.map((group) => group.label),
      axisTick: { show: false },
    },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const shown = (value: unknown): string =>
  typeof value === 'number' ? value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0) : '';
