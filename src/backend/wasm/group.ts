import type { Kernel } from './module.js';

/** What one work unit of a flat launch reads or writes of an operand of the launch's size: 1024 words. */
const TILE_BYTES = 4096;
/** From one tile to the next: a cache line more than its size, so that equal places of tiles lie in different sets. */
const TILE_STRIDE = TILE_BYTES + 64;
/** Private bytes for kernels that ask for none. */
const LEAST_SCRATCH = 64;

/** A flat launch: the number of its kernel, the address of its parameters, its operands with the tiles among them. */
export interface GroupLaunch {
  readonly kernel: number;
  readonly params: number;
  readonly scratch: number;
  /** By operand: the tile that it lies in, or null where it has an address. */
  readonly tiles: readonly (number | null)[];
}

/*
 * A group in memory, in words: HEAD words (launches, tile operands, words of all operand tables, where a kernel's private
 * memory starts in the thread's); for each launch its kernel, its parameters and where its table starts; for each operand
 * in a tile its place in the tables and that of the tile in the thread's memory; the tables.
 */
const HEAD = 4;
const PER_LAUNCH = 3;
const PER_TILE = 2;

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const tileOperands = ({ tiles }: Pick<GroupLaunch, 'tiles'>): number =>
  tiles.filter((tile) => tile !== null).length;
const tableWords = (launches: readonly Pick<GroupLaunch, 'tiles'>[]): number =>
  total(launches.map(({ tiles }) => tiles.length));
/** Bytes of a thread's copy of the operand tables. */
const tableBytes = (launches: readonly Pick<GroupLaunch, 'tiles'>[]): number =>
  Math.ceil((4 * tableWords(launches)) / 64) * 64;

/** Byte offset of the operand tables, one after the other, in a group. */
export const tablesAt = (launches: readonly Pick<GroupLaunch, 'tiles'>[]): number =>
  4 * (HEAD + PER_LAUNCH * launches.length + PER_TILE * total(launches.map(tileOperands)));

/** Bytes that a group takes in memory. */
export const groupBytes = (launches: readonly Pick<GroupLaunch, 'tiles'>[]): number =>
  tablesAt(launches) + 4 * tableWords(launches);

/** Private bytes that a thread needs to run a group: its copy of the tables, the tiles, what kernels ask for. */
export const groupScratch = (
  launches: readonly Omit<GroupLaunch, 'kernel' | 'params'>[],
  tiles: number,
): number =>
  tableBytes(launches) +
  tiles * TILE_STRIDE +
  Math.max(LEAST_SCRATCH, ...launches.map(({ scratch }) => scratch));

/** Writes all of a group at an address but its operand tables. */
export function writeGroup(
  words: Uint32Array,
  group: number,
  launches: readonly GroupLaunch[],
  tiles: number,
): void {
  const tilesFrom = tableBytes(launches);
  const list = [
    launches.length,
    total(launches.map(tileOperands)),
    tableWords(launches),
    tilesFrom + tiles * TILE_STRIDE,
  ];
  let table = 0;
  const places: number[] = [];
  for (const { kernel, params, tiles: held } of launches) {
    list.push(kernel, params, table);
    held.forEach((tile, i) => {
      if (tile !== null) places.push(table + i, tilesFrom + tile * TILE_STRIDE);
    });
    table += held.length;
  }
  words.set([...list, ...places], group >>> 2);
}

/**
 * The kernels of a device and, as the last, one that runs groups of them: `operands` is the group's address, and memory
 * reaches at least to `params`, which a thread may see later than the one that made it grow.
 */
export function withGroups(kernels: readonly Kernel[], memory: WebAssembly.Memory): readonly Kernel[] {
  let words = new Uint32Array(memory.buffer);
  const run: Kernel = (group, bytes, scratch, begin, end) => {
    while (words.buffer !== memory.buffer || words.byteLength < bytes) words = new Uint32Array(memory.buffer);
    runGroup(kernels, words, group, scratch, begin, end);
  };
  return [...kernels, run];
}

/**
 * Runs units `begin` to `end` of the group at an address, each by all its launches in turn. `scratch` is the thread's own:
 * there lie its tiles, and its copy of the tables, in which a tile's address moves back as the units move on, for a kernel
 * reads and writes unit u at 4096 u behind an operand's address.
 */
function runGroup(
  kernels: readonly Kernel[],
  words: Uint32Array,
  group: number,
  scratch: number,
  begin: number,
  end: number,
): void {
  const head = group >>> 2;
  const launches = head + HEAD;
  const places = launches + PER_LAUNCH * words[head]!;
  const tables = places + PER_TILE * words[head + 1]!;
  const own = scratch >>> 2;
  const inner = scratch + words[head + 3]!;
  words.copyWithin(own, tables, tables + words[head + 2]!);
  for (let at = places; at < tables; at += PER_TILE) {
    words[own + words[at]!] = scratch + words[at + 1]! - begin * TILE_BYTES;
  }
  for (let unit = begin; unit < end; unit++) {
    for (let at = launches; at < places; at += PER_LAUNCH) {
      kernels[words[at]!]!(scratch + 4 * words[at + 2]!, words[at + 1]!, inner, unit, unit + 1);
    }
    for (let at = places; at < tables; at += PER_TILE) words[own + words[at]!]! -= TILE_BYTES;
  }
}
