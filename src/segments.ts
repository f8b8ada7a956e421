import { applyWith } from './apply.js';
import type { Joints, Slot } from './backend/woven-program.js';
import { createInput, type Graph, nodesOf, type Update } from './graph.js';
import type { Node, Side, Value } from './op.js';
import { bytesOwner, otherSide } from './place.js';
import { bytesOf } from './plan.js';
import { rootsOf } from './rewrite.js';
import { sameShape } from './shape.js';

/** A part of a graph that runs on one side at once, and what it reads and hands out. */
export interface Segment extends Joints {
  /** The nodes of the whole graph that it computes. */
  readonly nodes: readonly Node[];
  /** Its own graph, of new nodes. */
  readonly graph: Graph;
}

export interface Woven {
  readonly segments: readonly Segment[];
  /** Inputs of the whole graph that a side reads: they are sent there at once where they are not yet. */
  readonly needs: readonly { readonly slot: Slot; readonly side: Side }[];
  readonly interiors: readonly { readonly bytes: number }[];
}

/**
 * Cuts a placed graph into segments. A node's phase is how often its way from the inputs changes sides; in each phase what
 * the other side waits for comes first, then the rest, while the other side works. So one side's part of a phase runs
 * beside the other's.
 */
export function weave(graph: Graph, sides: ReadonlyMap<Node, Side>): Woven {
  return new Weaver(graph, sides).run();
}

/** A segment before its graph is built. */
interface Draft {
  readonly side: Side;
  readonly nodes: readonly Node[];
  /** Values of the whole graph that it hands out, and where. */
  readonly results: { readonly value: Value; readonly slot: Slot }[];
  readonly updates: Update[];
}

class Weaver {
  readonly #graph: Graph;
  readonly #sides: ReadonlyMap<Node, Side>;
  readonly #given: ReadonlySet<Value>;
  readonly #drafts: Draft[] = [];
  /** Which draft computes a node. */
  readonly #draftOf = new Map<Node, Draft>();
  readonly #slots = new Map<Value, Slot>();
  readonly #interiors: { bytes: number }[] = [];

  constructor(graph: Graph, sides: ReadonlyMap<Node, Side>) {
    this.#graph = graph;
    this.#sides = sides;
    this.#given = new Set(graph.inputs);
    graph.inputs.forEach((value, index) => {
      this.#slots.set(value, { kind: 'external', index, bytes: bytesOf(value) });
    });
  }

  run(): Woven {
    this.#draft();
    this.#placeOutputs();
    this.#placeUpdates();
    this.#passOn();
    const segments = this.#drafts.map((draft) => this.#build(draft));
    return { segments: this.#connect(segments), needs: this.#needs(segments), interiors: this.#interiors };
  }

  #owner(value: Value): Value {
    return bytesOwner(value, this.#given);
  }

  /** What a node reads: the owners of its inputs' bytes, and what views before it wait for. */
  #reads(node: Node): Value[] {
    const found: Value[] = [];
    const visit = (value: Value | null) => {
      if (!value) return;
      const { node: maker } = value;
      if (maker?.op.view && !this.#given.has(value)) maker.inputs.forEach(visit);
      else found.push(value);
    };
    node.inputs.forEach(visit);
    return found;
  }

  #draft(): void {
    const order = nodesOf(rootsOf(this.#graph), this.#given).filter(({ op }) => !op.view);
    const phases = new Map<Node, number>();
    const makers = new Map<Node, Node[]>();
    for (const node of order) {
      const before = this.#reads(node).flatMap((value) => (this.#given.has(value) ? [] : [value.node!]));
      const phaseAfter = (maker: Node) =>
        phases.get(maker)! + Number(this.#sides.get(maker) !== this.#sides.get(node));
      phases.set(node, Math.max(0, ...before.map(phaseAfter)));
      makers.set(node, before);
    }
    const urgent = this.#urgent(order, phases, makers);
    const last = Math.max(-1, ...phases.values());
    const add = (side: Side, phase: number, isUrgent: boolean) => {
      const fits = (node: Node) =>
        phases.get(node) === phase && this.#sides.get(node) === side && urgent.has(node) === isUrgent;
      const nodes = order.filter(fits);
      if (nodes.length > 0) this.#add(side, nodes);
    };
    for (let phase = 0; phase <= last + 1; phase++) {
      add('webgpu', phase, true);
      add('webgpu', phase, false);
      add('wasm', phase - 1, false);
      add('wasm', phase, true);
    }
  }

  /** The nodes that the other side's next phase waits for, and those of the same phase and side before them. */
  #urgent(
    order: readonly Node[],
    phases: ReadonlyMap<Node, number>,
    makers: ReadonlyMap<Node, readonly Node[]>,
  ): Set<Node> {
    const urgent = new Set<Node>();
    for (const node of [...order].reverse()) {
      for (const maker of makers.get(node)!) {
        const distance = phases.get(node)! - phases.get(maker)!;
        const same = this.#sides.get(maker) === this.#sides.get(node);
        if (same ? distance === 0 && urgent.has(node) : distance === 1) urgent.add(maker);
      }
    }
    return urgent;
  }

  #add(side: Side, nodes: readonly Node[]): Draft {
    const draft: Draft = { side, nodes, results: [], updates: [] };
    this.#drafts.push(draft);
    for (const node of nodes) this.#draftOf.set(node, draft);
    return draft;
  }

  /** Outputs are computed where they go; one that is an input is copied by a segment of wasm. */
  #placeOutputs(): void {
    const { inputs, outputs } = this.#graph;
    outputs.forEach((value, i) => {
      const slot: Slot = { kind: 'external', index: inputs.length + i, bytes: bytesOf(value) };
      const owner = this.#owner(value);
      const draft = this.#given.has(owner)
        ? (this.#drafts.find(({ side }) => side === 'wasm') ?? this.#add('wasm', []))
        : this.#draftOf.get(owner.node!)!;
      draft.results.push({ value, slot });
      if (!this.#slots.has(owner)) this.#slots.set(owner, slot);
    });
  }

  /** Each update in the segment that computes the new contents, or behind the last that reads the old ones on its side. */
  #placeUpdates(): void {
    const late: Update[] = [];
    for (const update of this.#graph.updates) {
      const owner = this.#owner(update.value);
      const draft = this.#given.has(owner) ? null : this.#draftOf.get(owner.node!)!;
      if (draft && !this.#isReadAfter(update.target, draft)) draft.updates.push(update);
      else late.push(update);
    }
    for (const side of ['webgpu', 'wasm'] as const) {
      const sideOf = ({ value }: Update): Side => {
        const owner = this.#owner(value);
        return this.#given.has(owner) ? 'wasm' : this.#draftOf.get(owner.node!)!.side;
      };
      const updates = late.filter((update) => sideOf(update) === side);
      if (updates.length > 0) this.#add(side, []).updates.push(...updates);
    }
  }

  #isReadAfter(target: Value, draft: Draft): boolean {
    // Updates from inputs come last of all, on wasm.
    const moved = this.#graph.updates.some(({ value }) => this.#owner(value) === target);
    if (moved && draft.side === 'wasm') return true;
    const later = this.#drafts.slice(this.#drafts.indexOf(draft) + 1);
    return later.some(
      (other) => other.side === draft.side && this.#readsOf(other).some((value) => value === target),
    );
  }

  /** What a draft reads that it does not compute: owners of bytes. */
  #readsOf(draft: Draft): Value[] {
    const { nodes, results, updates } = draft;
    const values = [
      ...nodes.flatMap(({ inputs }) => inputs.filter((value) => value !== null)),
      ...results.map(({ value }) => value),
      ...updates.map(({ value }) => value),
    ];
    const owners = new Set(values.map((value) => this.#owner(value)));
    return [...owners].filter((value) => this.#given.has(value) || this.#draftOf.get(value.node!) !== draft);
  }

  /** Hands out what other segments read, in memory of the program where no output holds it. */
  #passOn(): void {
    for (const draft of this.#drafts) {
      for (const value of this.#readsOf(draft)) {
        if (this.#slots.has(value)) continue;
        const bytes = bytesOf(value);
        const slot: Slot = { kind: 'interior', index: this.#interiors.push({ bytes }) - 1, bytes };
        this.#slots.set(value, slot);
        this.#draftOf.get(value.node!)!.results.push({ value, slot });
      }
    }
  }

  #build(draft: Draft): Segment {
    const inputs = new Map<Value, Value>();
    const made = new Map<Value, Value>();
    const own = new Set(draft.nodes);
    const local = (value: Value): Value => {
      const known = made.get(value);
      if (known) return known;
      const { node, shape, dtype, label } = value;
      if (node?.op.view && !this.#given.has(value)) {
        made.set(value, this.#view(value, own, local));
        return made.get(value)!;
      }
      const input = createInput(shape, dtype, label ?? node?.op.name);
      inputs.set(value, input);
      made.set(value, input);
      return input;
    };
    for (const node of draft.nodes) {
      const operands = node.inputs.map((value) => value && local(value));
      applyWith(node.op, operands, node.attrs, { called: node.called }).forEach((value, k) => {
        made.set(node.outputs[k]!, value);
      });
    }
    const outputs = draft.results.map(({ value }) => local(value));
    const updates = draft.updates.map(({ target, value }) => ({
      target: local(target),
      value: local(value),
    }));
    const indexOf = (target: Value) => this.#graph.inputs.indexOf(target);
    return {
      side: draft.side,
      nodes: draft.nodes,
      graph: { inputs: [...inputs.values()], outputs, updates },
      inputs: [...inputs.keys()].map((value) => this.#slots.get(value)!),
      outputs: draft.results.map(({ slot }) => slot),
      sends: [],
      waits: [],
      writes: [
        ...draft.results.flatMap(({ slot }) => (slot.kind === 'external' ? [slot.index] : [])),
        ...draft.updates.map(({ target }) => indexOf(target)),
      ],
    };
  }

  /** A view once more. One that waits for what an earlier segment computed is nothing but its input: that has come. */
  #view(value: Value, own: ReadonlySet<Node>, local: (value: Value) => Value): Value {
    const node = value.node!;
    const [first, ...others] = node.inputs;
    const source = local(first!);
    const elsewhere = others.some((other) => {
      const owner = other && this.#owner(other);
      return owner && (!owner.node || !own.has(owner.node));
    });
    if (elsewhere && sameShape(source.shape, value.shape)) return source;
    const operands = [source, ...others.map((other) => other && local(other))];
    return applyWith(node.op, operands, node.attrs, { called: node.called })[value.index]!;
  }

  /** Adds what each segment sends to the other side, and what it waits for. */
  #connect(segments: readonly Segment[]): Segment[] {
    const makers = new Map<Slot, Segment>();
    for (const segment of segments) for (const slot of segment.outputs) makers.set(slot, segment);
    const crosses = (slot: Slot, to: Segment) => {
      const maker = makers.get(slot);
      return slot.bytes > 0 && (maker ? maker.side !== to.side : to.side === 'wasm');
    };
    return segments.map((segment) => {
      const sends = segment.outputs.filter((slot) =>
        segments.some(({ side, inputs }) => side === otherSide(segment.side) && inputs.includes(slot)),
      );
      const waits = segment.inputs.filter((slot) => crosses(slot, segment));
      return { ...segment, sends: sends.filter(({ bytes }) => bytes > 0), waits };
    });
  }

  #needs(segments: readonly Segment[]): Woven['needs'] {
    const count = this.#graph.inputs.length;
    return (['wasm', 'webgpu'] as const).flatMap((side) => {
      const slots = new Set(segments.flatMap((one) => (one.side === side ? one.inputs : [])));
      return [...slots].flatMap((slot) =>
        slot.kind === 'external' && slot.index < count ? [{ slot, side }] : [],
      );
    });
  }
}
