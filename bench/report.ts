import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Timing } from '../src/cli/measure.js';
import { type BenchCase, bytesOf, type CaseSuite, caseName, flopsOf, type Pass, passOf } from './cases.js';

export interface Machine {
  readonly cpu: string;
  /** Logical processors that the process may use. */
  readonly cores: number;
  readonly memoryGB: number;
  readonly os: string;
  readonly node: string;
  readonly v8: string;
}

/**
 * What one thread of a device reaches at most: f32 arithmetic from registers, a copy through memory (read
 * plus write).
 */
export interface Peak {
  readonly gflops: number;
  readonly copyGBps: number;
}

export interface BenchResult {
  readonly suite: CaseSuite;
  readonly case: string;
  readonly pass: Pass;
  /** `weft-wasm`, `weft-webgpu`, or a peer's name. */
  readonly engine: string;
  readonly threads: number;
  readonly medianMs: number | null;
  readonly minMs: number | null;
  /** Interquartile range over the median. */
  readonly spread: number | null;
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Of arithmetic for gemm, conv2d and step; of the copy's bandwidth for pooling and elementwise. */
  readonly percentOfPeak: number | null;
  /** Why the engine can't run the case, or, besides a timing, what is wrong with its result. */
  readonly error: string | null;
}

export interface BenchReport {
  readonly machine: Machine;
  readonly peak: Peak;
  readonly results: readonly BenchResult[];
}

/** What the figures depend on, as far as Node can tell. */
export function machineFacts(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
  };
}

/** Whether a suite is held against the peak of arithmetic or of memory. */
export const boundOf = (suite: CaseSuite): 'arithmetic' | 'memory' =>
  suite === 'pooling' || suite === 'elementwise' ? 'memory' : 'arithmetic';

export interface Measured {
  readonly engine: string;
  readonly threads: number;
  /** Null where the engine could not run the case. */
  readonly timing: Timing | null;
  /** Of one thread of the device that the engine ran on; null where it isn't known. */
  readonly peak: Peak | null;
  readonly error?: string | null;
}

/** One line of the report: rates by the median, percent of the peak of as many threads as were used. */
export function toResult(
  c: BenchCase,
  { engine, threads, timing, peak, error = null }: Measured,
): BenchResult {
  const gflops = timing && flopsOf(c) / timing.medianMs / 1e6;
  const gbps = timing && bytesOf(c) / timing.medianMs / 1e6;
  // More threads don't have more memory: the copy's bandwidth is the machine's.
  const arithmetic = gflops !== null && peak ? (100 * gflops) / (peak.gflops * threads) : null;
  const memory = gbps !== null && peak ? (100 * gbps) / peak.copyGBps : null;
  return {
    suite: c.suite,
    case: caseName(c),
    pass: passOf(c),
    engine,
    threads,
    medianMs: timing?.medianMs ?? null,
    minMs: timing?.minMs ?? null,
    spread: timing?.spread ?? null,
    gflops,
    gbps,
    percentOfPeak: boundOf(c.suite) === 'arithmetic' ? arithmetic : memory,
    error,
  };
}

/** The engine with its threads where there is more than one: `weft-wasm x2`. */
export const engineLabel = ({ engine, threads }: BenchResult): string =>
  threads === 1 ? engine : `${engine} x${threads}`;

export const isPeer = ({ engine }: BenchResult): boolean => !engine.startsWith('weft-');

/** A case's results, first come, first in the list. */
export interface CaseGroup {
  readonly label: string;
  readonly results: readonly BenchResult[];
}

/** The results of a suite, by case and pass. */
export function groupsOf(results: readonly BenchResult[], suite: CaseSuite): CaseGroup[] {
  const groups = new Map<string, BenchResult[]>();
  for (const result of results) {
    if (result.suite !== suite) continue;
    const label =
      result.pass === 'forward' || suite === 'step' ? result.case : `${result.case} ${result.pass}`;
    groups.set(label, [...(groups.get(label) ?? []), result]);
  }
  return [...groups].map(([label, group]) => ({ label, results: group }));
}

/**
 * How many times as fast the result is as the fastest peer whose own result is right; null without such a
 * peer.
 */
export function ratioToBestPeer(result: BenchResult, group: CaseGroup): number | null {
  const peers = group.results.filter(
    (other) => isPeer(other) && other.medianMs !== null && other.error === null,
  );
  if (result.medianMs === null || peers.length === 0) return null;
  return Math.min(...peers.map((peer) => peer.medianMs!)) / result.medianMs;
}

/**
 * Writes text beside its place and renames it there, so that a reader never sees half of it. Makes the
 * folder.
 */
export function writeWhole(file: string, text: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  const beside = `${file}.${process.pid}.part`;
  writeFileSync(beside, text);
  renameSync(beside, file);
}

/** The report as the JSON of `--json FILE`. */
export const writeReport = (report: BenchReport, file: string): void =>
  writeWhole(file, `${JSON.stringify(report, null, 2)}\n`);
