import type { Backend, Location } from './backend/backend.js';
import { type Lifetime, placeBlocks } from './memory.js';
import type { Lowered, LoweredLaunch, Node, OperandRef, Value } from './op.js';
import type { Plan } from './plan.js';

/**
 * For each launch of a node, the externals that it reads where it need not run again while they keep their bytes, else
 * null: a `once` launch of inputs that the program does not change itself.
 */
export function keptLaunches(
  node: Node,
  lowered: Lowered | null,
  planned: Plan,
): readonly (number[] | null)[] {
  return (lowered?.launches ?? []).map(({ once, operands }) => {
    if (!once) return null;
    const externals = operands.flatMap((ref): (number | null)[] => {
      if (ref.from !== 'input') return [];
      const value = node.inputs[ref.index]!;
      return [planned.buffers[planned.bufferOf.get(value)!]!.external];
    });
    const keeps = (index: number | null): index is number =>
      index !== null && !planned.written.includes(index);
    return externals.every(keeps) ? externals : null;
  });
}

/** Gives every buffer of the plan and every temporary its place; what a kept launch wrote stays for all runs. */
export function layOut(
  planned: Plan,
  lowered: readonly (Lowered | null)[],
  kept: readonly (readonly (readonly number[] | null)[])[],
  backend: Backend,
) {
  const blocks: Lifetime[] = [];
  const blockOf = new Map<number, number>();
  planned.buffers.forEach((buffer, i) => {
    if (buffer.external !== null) return;
    blockOf.set(i, blocks.length);
    blocks.push(buffer);
  });
  const temporaryBlocks = lowered.map((entry, step) =>
    (entry?.temporaries ?? []).map((bytes, index) => {
      const stays = entry!.launches.some(
        ({ operands }, i) =>
          kept[step]![i] && operands.some((ref) => ref.from === 'temporary' && ref.index === index),
      );
      const lifetime = stays ? { first: 0, last: lowered.length } : { first: step, last: step };
      return blocks.push({ bytes, ...lifetime }) - 1;
    }),
  );
  const conflicts = backend.sharesRegions ? [] : findConflicts(planned, lowered, blockOf, temporaryBlocks);
  const memory = placeBlocks(blocks, {
    alignment: backend.alignment,
    conflicts,
    together: backend.sharesRegions ? [] : findCompanions(planned, lowered, blockOf),
    maxRegionBytes: backend.maxBufferBytes,
  });
  const inArena = (block: number): Location => ({
    kind: 'arena',
    ...memory.placements[block]!,
    bytes: blocks[block]!.bytes,
  });
  const locate = (buffer: number): Location => {
    const { external, bytes } = planned.buffers[buffer]!;
    return external === null ? inArena(blockOf.get(buffer)!) : { kind: 'external', index: external, bytes };
  };
  const temporary = (step: number, index: number) => inArena(temporaryBlocks[step]![index]!);
  return { memory, locate, temporary };
}

/** All that a launch binds. */
const operandsOf = ({ operands, walk }: LoweredLaunch): OperandRef[] => [
  ...operands,
  ...(walk?.items.flatMap((item) => item.operands) ?? []),
];

/** Blocks that one launch, or a group of them, may read while it writes the other. */
function findConflicts(
  planned: Plan,
  lowered: readonly (Lowered | null)[],
  blockOf: ReadonlyMap<number, number>,
  temporaryBlocks: readonly (readonly number[])[],
): [number, number][] {
  const pairs: [number, number][] = [];
  const connect = (a: number | undefined, b: number | undefined) => {
    if (a !== undefined && b !== undefined && a !== b) pairs.push([a, b]);
  };
  const block = (value: Value | null) => (value ? blockOf.get(planned.bufferOf.get(value)!) : undefined);
  planned.order.forEach((_, step) => {
    const { first, last } = planned.spans[step]!;
    if (step !== first) return;
    const nodes = planned.order.slice(first, last + 1).filter(({ op }) => !op.view);
    const written = new Set(nodes.flatMap(({ outputs }) => outputs.map(block)));
    // What a group computes, it does not read.
    const read = nodes.flatMap(({ inputs }) => inputs.map(block)).filter((one) => !written.has(one));
    const temporaries = first === last ? temporaryBlocks[step]! : [];
    for (const output of written) for (const input of read) connect(output, input);
    // One launch of several may read what another one wrote, and write another output.
    const launches = lowered[step]?.launches ?? [];
    for (const launch of launches.length > 1 ? launches : []) {
      const bound = new Set(operandsOf(launch).flatMap((ref) => (ref.from === 'output' ? ref.index : [])));
      const outputs = [...bound].map((index) => block(nodes[0]!.outputs[index]!));
      for (const output of outputs) for (const other of outputs) connect(output, other);
    }
    for (const temporary of temporaries) {
      for (const other of [...read, ...written, ...temporaries]) connect(temporary, other);
    }
  });
  return pairs;
}

/** Blocks that one launch goes through: it takes as many launches as they lie in more regions than it has operands for. */
function findCompanions(
  planned: Plan,
  lowered: readonly (Lowered | null)[],
  blockOf: ReadonlyMap<number, number>,
): number[][] {
  const lists: number[][] = [];
  lowered.forEach((entry, step) => {
    const { inputs, outputs } = planned.order[step]!;
    const blockFor = (ref: OperandRef): number | undefined => {
      const value =
        ref.from === 'input' ? inputs[ref.index] : ref.from === 'output' ? outputs[ref.index] : null;
      return value ? blockOf.get(planned.bufferOf.get(value)!) : undefined;
    };
    for (const { walk } of entry?.launches ?? []) {
      walk?.roles.forEach((_, role) => {
        lists.push(walk.items.flatMap(({ operands }) => blockFor(operands[role]!) ?? []));
      });
    }
  });
  return lists;
}
