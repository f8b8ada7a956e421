import type { GroupCommand } from '../backend.js';
import type { Kernel } from './module.js';

/** What one work unit of a flat launch reads or writes of an operand of the launch's size: 512 words. */
const UNIT_BYTES = 2048;
/** Up to so many units a launch by itself has its data near: one block. */
const FEW_UNITS = 32;
/** Arrays of a group that lie near the core, all together. */
const NEAR_BYTES = 2 ** 21;
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

/** Tiles of a group, and how many units fit into one: a block. */
export interface Tiles {
  readonly count: number;
  readonly units: number;
}

/**
 * Small blocks let memory go on while a launch computes, for the hardware fetches ahead within a page of 4 KiB; large ones
 * make fewer calls, some 10 ns each. They are worth it where all arrays are near anyway, or hardly more than one is read.
 */
export function tilesOf({ dispatches, units, tiles }: GroupCommand): Tiles {
  if (units <= FEW_UNITS) return { count: tiles, units };
  const whole = (units - 1) * UNIT_BYTES;
  const arrays = new Set<string>();
  for (const at of dispatches.flatMap(({ operands }) => operands)) {
    if (at.kind === 'arena' && at.bytes > whole) arrays.add(`${at.region} ${at.offset}`);
    if (at.kind === 'external' && at.bytes > whole) arrays.add(`${at.index}`);
  }
  if (arrays.size * units * UNIT_BYTES <= NEAR_BYTES) return { count: tiles, units: 4 };
  return { count: tiles, units: arrays.size <= 2 ? 2 : 1 };
}

/** From one tile to the next: a cache line more than its size, so that equal places of tiles lie in different sets. */
const strideOf = ({ units }: Tiles): number => units * UNIT_BYTES + 64;

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
  tiles: Tiles,
): number =>
  tableBytes(launches) +
  tiles.count * strideOf(tiles) +
  Math.max(LEAST_SCRATCH, ...launches.map(({ scratch }) => scratch));

/** Writes all of a group at an address but its operand tables. */
export function writeGroup(
  words: Uint32Array,
  group: number,
  launches: readonly GroupLaunch[],
  tiles: Tiles,
): void {
  const tilesFrom = tableBytes(launches);
  const stride = strideOf(tiles);
  const list = [
    launches.length,
    total(launches.map(tileOperands)),
    tableWords(launches),
    tilesFrom + tiles.count * stride,
    tiles.units,
  ];
  let table = 0;
  const places: number[] = [];
  for (const { kernel, params, tiles: held } of launches) {
    list.push(kernel, params, 4 * table);
    held.forEach((tile, i) => {
      if (tile !== null) places.push(4 * (table + i), tilesFrom + tile * stride);
    });
    table += held.length;
  }
  words.set([...list, ...places], group >>> 2);
}

/** A device's kernels by number, and what runs groups of them. */
export interface Runnable {
  readonly kernels: readonly Kernel[];
  /** Where the first of them is in the table of Weft's own module: what runs groups takes it for its parameters. */
  readonly table: number;
}

/**
 * The kernels of a device and, as the last, the one that runs groups, which calls them through the table of its own module:
 * they are put there, behind the functions that the module itself calls. `exports` are the module's.
 */
export function withGroups(kernels: readonly Kernel[], exports: WebAssembly.Exports): Runnable {
  const list = exports.table as WebAssembly.Table;
  const table = list.grow(kernels.length);
  kernels.forEach((kernel, i) => {
    list.set(table + i, kernel);
  });
  return { kernels: [...kernels, exports.run_group as Kernel], table };
}
