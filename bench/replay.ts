/** What JavaScript spends on a replayed program, which the GPU need not have run when it returns. */
import { aligned } from './text.js';
import type { WeftCase } from './weft.js';

export interface ReplayTime {
  readonly dispatches: number;
  /** Microseconds from the call to the return of a run: one encoder, one submit; median and least. */
  readonly medianUs: number;
  readonly minUs: number;
}

const WARM = 20;
const ROUNDS = 60;

/** Times the runs of a case's program, each when the GPU has finished the one before. */
export async function replayTime({ program, contestant }: WeftCase): Promise<ReplayTime> {
  const times: number[] = [];
  const run = program.run.bind(program);
  program.run = (externals) => {
    const before = performance.now();
    run(externals);
    times.push(1e3 * (performance.now() - before));
  };
  for (let round = 0; round < WARM + ROUNDS; round++) await contestant.run();
  program.run = run;
  const sorted = times.slice(WARM).sort((a, b) => a - b);
  const dispatches = program.describe().launches.length;
  return { dispatches, medianUs: sorted[sorted.length >> 1]!, minUs: sorted[0]! };
}

export function replayText(rows: readonly (ReplayTime & { readonly case: string })[]): string {
  const cells = rows.map(({ case: name, dispatches, medianUs, minUs }) => [
    name,
    String(dispatches),
    medianUs.toFixed(1),
    (medianUs / dispatches).toFixed(2),
    (minUs / dispatches).toFixed(2),
  ]);
  return aligned(['replay', 'dispatches', 'µs', 'µs a dispatch', 'least'], cells);
}
