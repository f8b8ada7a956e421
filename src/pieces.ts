// A group of fused nodes in pieces that run block by block, and the tiles that hold a block of what passes within one.
import type { Node, Value } from './op.js';
import { sizeOf } from './shape.js';
import type { Uses } from './uses.js';

export interface FuseOptions {
  /** How many elements a node computes by one elementwise launch; null for a node that can't run block by block. */
  readonly elements: (node: Node) => number | null;
  /** Nodes that must come before a node beside those that it reads. */
  readonly after: (node: Node) => readonly Node[];
  /** What bounds a group: so many buffers that it reads and writes. Left out, its arrivals do. */
  readonly buffers?: number;
}

/**
 * Launches of a group that come to arrays in memory which no launch before them in the group has touched. With more,
 * groups take longer than their launches one by one.
 */
const MOST_ARRIVALS = 4;

/** Whether a node computes one element of nothing, for one reader, where groups are kernels of their own. */
export function isConstant(node: Node, uses: Uses, { elements, buffers }: FuseOptions): boolean {
  const [value, ...others] = node.outputs;
  if (buffers === undefined || others.length > 0 || node.op.view || node.inputs.some(Boolean)) return false;
  const readers = uses.readersOf(value!);
  return readers.length === 1 && elements(node) === 1 && uses.within(value!, new Set(readers));
}

/**
 * A group in pieces that come to memory no more often than may be, or to as many buffers: what comes first in a group never
 * needs what follows. What no member reads yet counts as written, so few tiles are in use at once.
 */
export function split(members: readonly Node[], uses: Uses, options: FuseOptions): Node[][] {
  const pieces: Node[][] = [[]];
  const whole = members.length > 1;
  const constants = new Map<Value, Node>();
  for (const node of members) {
    if (whole && isConstant(node, uses, options)) {
      // Beside its reader, whose elements it has.
      constants.set(node.outputs[0]!, node);
      continue;
    }
    const added = [...node.inputs.flatMap((value) => (value && constants.get(value)) ?? []), node];
    const piece = pieces.at(-1)!;
    if (fits([...piece, ...added], uses, options)) piece.push(...added);
    else pieces.push(added);
  }
  return pieces;
}

const fits = (nodes: readonly Node[], uses: Uses, options: FuseOptions): boolean =>
  options.buffers === undefined
    ? arrivals(nodes, uses, options) <= MOST_ARRIVALS
    : buffersOf(nodes, uses) <= options.buffers;

/** How many values outside `nodes` read or write: a view counts as what it is a view of. */
function buffersOf(nodes: readonly Node[], uses: Uses): number {
  const own = new Set(nodes);
  const computing = nodes.filter(({ op }) => !op.view);
  const made = new Set(computing.flatMap(({ outputs }) => outputs));
  const read = new Set(
    computing.flatMap((node) => [...uses.rootsOf(node)]).filter((root) => !made.has(root)),
  );
  return read.size + [...made].filter((value) => !uses.within(value, own)).length;
}

/** How many of `nodes` read or write an array as large as theirs that is in no tile and that none before them touched. */
function arrivals(nodes: readonly Node[], uses: Uses, options: FuseOptions): number {
  const tiles = tilesOf(nodes, uses, options);
  const touched = new Set<Value>();
  const arrives = (node: Node): boolean => {
    const before = touched.size;
    for (const root of [...uses.rootsOf(node), ...node.outputs]) {
      if (!tiles.has(root) && sizeOf(root.shape) === options.elements(node)) touched.add(root);
    }
    return touched.size > before;
  };
  return nodes.filter((node) => !node.op.view && arrives(node)).length;
}

/**
 * A tile for each value that only `nodes` read, from the launch that computes it to the last that reads it; one that may
 * be written over what it reads takes the tile of what it reads last.
 */
export function tilesOf(nodes: readonly Node[], uses: Uses, { elements }: FuseOptions): Map<Value, number> {
  const own = new Set(nodes);
  const tiles = new Map<Value, number>();
  const free: number[] = [];
  let count = 0;
  const lastReader = (root: Value): Node | undefined =>
    nodes.findLast((node) => !node.op.view && node.inputs.some((v) => v && uses.rootOf(v) === root));
  for (const node of nodes) {
    if (node.op.view) {
      const held = tiles.get(node.inputs[0]!);
      if (held !== undefined) tiles.set(node.outputs[0]!, held);
      continue;
    }
    if (elements(node) === null) continue;
    const dying = [...uses.rootsOf(node)].filter((root) => tiles.has(root) && lastReader(root) === node);
    const reused = new Set<Value>();
    for (const value of node.outputs) {
      if (!uses.within(value, own)) continue;
      const input = value.index === 0 ? overwritable(node, dying, uses) : undefined;
      if (input) reused.add(input);
      tiles.set(value, input ? tiles.get(input)! : (free.pop() ?? count++));
    }
    for (const root of dying) if (!reused.has(root)) free.push(tiles.get(root)!);
    for (const value of node.outputs) {
      if (tiles.has(value) && !lastReader(value)) free.push(tiles.get(value)!);
    }
  }
  return tiles;
}

/** One of `roots` that the node may write its output over. */
function overwritable(node: Node, roots: readonly Value[], uses: Uses): Value | undefined {
  return roots.find((root) => {
    const places = node.inputs.flatMap((value, i) => (value && uses.rootOf(value) === root ? [i] : []));
    return places.length === 1 && node.op.inPlace.includes(places[0]!);
  });
}
