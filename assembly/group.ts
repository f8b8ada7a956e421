// Elementwise launches of one size, block by block, so that what they pass on stays in the cache; src/backend/wasm/group.ts
// writes what a group is. A unit is that of the launches: BLOCK elements.
import { BLOCK } from './walk';

/** Before the launches: how many, operands in tiles, words of the operand tables, where a kernel's scratch starts, units a block. */
@final @unmanaged class Group {
  launches: usize;
  places: usize;
  words: usize;
  inner: usize;
  step: i32;
}

/** A kernel's number, its parameters, where its operands lie in the tables. */
@final @unmanaged class Launch {
  kernel: i32;
  params: usize;
  operands: usize;
}

/**
 * Runs units `begin` to `end`, each block of them by all launches in turn. `scratch` is the thread's own: there lie its
 * tiles, and its copy of the tables, in which a tile's address moves back as the blocks move on, for a kernel reads and
 * writes unit u at 4 BLOCK u behind an operand's address. `table` is the place of the first kernel in the module's table.
 */
export function run_group(group: usize, table: i32, scratch: usize, begin: i32, end: i32): void {
  const head = changetype<Group>(group);
  const launches = group + offsetof<Group>();
  const places = launches + head.launches * offsetof<Launch>();
  const tables = places + (head.places << 3);
  const inner = scratch + head.inner;
  const step = head.step;
  memory.copy(scratch, tables, head.words << 2);
  for (let at = places; at < tables; at += 8) {
    store<usize>(scratch + load<usize>(at), scratch + load<usize>(at, 4) - begin * (4 * BLOCK));
  }
  for (; begin < end; begin += step) {
    const stop = min(begin + step, end);
    for (let at = launches; at < places; at += offsetof<Launch>()) {
      const launch = changetype<Launch>(at);
      call_indirect<void>(table + launch.kernel, scratch + launch.operands, launch.params, inner, begin, stop);
    }
    for (let at = places; at < tables; at += 8) {
      const tile = scratch + load<usize>(at);
      store<usize>(tile, load<usize>(tile) - step * (4 * BLOCK));
    }
  }
}
