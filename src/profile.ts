import type { BackendCore } from './backend/backend.js';
import { fail } from './errors.js';
import { listAt } from './lists.js';
import { aligned } from './text.js';

/** One launch of a kernel. */
export interface LaunchRecord {
  /** `op/kernel`. */
  readonly label: string;
  /** Milliseconds by the device's own clock. */
  readonly start: number;
  readonly ms: number;
  /** Which clock, on a device that has several. */
  readonly clock?: string;
}

/** All launches of one label. */
export interface ProfileRow {
  readonly label: string;
  /** In one run. */
  readonly launches: number;
  /** Of all of them in one run, the mean. */
  readonly ms: number;
  /** Of the time inside launches, 0 to 1. */
  readonly share: number;
  /** Twice the standard deviation that the clock's quantum gives `ms`, as a share of it; Infinity where `ms` is 0. */
  readonly uncertainty: number;
}

export interface ProfileOptions {
  /** Runs go on until the clock's quantum is at most this share of the time inside all launches; default 0.01. */
  readonly precision?: number;
  /** The least and the most runs, default [3, 1000]. */
  readonly runs?: readonly [number, number];
}

/** An event of the Trace Event format, as chrome://tracing and Perfetto read it; times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: 'X';
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
}

/**
 * The least distance of two times that differ: what the clock counts in, where it counts coarsely. Dawn and browsers round
 * to 65,536 ns or 100 µs.
 */
function quantumOf(records: readonly LaunchRecord[]): number {
  const times = records.flatMap(({ start, ms }) => [start, start + ms]).sort((a, b) => a - b);
  let least = Number.POSITIVE_INFINITY;
  // Closer ones differ by the rounding of the numbers that hold them.
  const rounding = Math.abs(times.at(-1) ?? 0) * 2 ** -50;
  for (let i = 1; i < times.length; i++) {
    const distance = times[i]! - times[i - 1]!;
    if (distance > rounding) least = Math.min(least, distance);
  }
  return least;
}

/** By clock; a device of one backend has one. */
function byClock(records: readonly LaunchRecord[]): LaunchRecord[][] {
  const clocks = new Map<string | undefined, LaunchRecord[]>();
  for (const record of records) {
    listAt(clocks, record.clock).push(record);
  }
  return [...clocks.values()];
}

/** Of the coarsest clock. */
const coarsest = (records: readonly LaunchRecord[]): number =>
  Math.max(0, ...byClock(records).map(quantumOf));

/** Where the time of some runs went, launch by launch. */
export class Profile {
  readonly #records: readonly LaunchRecord[];
  /** The longest first. */
  readonly rows: readonly ProfileRow[];
  /** Milliseconds inside launches in one run. */
  readonly ms: number;

  constructor(
    readonly device: string,
    readonly runs: number,
    /** Milliseconds: no two times of the device's clock are closer, unless they are equal. */
    readonly quantum: number,
    records: readonly LaunchRecord[],
  ) {
    this.#records = records;
    const total = records.reduce((sum, { ms }) => sum + ms, 0);
    const sums = new Map<string, { count: number; ms: number }>();
    for (const { label, ms } of records) {
      const sum = sums.get(label) ?? { count: 0, ms: 0 };
      sums.set(label, { count: sum.count + 1, ms: sum.ms + ms });
    }
    this.ms = total / runs;
    this.rows = [...sums]
      .map(([label, { count, ms }]) => ({
        label,
        launches: count / runs,
        ms: ms / runs,
        share: total > 0 ? ms / total : 0,
        // The difference of two roundings has the variance q² / 6.
        uncertainty: (2 * quantum * Math.sqrt(count / 6)) / ms,
      }))
      .sort((a, b) => b.ms - a.ms);
  }

  /**
   * The launches of all runs, for `JSON.stringify`. Each side of a woven device is a thread of its own; their clocks have nothing
   * in common, so each begins at 0.
   */
  traceEvents(): TraceEvent[] {
    return byClock(this.#records).flatMap((records, thread) => {
      const first = records.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY);
      return records.map(({ label, start, ms }) => ({
        name: label,
        cat: this.device,
        ph: 'X' as const,
        ts: 1e3 * (start - first),
        dur: 1e3 * ms,
        pid: 1,
        tid: thread + 1,
      }));
    });
  }

  /** A table for people. */
  toString(): string {
    const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
    const rows = this.rows.map(({ label, launches, ms, share, uncertainty }) => [
      label,
      ...[
        String(Number(launches.toFixed(2))),
        (1e3 * ms).toFixed(1),
        percent(share),
        uncertainty < 1 ? `±${percent(uncertainty)}` : 'too short',
      ],
    ]);
    const clock = this.quantum >= 0.01 ? `; the clock counts by ${(1e3 * this.quantum).toFixed(1)} µs` : '';
    return [
      ...aligned(['launch', 'launches', 'µs', 'share', 'clock'], rows, 1),
      `${(1e3 * this.ms).toFixed(1)} µs inside launches, the mean of ${this.runs} runs on ${this.device}${clock}`,
    ].join('\n');
  }
}

/** Runs `work` once, then as often as the clock asks for while each launch is timed: see `Device.profile`. */
export async function profile(
  backend: BackendCore,
  work: () => unknown,
  { precision = 0.01, runs: [least, most] = [3, 1000] }: ProfileOptions = {},
): Promise<Profile> {
  if (!(precision > 0)) fail('profile', `precision must be a positive number, got ${precision}`);
  if (!(Number.isInteger(least) && Number.isInteger(most) && least >= 1 && most >= least))
    fail('profile', `runs must be two whole numbers from 1, the least first, got [${least}, ${most}]`);
  if (backend.onLaunch) fail('profile', 'another profile of this device is under way');
  await work();
  const records: LaunchRecord[] = [];
  let inside = 0;
  let quantum = 0;
  let runs = 0;
  backend.onLaunch = (label, ms, start, clock) => {
    records.push(clock === undefined ? { label, ms, start } : { label, ms, start, clock });
    inside += ms;
  };
  try {
    while (runs < least || (runs < most && quantum > precision * inside)) {
      await work();
      await backend.timed();
      runs++;
      // Looked for anew at powers of two: sorting all times at each run would take longer than the runs.
      if (runs <= least || (runs & (runs - 1)) === 0) quantum = coarsest(records);
    }
  } finally {
    backend.onLaunch = null;
    await backend.timed().catch(() => {});
  }
  if (records.length === 0)
    fail('profile', 'the work launched nothing; it must call compiled functions or read what it records');
  return new Profile(backend.kind, runs, coarsest(records), records);
}
