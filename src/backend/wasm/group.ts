import type { Kernel } from './module.js';

/** What one work unit of a flat launch reads or writes of an operand of the launch's size: 512 words. */
const UNIT_BYTES = 2048;
/** Units of a block: a tile holds so many. */
const STEP = 1;
/** From one tile to the next: a cache line more than its size, so that equal places of tiles lie in different sets. */
const TILE_STRIDE = STEP * UNIT_BYTES + 64;
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
 * A group in memory, in words, for assembly/group.ts: HEAD words (launches, tile operands, words of all operand tables,
 * where a kernel's private memory starts in the thread's, units of a block); for each launch its kernel, its parameters and
 * where its table starts; for each operand in a tile where its address lies in the tables, and the tile in the thread's
 * memory; the tables. Places are in bytes.
 */
const HEAD = 5;
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
    STEP,
  ];
  let table = 0;
  const places: number[] = [];
  for (const { kernel, params, tiles: held } of launches) {
    list.push(kernel, params, 4 * table);
    held.forEach((tile, i) => {
      if (tile !== null) places.push(4 * (table + i), tilesFrom + tile * TILE_STRIDE);
    });
    table += held.length;
  }
  words.set([...list, ...places], group >>> 2);
}

/** The kernel that runs groups, beside those that ops launch. */
const RUN = 'run_group';

/** The kernels of a device with, as the last, the one that runs groups of them. */
export interface Callable {
  readonly kernels: readonly Kernel[];
  /** Where the first of them stands in the module's table, behind the module's own functions: what groups count from. */
  readonly first: number;
}

/** Puts the kernels into the table of the module that runs groups, whose exports are given. */
export function withGroups(kernels: readonly Kernel[], exports: WebAssembly.Exports): Callable {
  const table = exports.table as WebAssembly.Table;
  const first = table.grow(kernels.length);
  kernels.forEach((kernel, i) => {
    table.set(first + i, kernel);
  });
  return { kernels: [...kernels, exports[RUN] as Kernel], first };
}
