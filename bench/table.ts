import type { CaseSuite } from './cases.js';
import {
  type BenchReport,
  type BenchResult,
  boundOf,
  type CaseGroup,
  engineLabel,
  groupsOf,
  isPeer,
  ratioToBestPeer,
} from './report.js';

/** What a suite's table shows for each engine. */
function rateOf(result: BenchResult): number | null {
  if (result.suite === 'step') return result.medianMs;
  return boundOf(result.suite) === 'memory' ? result.gbps : result.gflops;
}

const unitOf = (suite: CaseSuite): string =>
  suite === 'step' ? 'ms per step' : boundOf(suite) === 'memory' ? 'GB/s' : 'GFLOP/s';

const figure = (value: number): string => value.toFixed(value < 9.995 ? 2 : 1);

/** `*` marks a wrong result, `-` a case that the engine can't run. */
function cell(result: BenchResult | undefined): string {
  const rate = result ? rateOf(result) : null;
  if (!result || rate === null) return result?.error ? '-' : '';
  return `${figure(rate)}${result.error ? '*' : ''}`;
}

/** The fastest of Weft's own results for a case. */
function bestOfWeft(group: CaseGroup): BenchResult | undefined {
  const own = group.results.filter((result) => !isPeer(result) && result.medianMs !== null);
  return own.sort((a, b) => a.medianMs! - b.medianMs!)[0];
}

/**
 * One suite as aligned text: an engine a column, then what Weft's fastest reaches of its peak and against the
 * peers.
 */
export function suiteTable(report: BenchReport, suite: CaseSuite): string {
  const groups = groupsOf(report.results, suite);
  const engines = [...new Set(groups.flatMap((group) => group.results.map(engineLabel)))];
  const header = [`${suite} (${unitOf(suite)})`, ...engines, '% of peak', 'vs best peer'];
  const rows = groups.map((group) => {
    const weft = bestOfWeft(group);
    const ratio = weft ? ratioToBestPeer(weft, group) : null;
    const percent = weft?.percentOfPeak;
    return [
      group.label,
      ...engines.map((label) => cell(group.results.find((result) => engineLabel(result) === label))),
      percent === undefined || percent === null ? '' : percent.toFixed(0),
      ratio === null ? '' : `${ratio.toFixed(2)}x`,
    ];
  });
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  ');
  return [header, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}

/** Every error once, with the engine and how many cases it met. */
export function errorLines(report: BenchReport): string[] {
  const counts = new Map<string, number>();
  for (const { engine, suite, pass, error } of report.results) {
    if (error === null) continue;
    const line = `${engine}, ${suite === pass ? suite : `${suite} ${pass}`}: ${error}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => (count > 1 ? `${line} (${count} cases)` : line));
}

/** The whole report as text for a terminal. */
export function reportText(report: BenchReport): string {
  const { machine, peak } = report;
  const suites = [...new Set(report.results.map((result) => result.suite))];
  const errors = errorLines(report);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.os}, Node ${machine.node} (V8 ${machine.v8})`,
    `peak of one thread: ${figure(peak.gflops)} GFLOP/s, copy ${figure(peak.copyGBps)} GB/s`,
    ...suites.map((suite) => `\n${suiteTable(report, suite)}`),
    ...(errors.length > 0 ? ["\n- can't run, * wrong result:", ...errors.map((line) => `  ${line}`)] : []),
  ].join('\n');
}
