import { messageOf } from '../errors.js';

/** One engine, ready to execute one case. */
export interface Contestant {
  readonly name: string;
  /**
   * Called before each sample, outside the timed part: makes this engine the active one where that is a
   * global state.
   */
  enter?(): void | Promise<void>;
  /**
   * One complete execution, until the result exists or, where there is a `finish`, until the work for it is handed on; the
   * result need not be read back.
   */
  run(): void | Promise<void>;
  /**
   * Waits until the results of all runs so far exist: timed once for all the runs of a sample, as a GPU's answer takes a
   * while whatever it is asked.
   */
  finish?(): Promise<void>;
}

export interface Timing {
  /** Milliseconds of one execution: the median and the least over the rounds. */
  readonly medianMs: number;
  readonly minMs: number;
  /** The lower and the upper quartile. */
  readonly quartilesMs: readonly [number, number];
  /** Interquartile range over the median: 0.02 says that half of the rounds lie within 2 %. */
  readonly spread: number;
  readonly rounds: number;
  /** Executions in one sample. */
  readonly repetitions: number;
  /** Milliseconds of one execution, round by round. */
  readonly samplesMs: readonly number[];
}

export interface MeasureOptions {
  /** Samples of each contestant; default 7. */
  readonly rounds?: number;
  /** Samples of a contestant that needs more than `slowMs` for one execution; default 3. */
  readonly slowRounds?: number;
  readonly slowMs?: number;
  /**
   * A sample repeats the execution until it is expected to last this long; default 20, and 60 where a wait ends it, so that
   * the wait is the same small part of every contestant's time.
   */
  readonly sampleMs?: number;
  /** Warm-up ends here even if the times still fall; default 1000, and 300 where a wait ends a run. */
  readonly warmUpMs?: number;
}

interface Lane {
  readonly contestant: Contestant;
  readonly rounds: number;
  readonly repetitions: number;
  readonly samples: number[];
}

export type Outcome = Timing | { readonly error: string };

/**
 * Times contestants against each other: all are warmed up, then each round takes one sample of every one of
 * them, in an order that rotates, so that a change of the machine's speed meets all alike. One that throws is
 * reported with its message, by its name, and the others go on.
 */
export async function measure(
  contestants: readonly Contestant[],
  options: MeasureOptions = {},
): Promise<Map<string, Outcome>> {
  const { rounds = 7, slowRounds = 3, slowMs = 1000 } = options;
  const outcomes = new Map<string, Outcome>();
  const lanes: Lane[] = [];
  for (const contestant of contestants) {
    if (outcomes.has(contestant.name) || lanes.some((lane) => lane.contestant.name === contestant.name)) {
      throw new RangeError(
        `measure: two contestants are named '${contestant.name}', give each a name of its own`,
      );
    }
    try {
      const single = await warmUp(contestant, options.warmUpMs);
      const { ms, repetitions } = await repeated(contestant, single, options.sampleMs);
      lanes.push({ contestant, rounds: ms > slowMs ? slowRounds : rounds, repetitions, samples: [] });
    } catch (error) {
      outcomes.set(contestant.name, { error: messageOf(error) });
    }
  }
  for (let round = 0; lanes.some((lane) => lane.rounds > round); round++) {
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(i + round) % lanes.length]!;
      if (round >= lane.rounds || outcomes.has(lane.contestant.name)) continue;
      try {
        await lane.contestant.enter?.();
        lane.samples.push(await sample(lane.contestant, lane.repetitions));
      } catch (error) {
        outcomes.set(lane.contestant.name, { error: messageOf(error) });
      }
    }
  }
  for (const lane of lanes) {
    if (!outcomes.has(lane.contestant.name)) outcomes.set(lane.contestant.name, summarise(lane));
  }
  return outcomes;
}

/**
 * Executes until eight executions in a row brought the best time down by less than 3 %, for 50 ms at least,
 * since optimised code takes over only after some calls. Returns the best time in milliseconds.
 */
async function warmUp(contestant: Contestant, limitMs = contestant.finish ? 300 : 1000): Promise<number> {
  await contestant.enter?.();
  let best = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (const start = performance.now(); ; ) {
    const ms = await sample(contestant, 1);
    idle = ms < 0.97 * best ? 0 : idle + 1;
    best = Math.min(best, ms);
    const elapsed = performance.now() - start;
    if (elapsed >= limitMs || (idle >= 8 && elapsed >= 50)) return best;
  }
}

/** How often a contestant that took `single` milliseconds is executed in a sample, and what an execution then takes. */
async function repeated(
  contestant: Contestant,
  single: number,
  sampleMs = contestant.finish ? 60 : 20,
): Promise<{ ms: number; repetitions: number }> {
  const fill = (ms: number) => Math.max(1, Math.ceil(sampleMs / Math.max(ms, 1e-4)));
  const repetitions = fill(single);
  if (!contestant.finish || repetitions === 1) return { ms: single, repetitions };
  // The wait was in the time of the single one.
  const ms = await sample(contestant, repetitions);
  return { ms, repetitions: fill(ms) };
}

/**
 * Milliseconds per execution over `repetitions` executions. Waits first, so that finished background work
 * lands outside.
 */
async function sample(contestant: Contestant, repetitions: number): Promise<number> {
  await nextTask();
  const start = performance.now();
  for (let i = 0; i < repetitions; i++) {
    const pending = contestant.run();
    if (pending) await pending;
  }
  await contestant.finish?.();
  return (performance.now() - start) / repetitions;
}

/** Resolves in a later task: a page has no setImmediate, and may put off its timers. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function summarise({ samples, repetitions }: Lane): Timing {
  const sorted = [...samples].sort((a, b) => a - b);
  const medianMs = quantile(sorted, 0.5);
  const quartilesMs = [quantile(sorted, 0.25), quantile(sorted, 0.75)] as const;
  const spread = (quartilesMs[1] - quartilesMs[0]) / medianMs;
  const rounds = samples.length;
  return { medianMs, minMs: sorted[0]!, quartilesMs, spread, rounds, repetitions, samplesMs: samples };
}

/**
 * How many times as long `a` takes as `b`: the median over the rounds that both have. What slows the machine for a while slows
 * the two of a round, and is not in their ratio.
 */
export function timesAsLong(a: Timing, b: Timing): number {
  const rounds = Math.min(a.rounds, b.rounds);
  const ratios = Array.from({ length: rounds }, (_, i) => a.samplesMs[i]! / b.samplesMs[i]!);
  return quantile(
    ratios.sort((x, y) => x - y),
    0.5,
  );
}

/** Linear interpolation between the two nearest of the sorted samples. */
function quantile(sorted: readonly number[], fraction: number): number {
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}
