/** A block of bytes that is needed from step `first` to step `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Placement {
  readonly region: number;
  readonly offset: number;
}

export interface MemoryPlan {
  /** Size of each region in bytes. */
  readonly regions: readonly number[];
  readonly placements: readonly Placement[];
  /** Bytes of all regions together: what the arena takes. */
  readonly peakBytes: number;
  /** The largest sum of bytes that live at one step: no plan can do with less. */
  readonly lowerBound: number;
}

export interface MemoryOptions {
  readonly alignment: number;
  /** Pairs of blocks that must not share a region; none where all may share one. */
  readonly conflicts?: readonly (readonly [number, number])[];
  /** Blocks that had better share a region, where nothing forbids it. */
  readonly together?: readonly (readonly number[])[];
  readonly maxRegionBytes?: number;
}

const alignUp = (value: number, step: number): number => Math.ceil(value / step) * step;

type Order = (a: Lifetime, b: Lifetime) => number;

const steps = ({ first, last }: Lifetime): number => last - first + 1;

/**
 * Orders in which blocks are placed: larger ones first; those that fill more bytes x steps first; as they come; those
 * that live when most bytes do, longest first.
 */
const orders = (fullest: number): readonly Order[] => [
  (a, b) => b.bytes - a.bytes,
  (a, b) => b.bytes * steps(b) - a.bytes * steps(a),
  (a, b) => a.first - b.first || b.bytes - a.bytes,
  (a, b) => {
    const lives = ({ first, last }: Lifetime) => Number(first <= fullest && fullest <= last);
    return lives(b) - lives(a) || steps(b) - steps(a) || b.bytes - a.bytes;
  },
];

/**
 * Places blocks at fixed offsets of an arena so that blocks which live at the same time never share bytes: each goes to
 * the lowest gap that fits, in the order that comes out smallest (Pisarchyk and Lee, "Efficient memory management for
 * deep neural net inference", 2020: greedy by size, and others where that wastes space).
 */
export function placeBlocks(blocks: readonly Lifetime[], options: MemoryOptions): MemoryPlan {
  const { bytes, step } = fullestStep(blocks, options.alignment);
  let best: MemoryPlan | null = null;
  for (const order of orders(step)) {
    const plan = { ...placeInOrder(blocks, order, options), lowerBound: bytes };
    if (!best || plan.peakBytes < best.peakBytes) best = plan;
    if (best.peakBytes <= bytes) break;
  }
  return best!;
}

function placeInOrder(
  blocks: readonly Lifetime[],
  order: Order,
  options: MemoryOptions,
): Omit<MemoryPlan, 'lowerBound'> {
  const { alignment, maxRegionBytes = Number.POSITIVE_INFINITY } = options;
  const enemies = new Map<number, Set<number>>();
  for (const [a, b] of options.conflicts ?? []) {
    enemies.set(a, (enemies.get(a) ?? new Set()).add(b));
    enemies.set(b, (enemies.get(b) ?? new Set()).add(a));
  }
  const companions = new Map<number, readonly number[]>();
  for (const list of options.together ?? []) for (const i of list) companions.set(i, list);
  const placements = new Array<Placement>(blocks.length);
  const regions: Region[] = [];
  const ordered = blocks.map((_, i) => i).sort((a, b) => order(blocks[a]!, blocks[b]!) || a - b);
  for (const i of ordered) {
    const size = alignUp(Math.max(blocks[i]!.bytes, 1), alignment);
    const regionsOf = (others: Iterable<number>) => {
      const found = new Set<number>();
      for (const other of others) if (placements[other]) found.add(placements[other].region);
      return found;
    };
    const shunned = regionsOf(enemies.get(i) ?? []);
    let region = 0;
    let offset = 0;
    for (region of candidates(regionsOf(companions.get(i) ?? []))) {
      if (shunned.has(region)) continue;
      regions[region] ??= { placed: [], bytes: 0 };
      offset = lowestGap(regions[region]!, blocks[i]!, size);
      if (offset + size <= maxRegionBytes || regions[region]!.placed.length === 0) break;
    }
    placements[i] = { region, offset };
    place(regions[region]!, { start: offset, end: offset + size, lifetime: blocks[i]! });
  }
  const sizes = Array.from(regions, (region) => region?.bytes ?? 0);
  return {
    regions: sizes,
    placements,
    peakBytes: sizes.reduce((a, b) => a + b, 0),
  };
}

/** Regions in the order in which they are tried. */
function* candidates(favourites: Iterable<number>): Generator<number> {
  yield* favourites;
  for (let region = 0; ; region++) yield region;
}

/** Bytes from `start` to before `end` that a block has while it lives. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly lifetime: Lifetime;
}

interface Region {
  /** By their start. */
  readonly placed: Stretch[];
  bytes: number;
}

function lowestGap({ placed }: Region, { first, last }: Lifetime, size: number): number {
  let offset = 0;
  for (const { start, end, lifetime } of placed) {
    if (lifetime.first > last || lifetime.last < first) continue;
    if (offset + size <= start) break;
    offset = Math.max(offset, end);
  }
  return offset;
}

function place(region: Region, stretch: Stretch): void {
  const { placed } = region;
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle]!.start < stretch.start) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, stretch);
  region.bytes = Math.max(region.bytes, stretch.end);
}

/** The first step at which most bytes live, and how many. */
function fullestStep(blocks: readonly Lifetime[], alignment: number): { bytes: number; step: number } {
  const change = new Map<number, number>();
  for (const { bytes, first, last } of blocks) {
    const size = alignUp(Math.max(bytes, 1), alignment);
    change.set(first, (change.get(first) ?? 0) + size);
    change.set(last + 1, (change.get(last + 1) ?? 0) - size);
  }
  let live = 0;
  let fullest = { bytes: 0, step: 0 };
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    live += change.get(step)!;
    if (live > fullest.bytes) fullest = { bytes: live, step };
  }
  return fullest;
}
