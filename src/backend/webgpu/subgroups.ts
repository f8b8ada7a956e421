/** What kernels rely on of subgroups, proved on the very device: WGSL leaves open how they are filled. */
import type { DispatchCommand } from '../backend.js';
import type { OpenedDevice } from './open.js';
import { type Host, prepareReplay } from './prepare.js';

/** Invocations of the workgroups that look, shaders/subgroups.wgsl: as few and as many as kernels with subgroups have. */
const SIZES = [16, 256];
const WORKGROUPS = 4;
const WORDS = SIZES.reduce((sum, size) => sum + WORKGROUPS * size, 0);
/** The bit of quads; those below it are distances of exchange. */
const QUADS = 32;
/** Invocations of the smallest subgroup that WebGPU allows. */
const LEAST = 4;

/** The bits that all invocations have found. */
async function look(host: Host): Promise<number> {
  let first = 0;
  const commands = SIZES.map((size): DispatchCommand => {
    const kernel = `subgroups_u32__${size}`;
    const params = { first };
    first += WORKGROUPS * size;
    const operands = [{ kind: 'external', index: 0, bytes: 4 * WORDS } as const];
    const units = [WORKGROUPS, 1, 1] as const;
    return { kind: 'dispatch', label: 'opening', kernel, operands, params, units, scratch: 0 };
  });
  const replay = await prepareReplay(host, { commands, externals: 1, regions: [] });
  const held = host.pool.allocate(4 * WORDS, 'subgroups');
  try {
    replay.run([held]);
    let bits = -1;
    for (const word of await host.pool.read(held, 'i32', WORDS)) bits &= word;
    return bits;
  } finally {
    replay.release();
    held.free();
  }
}

/**
 * Adds to features with `subgroups` what holds on the device: `lanes-N`, N = 4 to 32, where N neighbours in number, from a
 * multiple of N on, lie in one subgroup, in order; `quads` where each four are a quad, in order. A shader may get smaller
 * subgroups than the one that looked: none is promised more lanes than `least`, what the adapter says of its smallest. What
 * does not hold, `notes` tells; where looking fails, `subgroups` goes as well.
 */
export async function proveSubgroups(
  host: Host,
  { features, notes, leastSubgroup }: Pick<OpenedDevice, 'features' | 'notes' | 'leastSubgroup'>,
): Promise<void> {
  if (!features.has('subgroups')) return;
  try {
    const held = await look(host);
    const promised = [4, 8, 16, 32].filter((lanes) => lanes <= (leastSubgroup || LEAST));
    const all = [
      ...promised.map((lanes) => [`lanes-${lanes}`, lanes - 1] as const),
      ['quads', QUADS] as const,
    ];
    const holds = ([, bits]: (typeof all)[number]) => (held & bits) === bits;
    for (const [name] of all.filter(holds)) features.add(name);
    const off = all.filter((one) => !holds(one)).map(([name]) => name);
    if (off.length > 0) notes.push(`${off.join(', ')} off: the driver fills subgroups in another order`);
  } catch (error) {
    host.health.check();
    features.delete('subgroups');
    notes.push(`subgroups is off: ${error instanceof Error ? error.message : String(error)}`);
  }
}
