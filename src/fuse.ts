import type { Graph } from './graph.js';
import type { Node, Value } from './op.js';
import { sizeOf } from './shape.js';

/** First and last place, in an order of nodes, of those that run as one. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export interface Fusion {
  readonly order: readonly Node[];
  /** By place in the order; of one place for a node that runs alone. */
  readonly spans: readonly Span[];
  /** Values that only their own span reads, and the tile that holds a block of each. */
  readonly tiles: ReadonlyMap<Value, number>;
}

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
/** Launches of a group: a longer chain gains nothing by going on. */
const MOST_LAUNCHES = 64;

/** Every node alone, in the order given. */
export const unfused = (order: readonly Node[]): Fusion => ({
  order,
  spans: order.map((_, place) => ({ first: place, last: place })),
  tiles: new Map(),
});

/**
 * Puts elementwise nodes of one size that read each other, or the same values, side by side in spans that run block by
 * block, so that what passes between them stays in the cache. A span is never left and entered again by what depends on it.
 */
export function fuse(graph: Graph, order: readonly Node[], options: FuseOptions): Fusion {
  const uses = new Uses(graph, order);
  const groups = new Groups(order, uses, options);
  const pieces = groups.ordered().flatMap((members) => split(members, uses, options));
  const tiles = new Map<Value, number>();
  const spans: Span[] = [];
  for (const piece of pieces) {
    const first = spans.length;
    const whole = { first, last: first + piece.length - 1 };
    const fused = isGroup(piece);
    piece.forEach((_, i) => {
      spans.push(fused ? whole : { first: first + i, last: first + i });
    });
    if (fused) for (const [value, tile] of tilesOf(piece, uses, options)) tiles.set(value, tile);
  }
  return { order: pieces.flat(), spans, tiles };
}

/** Whether there is more to it than one launch with views of what it computes. */
const isGroup = (nodes: readonly Node[]): boolean => nodes.filter(({ op }) => !op.view).length > 1;

/** Who reads which bytes: values through their views. */
class Uses {
  /** What a graph hands out, needed after the last step, and what views wait for but don't read. */
  readonly #kept: ReadonlySet<Value>;
  readonly #roots = new Map<Value, Value>();
  readonly #readers = new Map<Value, Node[]>();

  constructor({ outputs, updates }: Graph, order: readonly Node[]) {
    const waited: (Value | null)[] = [];
    for (const node of order) {
      if (node.op.view) {
        this.#roots.set(node.outputs[0]!, this.rootOf(node.inputs[0]!));
        waited.push(...node.inputs.slice(1));
        continue;
      }
      for (const root of this.rootsOf(node)) {
        const readers = this.#readers.get(root);
        if (readers) readers.push(node);
        else this.#readers.set(root, [node]);
      }
    }
    const kept = [...outputs, ...updates.map(({ value }) => value), ...waited];
    this.#kept = new Set(kept.flatMap((value) => (value ? [this.rootOf(value)] : [])));
  }

  /** The value whose bytes a value is. */
  rootOf(value: Value): Value {
    return this.#roots.get(value) ?? value;
  }

  /** What a node reads, each once. */
  rootsOf(node: Node): Set<Value> {
    return new Set(node.inputs.flatMap((value) => (value ? [this.rootOf(value)] : [])));
  }

  readersOf(root: Value): readonly Node[] {
    return this.#readers.get(root) ?? [];
  }

  /** Whether nobody but `nodes` reads a value that one of them computes. */
  within(root: Value, nodes: ReadonlySet<Node>): boolean {
    return !this.#kept.has(root) && this.readersOf(root).every((reader) => nodes.has(reader));
  }
}

interface Group {
  /** Places in the order, rising. */
  members: number[];
  launches: number;
  /** Null for what joins no other. */
  elements: number | null;
  /** Of a constant that its only reader may compute for each of its own elements. */
  constant: boolean;
}

/** Whether a node computes one element of nothing, for one reader, where groups are kernels of their own. */
function isConstant(node: Node, uses: Uses, { elements, buffers }: FuseOptions): boolean {
  const [value, ...others] = node.outputs;
  if (buffers === undefined || others.length > 0 || node.op.view || node.inputs.some(Boolean)) return false;
  const readers = uses.readersOf(value!);
  return readers.length === 1 && elements(node) === 1 && uses.within(value!, new Set(readers));
}

/** Nodes gathered into groups, such that the groups can still be put in an order. */
class Groups {
  readonly #order: readonly Node[];
  readonly #placeOf: ReadonlyMap<Node, number>;
  readonly #before: readonly (readonly number[])[];
  readonly #groupOf: Group[] = [];
  /** By place: how many groups have members before it, and at it or after. */
  readonly #across: Int32Array;

  constructor(order: readonly Node[], uses: Uses, options: FuseOptions) {
    const { elements, after } = options;
    this.#order = order;
    this.#across = new Int32Array(order.length);
    this.#placeOf = new Map(order.map((node, place) => [node, place]));
    this.#before = order.map((node) => this.#places([...node.inputs.map((v) => v?.node), ...after(node)]));
    order.forEach((node, place) => {
      const { view } = node.op;
      const own = view ? (this.#producer(node.inputs[0]!)?.elements ?? null) : elements(node);
      const constant = isConstant(node, uses, options);
      this.#groupOf.push({ members: [place], launches: view ? 0 : 1, elements: own, constant });
      if (own === null) return;
      for (const value of view ? node.inputs.slice(0, 1) : node.inputs) {
        if (value) this.#join(place, this.#producer(value));
      }
      if (view) return;
      for (const root of uses.rootsOf(node)) {
        for (const reader of uses.readersOf(root)) {
          const at = this.#placeOf.get(reader)!;
          if (at < place && sizeOf(root.shape) === own) this.#join(place, this.#groupOf[at]);
        }
      }
    });
  }

  #places(nodes: readonly (Node | null | undefined)[]): number[] {
    return [...new Set(nodes)].flatMap((node) => (node && this.#placeOf.get(node)) ?? []);
  }

  #producer(value: Value): Group | undefined {
    const place = value.node ? this.#placeOf.get(value.node) : undefined;
    return place === undefined ? undefined : this.#groupOf[place];
  }

  #join(place: number, other: Group | undefined): void {
    const group = this.#groupOf[place]!;
    if (!other || other === group) return;
    if (other.elements !== group.elements && !(other.constant && group.elements !== null)) return;
    if (other.launches + group.launches > MOST_LAUNCHES || !this.#mayMeet(group, other)) return;
    const { elements } = group;
    const [kept, gone] = other.members.length < group.members.length ? [group, other] : [other, group];
    for (const member of gone.members) this.#groupOf[member] = kept;
    this.#span(kept, -1);
    this.#span(gone, -1);
    kept.members = [...kept.members, ...gone.members].sort((a, b) => a - b);
    this.#span(kept, 1);
    kept.launches += gone.launches;
    kept.elements = elements;
    kept.constant = false;
  }

  #span({ members }: Group, count: number): void {
    for (let place = members[0]! + 1; place <= members.at(-1)!; place++) this.#across[place]! += count;
  }

  /** Whether no way leads from one of two groups to one of them through others. */
  #mayMeet(a: Group, b: Group): boolean {
    let start = Math.min(a.members[0]!, b.members[0]!);
    // Groups that end before this place depend on none that goes on after it.
    while (this.#across[start]! > 0) start--;
    const seen = new Set<Group>();
    const pending = [...this.#predecessors(a), ...this.#predecessors(b)].filter((g) => g !== a && g !== b);
    for (let group = pending.pop(); group; group = pending.pop()) {
      if (group === a || group === b) return false;
      if (seen.has(group) || group.members.at(-1)! < start) continue;
      seen.add(group);
      pending.push(...this.#predecessors(group));
    }
    return true;
  }

  *#predecessors(group: Group): Generator<Group, void> {
    for (const member of group.members) {
      for (const place of this.#before[member]!) {
        const other = this.#groupOf[place]!;
        if (other !== group) yield other;
      }
    }
  }

  /** Each group after those that it reads, where its last member stood or as soon as it is needed. */
  ordered(): Node[][] {
    const done = new Set<Group>();
    const list: Node[][] = [];
    this.#order.forEach((_, place) => {
      const group = this.#groupOf[place]!;
      if (group.members.at(-1) !== place || done.has(group)) return;
      const stack = [{ group, next: this.#predecessors(group) }];
      while (stack.length > 0) {
        const top = stack.at(-1)!;
        const step = top.next.next();
        if (!step.done) {
          if (!done.has(step.value)) stack.push({ group: step.value, next: this.#predecessors(step.value) });
          continue;
        }
        stack.pop();
        if (done.has(top.group)) continue;
        done.add(top.group);
        list.push(top.group.members.map((member) => this.#order[member]!));
      }
    });
    return list;
  }
}

/**
 * A group in pieces that come to memory no more often than may be, or to as many buffers: what comes first in a group never
 * needs what follows. What no member reads yet counts as written, so few tiles are in use at once.
 */
function split(members: readonly Node[], uses: Uses, options: FuseOptions): Node[][] {
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
function tilesOf(nodes: readonly Node[], uses: Uses, { elements }: FuseOptions): Map<Value, number> {
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
