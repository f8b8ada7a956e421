import type { Graph } from './graph.js';
import type { Node, Value } from './op.js';
import { type FuseOptions, isConstant, split, tilesOf } from './pieces.js';
import { sizeOf } from './shape.js';
import { Uses } from './uses.js';

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

interface Group {
  /** Places in the order, rising. */
  members: number[];
  launches: number;
  /** Null for what joins no other. */
  elements: number | null;
  /** Of a constant that its only reader may compute for each of its own elements. */
  constant: boolean;
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
