/** Units of a kernel call in the order of their numbers. */
export interface Turns {
  /** What whoever takes a range of units does first. */
  readonly start: number;
  /** Views, such as frames of x, whose units follow each other; whoever comes to one, or into one, fills it. */
  readonly views: number;
  readonly fill: number;
  /** What each unit of a view costs beside that. */
  readonly costs: readonly number[];
}

/** Threads that are thought of, beside one: a plan is the same for any number. */
const THREADS = [2, 3, 4, 6, 8];

/** What units cost: what they take on one thread, and with a third of the weight on several, some of which wait at the end. */
export function costOfTurns({ start, views, fill, costs }: Turns): number {
  const parts = costs.length;
  const sums = [0];
  for (const cost of costs) sums.push(sums.at(-1)! + cost);
  const below = (unit: number) => Math.floor(unit / parts) * sums[parts]! + sums[unit % parts]!;
  const viewOf = (unit: number) => Math.floor(unit / parts);
  const range = (from: number, end: number) =>
    start + fill * (viewOf(end - 1) - viewOf(from) + 1) + below(end) - below(from);
  const units = views * parts;
  const several = THREADS.map((threads) => threads * timeOf(units, threads, range));
  return (2 * range(0, units) + several.reduce((sum, time) => sum + time, 0) / several.length) / 3;
}

/** When the last of so many threads is done, which take ranges as src/backend/wasm/crew.ts does. */
function timeOf(units: number, threads: number, range: (from: number, end: number) => number): number {
  const clocks = new Array<number>(threads).fill(0);
  for (let next = 0; next < units; ) {
    const end = next + Math.max(1, Math.floor((units - next) / (2 * threads)));
    clocks[clocks.indexOf(Math.min(...clocks))]! += range(next, end);
    next = end;
  }
  return Math.max(...clocks);
}
