import type { Command, DispatchCommand, Location } from './backend/backend.js';
import { listAt } from './lists.js';
import type { Walk } from './op.js';

/** What may be moved so that many tensors lie in one buffer. */
export interface Movable {
  /** Whether an external stays the same from run to run. */
  kept(index: number): boolean;
  readonly maxBufferBytes: number;
}

/** Alignment of tensors that lie side by side, as of all bindings. */
const ALIGNMENT = 256;
const WORD = 4;

const slot = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;

/** Externals that shall lie side by side in one buffer: those that launches go through, each in one list at most. */
class Neighbours {
  readonly lists: number[][] = [];
  readonly #listOf = new Map<number, number>();
  readonly #bytes: number[] = [];

  constructor(readonly movable: Movable) {}

  /** Brings those of one role together, as far as one buffer holds them; `apart` are of other roles. */
  join(given: readonly Location[], apart: readonly Location[]): void {
    const listsOf = (all: readonly Location[]) =>
      all.flatMap((at) => (at.kind === 'external' ? (this.#listOf.get(at.index) ?? []) : []));
    const others = new Set(listsOf(apart));
    let list = listsOf(given).find((one) => !others.has(one));
    for (const at of given) {
      if (at.kind !== 'external' || !this.movable.kept(at.index) || this.#listOf.has(at.index)) continue;
      if (list === undefined || this.#bytes[list]! + slot(at.bytes) > this.movable.maxBufferBytes) {
        list = this.lists.push([]) - 1;
        this.#bytes.push(0);
      }
      this.lists[list]!.push(at.index);
      this.#bytes[list]! += slot(at.bytes);
      this.#listOf.set(at.index, list);
    }
  }

  /** What tells the buffer in which something lies. */
  bufferOf(at: Location): string {
    if (at.kind === 'arena') return `region ${at.region}`;
    if (at.kind !== 'external') return at.kind;
    const list = this.#listOf.get(at.index);
    return list === undefined ? `external ${at.index}` : `list ${list}`;
  }
}

type Walking = Walk<Location>;
type Item = Walking['items'][number];

/** Items of one launch, and by role the buffers that it takes for them. */
interface Part {
  readonly items: Item[];
  readonly buffers: readonly Map<string, Location[]>[];
}

/** Cuts a walk where its items lie in more buffers than a launch has operands for. */
function partsOf({ roles, items, most }: Walking, neighbours: Neighbours): Part[] {
  const parts: Part[] = [];
  for (const item of items) {
    if (item.elements === 0) continue;
    const names = item.operands.map((at) => neighbours.bufferOf(at));
    const takes = ({ items: held, buffers }: Part): boolean =>
      held.length < most &&
      roles.every(({ slots }, r) => buffers[r]!.has(names[r]!) || buffers[r]!.size < slots.length);
    let part = parts.find(takes);
    if (!part) {
      part = { items: [], buffers: roles.map(() => new Map()) };
      parts.push(part);
    }
    part.items.push(item);
    names.forEach((name, r) => {
      const { buffers } = part;
      listAt(buffers[r]!, name).push(item.operands[r]!);
    });
  }
  return parts;
}

/** The one operand for all that lies in a buffer; `places` are theirs among the words of `places`. */
function whole(all: readonly Location[], places: readonly number[]): Location {
  const first = all[0]!;
  if (first.kind === 'arena') {
    const inside = all.filter((at) => at.kind === 'arena');
    const offset = Math.min(...inside.map((at) => at.offset));
    const end = Math.max(...inside.map((at) => at.offset + at.bytes));
    return { ...first, offset, bytes: end - offset };
  }
  if (all.length === 1) return first;
  const parts = all.flatMap((at, i) =>
    at.kind === 'external' ? { index: at.index, bytes: at.bytes, place: places[i]! } : [],
  );
  return { kind: 'joined', parts };
}

/** A launch for one part: its operands in place, its tables written but for the places of what was joined. */
function launch(
  command: DispatchCommand,
  walk: Walking,
  { items, buffers }: Part,
  share: number,
): DispatchCommand {
  const { roles, block, vector } = walk;
  const rows: number[] = [];
  const places = new Array<number>(4 * items.length).fill(0);
  const operands = [...command.operands];
  const constants: Record<string, number> = { ...command.constants };
  const slotOf = new Map<Location, number>();
  roles.forEach(({ slots, constant }, r) => {
    if (constant !== undefined) constants[constant] = buffers[r]!.size;
    [...buffers[r]!.values()].forEach((all, s) => {
      const words = all.map((at) => 4 * items.findIndex((item) => item.operands[r] === at) + r);
      const at = whole(all, words);
      operands[slots[s]!] = at;
      all.forEach((one, i) => {
        slotOf.set(one, s);
        if (one.kind === 'arena' && at.kind === 'arena')
          places[words[i]!] = (one.offset - at.offset) / (vector * WORD);
      });
    });
  });
  let groups = 0;
  for (const { operands: own, elements, at } of items) {
    const slots = own.reduce((sum, one, r) => sum + slotOf.get(one)! * 4 ** r, 0);
    rows.push(groups, elements, at, slots);
    groups += Math.ceil(elements / block);
  }
  const { counts, walk: _, ...rest } = command;
  return {
    ...rest,
    operands,
    constants,
    params: { ...command.params, count: items.length, groups, rows, places },
    units: groups * (block / vector),
    ...(counts && { counts: { flops: counts.flops * share, bytes: counts.bytes * share } }),
  };
}

/**
 * Makes a launch that goes through many tensors ready: as few launches as the buffers allow in which the tensors lie, and the
 * externals that shall lie side by side for that.
 */
export function joinTensors(
  commands: readonly Command[],
  movable: Movable,
): { readonly commands: readonly Command[]; readonly neighbours: readonly (readonly number[])[] } {
  const neighbours = new Neighbours(movable);
  for (const command of commands) {
    const walk = command.kind === 'dispatch' ? command.walk : undefined;
    const of = (role: number) => walk!.items.map(({ operands }) => operands[role]!);
    walk?.roles.forEach((_, r) => {
      neighbours.join(of(r), r === 0 ? [] : of(0));
    });
  }
  const made = commands.flatMap((command) => {
    if (command.kind !== 'dispatch' || !command.walk) return command;
    const { walk } = command;
    const elements = (items: readonly Item[]) => items.reduce((sum, item) => sum + item.elements, 0);
    const all = elements(walk.items);
    return partsOf(walk, neighbours).map((part) => launch(command, walk, part, elements(part.items) / all));
  });
  return { commands: made, neighbours: neighbours.lists.filter(({ length }) => length > 1) };
}
