/** Where the time of a program goes, launch by launch. */
import { aligned } from './text.js';
import type { WeftCase } from './weft.js';

export interface Launch {
  /** `op/kernel`, for all launches of one name. */
  readonly label: string;
  readonly count: number;
  /** Of all of them in one run. */
  readonly ms: number;
}

export interface Profile {
  /** Medians of whole runs and of the time inside their launches. */
  readonly totalMs: number;
  readonly kernelMs: number;
  /** Percent of a run that no launch took, the median. */
  readonly outside: number;
  /** The longest first. */
  readonly launches: readonly Launch[];
}

/** At least so many rounds count, and more until so many milliseconds have passed; as long runs before, uncounted. */
const ROUNDS = 9;
const ROUNDS_MS = 150;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Runs a case some times on its wasm or reference device, with a clock around each launch. */
export async function profile({ program, contestant }: WeftCase): Promise<Profile> {
  const totals: number[] = [];
  const inside: number[] = [];
  const labels: string[] = [];
  const times: number[][] = [];
  let ms: number[] = [];
  program.onLaunch = (label, one) => {
    labels[ms.length] = label;
    ms.push(one);
  };
  // Before it counts, so that the clock's own code, too, is optimised, as in a training loop's steps.
  const started = performance.now();
  for (let round = 0; round < 3 || performance.now() < started + ROUNDS_MS; round++) await contestant.run();
  const counted = performance.now();
  for (let round = 0; round < ROUNDS || performance.now() < counted + ROUNDS_MS; round++) {
    ms = [];
    const before = performance.now();
    await contestant.run();
    totals.push(performance.now() - before);
    inside.push(ms.reduce((a, b) => a + b, 0));
    ms.forEach((one, i) => {
      const own = times[i] ?? [];
      times[i] = own;
      own.push(one);
    });
  }
  program.onLaunch = null;
  const launches = new Map<string, { label: string; count: number; ms: number }>();
  times.forEach((one, i) => {
    const label = labels[i]!;
    const launch = launches.get(label) ?? { label, count: 0, ms: 0 };
    launches.set(label, { label, count: launch.count + 1, ms: launch.ms + median(one) });
  });
  return {
    totalMs: median(totals),
    kernelMs: median(inside),
    outside: median(totals.map((total, i) => 100 * (1 - inside[i]! / total))),
    launches: [...launches.values()].sort((a, b) => b.ms - a.ms),
  };
}

/** A profile for a terminal. */
export function profileText(title: string, { totalMs, outside, launches }: Profile): string {
  const share = (ms: number) => `${((100 * ms) / totalMs).toFixed(1)}%`;
  const rows = launches.map(({ label, count, ms }) => [label, `${count}`, (1e3 * ms).toFixed(1), share(ms)]);
  const outsideRow = ['outside kernels', '', (10 * outside * totalMs).toFixed(1), `${outside.toFixed(1)}%`];
  const header = [title, 'launches', 'µs', 'share'];
  return `\n${aligned(header, [...rows, outsideRow])}\n${(1e3 * totalMs).toFixed(1)} µs in all`;
}
