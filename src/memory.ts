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
  readonly maxRegionBytes?: number;
}

const alignUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/**
 * Places blocks at fixed offsets of an arena so that blocks which live at the same time never share bytes. Larger blocks
 * go first, each to the lowest gap that fits (Pisarchyk and Lee, "Efficient memory management for deep neural net
 * inference", 2020: greedy by size).
 */
export function placeBlocks(blocks: readonly Lifetime[], options: MemoryOptions): MemoryPlan {
  const { alignment, maxRegionBytes = Number.POSITIVE_INFINITY } = options;
  const enemies = new Map<number, Set<number>>();
  for (const [a, b] of options.conflicts ?? []) {
    enemies.set(a, (enemies.get(a) ?? new Set()).add(b));
    enemies.set(b, (enemies.get(b) ?? new Set()).add(a));
  }
  const placements = new Array<Placement>(blocks.length);
  const regions: { placed: number[]; bytes: number }[] = [];
  const bySize = blocks.map((_, i) => i).sort((a, b) => blocks[b]!.bytes - blocks[a]!.bytes || a - b);
  for (const i of bySize) {
    const size = alignUp(Math.max(blocks[i]!.bytes, 1), alignment);
    const shunned = new Set([...(enemies.get(i) ?? [])].map((other) => placements[other]?.region));
    let region = 0;
    let offset = 0;
    for (; ; region++) {
      if (shunned.has(region)) continue;
      regions[region] ??= { placed: [], bytes: 0 };
      offset = lowestGap(blocks, placements, regions[region]!.placed, i, size, alignment);
      if (offset + size <= maxRegionBytes || regions[region]!.placed.length === 0) break;
    }
    placements[i] = { region, offset };
    regions[region]!.placed.push(i);
    regions[region]!.bytes = Math.max(regions[region]!.bytes, offset + size);
  }
  const sizes = Array.from(regions, (region) => region?.bytes ?? 0);
  return {
    regions: sizes,
    placements,
    peakBytes: sizes.reduce((a, b) => a + b, 0),
    lowerBound: lowerBound(blocks, alignment),
  };
}

function lowestGap(
  blocks: readonly Lifetime[],
  placements: readonly Placement[],
  placed: readonly number[],
  block: number,
  size: number,
  alignment: number,
): number {
  const { first, last } = blocks[block]!;
  const taken = placed
    .filter((other) => blocks[other]!.first <= last && blocks[other]!.last >= first)
    .map((other) => ({ start: placements[other]!.offset, bytes: blocks[other]!.bytes }))
    .sort((a, b) => a.start - b.start);
  let offset = 0;
  for (const { start, bytes } of taken) {
    if (offset + size <= start) break;
    offset = Math.max(offset, start + alignUp(Math.max(bytes, 1), alignment));
  }
  return offset;
}

function lowerBound(blocks: readonly Lifetime[], alignment: number): number {
  const change = new Map<number, number>();
  for (const { bytes, first, last } of blocks) {
    const size = alignUp(Math.max(bytes, 1), alignment);
    change.set(first, (change.get(first) ?? 0) + size);
    change.set(last + 1, (change.get(last + 1) ?? 0) - size);
  }
  let live = 0;
  let peak = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    live += change.get(step)!;
    peak = Math.max(peak, live);
  }
  return peak;
}
