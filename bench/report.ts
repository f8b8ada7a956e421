import { type Timing, timesAsLong } from '../src/cli/measure.js';
import type { Peak } from '../src/cli/peak.js';
import type { BenchCase, Pass, SuiteName } from './case.js';
import { SUITES } from './suites/index.js';

export interface Machine {
  readonly cpu: string;
  /** Logical processors that the process may use. */
  readonly cores: number;
  readonly memoryGB: number | null;
  readonly os: string;
  /** What ran it: `Node 26.10.0 (V8 14.6)`, or a browser's name for itself. */
  readonly engine: string;
}

export interface BenchResult {
  readonly suite: SuiteName;
  readonly case: string;
  readonly pass: Pass;
  /** `weft-wasm`, `weft-webgpu`, or a peer's name. */
  readonly engine: string;
  readonly threads: number;
  readonly medianMs: number | null;
  readonly minMs: number | null;
  /** The lower and the upper quartile. */
  readonly quartilesMs: readonly [number, number] | null;
  /** Interquartile range over the median. */
  readonly spread: number | null;
  readonly gflops: number | null;
  readonly gbps: number | null;
  /**
   * Of as many threads' arithmetic, or of the copy's bandwidth, as the suite is bound by, which is sampled in the same rounds:
   * the median over the rounds.
   */
  readonly percentOfPeak: number | null;
  /** What that is a percentage of: GFLOP/s of one thread, or GB/s; the median over the rounds. */
  readonly peakRate: number | null;
  /** Percent of a training step's time that no kernel ran; null for other cases and engines. */
  readonly outsideKernels: number | null;
  /** Why the engine can't run the case, or, besides a timing, what is wrong with its result. */
  readonly error: string | null;
}

export interface BenchReport {
  /** When it was measured, as YYYY-MM-DD, and at which commit. */
  readonly date: string;
  readonly commit: string | null;
  readonly machine: Machine;
  /** Of the first device, the most that it reached before the first case. */
  readonly peak: Peak;
  /** What the figures on webgpu are of, Weft's and the peers'; null where there are none. */
  readonly adapter: string | null;
  /** Versions of the peers, by name. */
  readonly peers: Readonly<Record<string, string>>;
  readonly results: readonly BenchResult[];
}

/** Whether a suite is held against the peak of arithmetic or of memory. */
export const boundOf = (suite: SuiteName): 'arithmetic' | 'memory' => SUITES[suite].bound;

export interface Measured {
  readonly engine: string;
  readonly threads: number;
  /** Null where the engine could not run the case. */
  readonly timing: Timing | null;
  /**
   * Work of this amount, sampled in the same rounds: flops of one thread of the device that the engine ran on, or bytes of a
   * copy, as the suite is bound by; null without such a device.
   */
  readonly yardstick: { readonly timing: Timing; readonly amount: number } | null;
  readonly outsideKernels?: number | null;
  readonly error?: string | null;
}

/** One line of the report: rates by the median, percent of the peak of as many threads as were used. */
export function toResult(
  c: BenchCase,
  { engine, threads, timing, yardstick, outsideKernels = null, error = null }: Measured,
): BenchResult {
  const gflops = timing && c.flops / timing.medianMs / 1e6;
  const gbps = timing && c.bytes / timing.medianMs / 1e6;
  // More threads don't have more memory: the copy's bandwidth is the machine's.
  const work = boundOf(c.suite) === 'arithmetic' ? c.flops / threads : c.bytes;
  const share = timing && yardstick && (work / yardstick.amount) * timesAsLong(yardstick.timing, timing);
  return {
    suite: c.suite,
    case: c.name,
    pass: c.pass,
    engine,
    threads,
    medianMs: timing?.medianMs ?? null,
    minMs: timing?.minMs ?? null,
    quartilesMs: timing?.quartilesMs ?? null,
    spread: timing?.spread ?? null,
    gflops,
    gbps,
    percentOfPeak: share && 100 * share,
    peakRate: yardstick && yardstick.amount / yardstick.timing.medianMs / 1e6,
    outsideKernels,
    error,
  };
}

/** The engine with its threads where there is more than one: `weft-wasm x2`. */
export const engineLabel = ({ engine, threads }: Pick<BenchResult, 'engine' | 'threads'>): string =>
  threads === 1 ? engine : `${engine} x${threads}`;

export const isPeer = ({ engine }: Pick<BenchResult, 'engine'>): boolean => !engine.startsWith('weft-');

/** Whether an engine, ours or a peer, computes on the GPU. */
export const onGPU = (engine: string): boolean => engine.endsWith('-webgpu');

/** Peers that run machine code of their own instead of WebAssembly: not what Weft is measured by, but told. */
export const NATIVE: ReadonlySet<string> = new Set(['ort-node']);

/** A case's results, first come, first in the list. */
export interface CaseGroup {
  readonly label: string;
  readonly results: readonly BenchResult[];
}

/** The results of a suite, by case and pass. */
export function groupsOf(results: readonly BenchResult[], suite: SuiteName): CaseGroup[] {
  const groups = new Map<string, BenchResult[]>();
  for (const result of results) {
    if (result.suite !== suite) continue;
    const plain = ['forward', 'step', 'update'].includes(result.pass);
    const label = plain ? result.case : `${result.case} ${result.pass}`;
    groups.set(label, [...(groups.get(label) ?? []), result]);
  }
  return [...groups].map(([label, group]) => ({ label, results: group }));
}

/**
 * The fastest peer of a case whose own result is right: of those on the GPU if `engine` is there, else of those in
 * WebAssembly or JavaScript, or of the native ones.
 */
function bestPeer(group: CaseGroup, engine: string, native: boolean): number | null {
  const times = group.results
    .filter((one) => isPeer(one) && onGPU(one.engine) === onGPU(engine))
    .filter((one) => NATIVE.has(one.engine) === native && one.error === null)
    .flatMap(({ medianMs }) => medianMs ?? []);
  return times.length > 0 ? Math.min(...times) : null;
}

/** How many times as fast the result is as the fastest such peer; null without one. */
export function ratioToBestPeer(result: BenchResult, group: CaseGroup, native = false): number | null {
  const best = bestPeer(group, result.engine, native);
  return best === null || result.medianMs === null ? null : best / result.medianMs;
}

/** How many times as fast a result on several threads is as the same engine's on one; null without that. */
export function speedUp(result: BenchResult, group: CaseGroup): number | null {
  const one = group.results.find(({ engine, threads }) => engine === result.engine && threads === 1);
  if (result.threads === 1 || !one?.medianMs || !result.medianMs) return null;
  return one.medianMs / result.medianMs;
}
