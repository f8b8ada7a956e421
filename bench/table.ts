import type { SuiteName } from './case.js';
import {
  type BenchReport,
  type BenchResult,
  boundOf,
  type CaseGroup,
  engineLabel,
  groupsOf,
  isPeer,
  NATIVE,
  onGPU,
  ratioToBestPeer,
  speedUp,
} from './report.js';
import { SUITES } from './suites/index.js';
import { aligned } from './text.js';

/** What a suite's table shows for each engine. */
function rateOf(result: BenchResult): number | null {
  if (SUITES[result.suite].unit === 'ms') return result.medianMs;
  return boundOf(result.suite) === 'memory' ? result.gbps : result.gflops;
}

const unitOf = (suite: SuiteName): string =>
  SUITES[suite].unit ?? (boundOf(suite) === 'memory' ? 'GB/s' : 'GFLOP/s');

const figure = (value: number): string => value.toFixed(value < 9.995 ? 2 : 1);

/** `*` marks a wrong result, `-` a case that the engine can't run. */
function cell(result: BenchResult | undefined): string {
  const rate = result ? rateOf(result) : null;
  if (!result || rate === null) return result?.error ? '-' : '';
  return `${figure(rate)}${result.error ? '*' : ''}`;
}

/** Columns beyond the engines': what they show of a case, empty where it says nothing. */
type Column = readonly [title: string, show: (group: CaseGroup) => string];

const times = (ratio: number | null): string => (ratio === null ? '' : `${ratio.toFixed(2)}x`);

/** Weft's own results of a case, by the threads or the backend that they ran on. */
function columnsOf(groups: readonly CaseGroup[]): Column[] {
  const own = [
    ...new Set(groups.flatMap(({ results }) => results.filter((r) => !isPeer(r)).map(engineLabel))),
  ];
  const peers = groups.flatMap(({ results }) => results.filter(isPeer));
  const of = (label: string, group: CaseGroup) => group.results.find((one) => engineLabel(one) === label);
  const suffix = (label: string) => (own.length > 1 ? ` ${label.replace('weft-', '')}` : '');
  const columns: Column[] = own.flatMap((label): Column[] => [
    [`% of peak${suffix(label)}`, (group) => of(label, group)?.percentOfPeak?.toFixed(0) ?? ''],
    [`spread${suffix(label)}`, (group) => percent(of(label, group)?.spread)],
  ]);
  for (const label of own) {
    const show = (group: CaseGroup) => {
      const result = of(label, group);
      return times(result ? speedUp(result, group) : null);
    };
    if (groups.some((group) => show(group) !== '')) columns.push([`speed-up${suffix(label)}`, show]);
  }
  for (const label of own) {
    const show = (group: CaseGroup) => of(label, group)?.outsideKernels?.toFixed(1).concat('%') ?? '';
    if (groups.some((group) => show(group) !== '')) columns.push([`outside kernels${suffix(label)}`, show]);
  }
  // On the CPU and on the GPU, the first of Weft's own there.
  const cpu = own.find((label) => !onGPU(label));
  const gpu = own.find(onGPU);
  const versus = (label: string, native: boolean) => (group: CaseGroup) => {
    const result = of(label, group);
    return times(result ? ratioToBestPeer(result, group, native) : null);
  };
  for (const label of [cpu, gpu].filter((one) => one !== undefined)) {
    const against = peers.filter(({ engine }) => onGPU(engine) === onGPU(label));
    const where = cpu && gpu ? suffix(label) : '';
    if (against.some(({ engine }) => !NATIVE.has(engine)))
      columns.push([`vs best peer${where}`, versus(label, false)]);
    if (against.some(({ engine }) => NATIVE.has(engine))) columns.push(['vs native', versus(label, true)]);
  }
  return columns;
}

const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '' : `±${(50 * share).toFixed(1)}%`;

/**
 * One suite as rows below a header: an engine a column, then for Weft's own percent of peak, half the interquartile range, and
 * how many times as fast they are as on one thread; the first of them against the peers.
 */
export function suiteRows(report: Pick<BenchReport, 'results'>, suite: SuiteName): string[][] {
  const groups = groupsOf(report.results, suite);
  const engines = [...new Set(groups.flatMap((group) => group.results.map(engineLabel)))];
  const columns = columnsOf(groups);
  const header = [`${suite} (${unitOf(suite)})`, ...engines, ...columns.map(([title]) => title)];
  const rows = groups.map((group) => [
    group.label,
    ...engines.map((label) => cell(group.results.find((result) => engineLabel(result) === label))),
    ...columns.map(([, show]) => show(group)),
  ]);
  return [header, ...rows];
}

/** {@link suiteRows} as aligned text. */
export function suiteTable(report: Pick<BenchReport, 'results'>, suite: SuiteName): string {
  const [header, ...rows] = suiteRows(report, suite);
  return aligned(header!, rows);
}

/** Every error once, with the engine and how many cases it met. */
export function errorLines(report: BenchReport): string[] {
  const counts = new Map<string, number>();
  for (const { engine, suite, pass, error } of report.results) {
    if (error === null) continue;
    const plain = pass === suite || pass === 'forward';
    const line = `${engine}, ${plain ? suite : `${suite} ${pass}`}: ${error}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => (count > 1 ? `${line} (${count} cases)` : line));
}

/** The whole report as text for a terminal. */
export function reportText(report: BenchReport): string {
  const { machine, peak, adapter, results } = report;
  const alone = adapter !== null && results.every(({ engine }) => onGPU(engine));
  const suites = [...new Set(report.results.map((result) => result.suite))];
  const errors = errorLines(report);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.os}, ${machine.engine}`,
    ...(adapter === null ? [] : [`adapter of all that is on webgpu: ${adapter}`]),
    `peak of ${alone ? 'the adapter' : 'one thread'}: ${figure(peak.gflops)} GFLOP/s, copy ${figure(peak.copyGBps)} GB/s`,
    ...suites.map((suite) => `\n${suiteTable(report, suite)}`),
    ...(errors.length > 0 ? ["\n- can't run, * wrong result:", ...errors.map((line) => `  ${line}`)] : []),
  ].join('\n');
}
