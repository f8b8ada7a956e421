import { BYTES_PER_ELEMENT } from './dtype.js';
import { type Fusion, fuse, type Span, unfused } from './fuse.js';
import type { Graph } from './graph.js';
import { listAt } from './lists.js';
import type { Node, TensorType, Value } from './op.js';
import { ordered } from './order.js';
import { sizeOf } from './shape.js';

export const bytesOf = ({ shape }: TensorType): number => sizeOf(shape) * BYTES_PER_ELEMENT;

const NONE: ReadonlySet<Value> = new Set();

/** Bytes of a value where some are floats of 16 bits. */
export const heldBytes = (value: Value, halves: ReadonlySet<Value>): number =>
  halves.has(value) ? bytesOf(value) / 2 : bytesOf(value);

/** Bytes of all that is held in 16 bits. */
export function halfBytes({ order, bufferOf, halves }: Plan): number {
  const held = order.flatMap(({ op, outputs }) => (op.view ? [] : outputs));
  return held.reduce((n, v) => n + (halves.has(v) && bufferOf.has(v) ? heldBytes(v, halves) : 0), 0);
}

/** Bytes that one or more values hold in turn: in the arena, or a buffer that is bound at each run. */
export interface PlannedBuffer {
  readonly bytes: number;
  readonly external: number | null;
  /** First and last step at which the bytes matter. */
  readonly first: number;
  last: number;
}

export interface PlannedCopy {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Order and storage of a graph, before any address. Externals are the inputs, then the outputs. */
export interface Plan {
  readonly order: readonly Node[];
  /** By step: the steps that run as one with it, block by block. */
  readonly spans: readonly Span[];
  /** Values that are never whole: the tile that holds a block of each while its span runs. They have no buffer. */
  readonly tiles: ReadonlyMap<Value, number>;
  readonly buffers: readonly PlannedBuffer[];
  readonly bufferOf: ReadonlyMap<Value, number>;
  /** Values whose buffers hold floats of 16 bits. */
  readonly halves: ReadonlySet<Value>;
  /** Copies to be made before each step; those behind the last step come last. */
  readonly copies: ReadonlyMap<number, readonly PlannedCopy[]>;
  readonly externals: number;
  /** Externals that a run changes: outputs, and inputs that are updated. */
  readonly written: readonly number[];
}

export interface PlanOptions {
  /** Whether one launch may read and write the same memory. */
  readonly inPlace: boolean;
  /**
   * How many elements a node computes by one elementwise launch, null for another node: what is fused. Left out, nothing
   * is.
   */
  readonly elements?: (node: Node) => number | null;
  /** Buffers that what is fused may read and write, where that is what bounds it. */
  readonly buffers?: number;
  /** Values that are kept in 16 bits, where not everything is in 32; none of the graph's inputs or outputs. */
  readonly halves?: ReadonlySet<Value>;
}

/**
 * Orders a graph's nodes and gives every value a buffer. A view takes its input's; an op that overwrites takes the
 * input's where nobody reads it later, else a copy; an elementwise op may take a dying input's where `inPlace` is true,
 * and what it computes for an update the target's.
 */
export function plan(graph: Graph, { inPlace, elements, buffers, halves = NONE }: PlanOptions): Plan {
  const { order, after } = ordered(graph);
  const fusion = elements ? fuse(graph, order, { elements, after, buffers }) : unfused(order);
  return new Planner(graph, fusion, inPlace, halves).run();
}

class Planner {
  readonly #graph: Graph;
  readonly #fusion: Fusion;
  readonly #order: readonly Node[];
  readonly #inPlace: boolean;
  readonly #halves: ReadonlySet<Value>;
  readonly #buffers: PlannedBuffer[] = [];
  readonly #bufferOf = new Map<Value, number>();
  readonly #copies = new Map<number, PlannedCopy[]>();
  /** The value whose bytes a value is, through views. */
  readonly #root = new Map<Value, Value>();
  /** Last step that reads the bytes of a root; the end for outputs. */
  readonly #lastRead = new Map<Value, number>();
  /** Output position that a root is computed into directly. */
  readonly #destination = new Map<Value, number>();
  /** The input that a root replaces. */
  readonly #target = new Map<Value, Value>();
  /** By a value that overwrites an input, or what overwrote it before: the input, which gets the last of them. */
  readonly #successive = new Map<Value, Value>();
  /** Buffers that a value took over, by the span in which it did. */
  readonly #taken = new Map<number, Span>();

  constructor(graph: Graph, fusion: Fusion, inPlace: boolean, halves: ReadonlySet<Value>) {
    this.#graph = graph;
    this.#fusion = fusion;
    this.#order = fusion.order;
    this.#inPlace = inPlace;
    this.#halves = halves;
  }

  run(): Plan {
    const { inputs, outputs } = this.#graph;
    inputs.forEach((value, i) => {
      this.#bufferOf.set(value, this.#add(bytesOf(value), -1, i));
    });
    outputs.forEach((value, i) => {
      this.#add(bytesOf(value), -1, inputs.length + i);
    });
    this.#analyse();
    this.#order.forEach((node, step) => {
      node.outputs.forEach((value, k) => {
        if (!this.#fusion.tiles.has(value)) this.#bufferOf.set(value, this.#place(node, value, k, step));
      });
      for (const value of [...node.inputs, ...node.outputs]) if (value) this.#touch(value, step);
    });
    this.#finish();
    return {
      ...this.#fusion,
      buffers: this.#buffers,
      bufferOf: this.#bufferOf,
      halves: this.#halves,
      copies: this.#copies,
      externals: inputs.length + outputs.length,
      written: [
        ...outputs.map((_, i) => inputs.length + i),
        ...this.#graph.updates.map(({ target }) => inputs.indexOf(target)),
      ],
    };
  }

  #add(bytes: number, step: number, external: number | null = null): number {
    const { first, last } = this.#spanOf(step);
    this.#buffers.push({ bytes, external, first, last });
    return this.#buffers.length - 1;
  }

  #spanOf(step: number): Span {
    return this.#fusion.spans[step] ?? { first: step, last: step };
  }

  #touch(value: Value, step: number): void {
    const held = this.#bufferOf.get(value);
    if (held === undefined) return;
    const buffer = this.#buffers[held]!;
    buffer.last = Math.max(buffer.last, this.#spanOf(step).last);
  }

  #rootOf(value: Value): Value {
    return this.#root.get(value) ?? value;
  }

  #analyse(): void {
    const end = this.#order.length;
    const read = (value: Value, step: number) => {
      const root = this.#rootOf(value);
      this.#lastRead.set(root, Math.max(this.#lastRead.get(root) ?? -1, step));
    };
    const given = new Set(this.#graph.inputs);
    this.#order.forEach((node, step) => {
      if (node.op.view) this.#root.set(node.outputs[0]!, this.#rootOf(node.inputs[0]!));
      for (const value of node.inputs) if (value) read(value, step);
    });
    this.#graph.outputs.forEach((value, i) => {
      const root = this.#rootOf(value);
      if (!given.has(root) && !this.#destination.has(root)) this.#destination.set(root, i);
      read(value, end);
    });
    for (const { target, value } of this.#graph.updates) {
      const root = this.#rootOf(value);
      if (!given.has(root) && !this.#target.has(root)) this.#target.set(root, target);
      read(value, end);
      for (const one of overwritten(value, target, given) ?? []) this.#successive.set(one, target);
    }
  }

  #place(node: Node, value: Value, k: number, step: number): number {
    if (node.op.view) return this.#bufferOf.get(node.inputs[0]!)!;
    const overwritten = node.op.overwrites(node.inputs)[k];
    if (overwritten !== undefined)
      return this.#placeOverwriting(node, value, node.inputs[overwritten]!, step);
    if (this.#destination.has(value)) return this.#fresh(value, step);
    const target = this.#target.get(value);
    if (target && this.#apart(step) && this.#maySpoil(target, node, k, step))
      return this.#bufferOf.get(target)!;
    return (this.#inPlace ? this.#dying(value, k, step) : null) ?? this.#fresh(value, step);
  }

  #fresh(value: Value, step: number): number {
    const output = this.#destination.get(value);
    return output === undefined
      ? this.#add(heldBytes(value, this.#halves), step)
      : this.#graph.inputs.length + output;
  }

  #placeOverwriting(node: Node, value: Value, input: Value, step: number): number {
    const held = this.#bufferOf.get(input)!;
    const external = this.#buffers[held]!.external !== null;
    const target = this.#successive.get(value);
    const updates = target !== undefined && held === this.#bufferOf.get(target);
    const dies = this.#diesAt(node, input, step);
    if (dies && (updates || (!external && !this.#destination.has(value)))) return held;
    const buffer = this.#fresh(value, step);
    this.#copy(step, held, buffer);
    return buffer;
  }

  /**
   * Whether what a step computes may go straight to an input: always where one launch may read and write the same memory, else
   * where it reads no input, as several may lie in one buffer.
   */
  #apart(step: number): boolean {
    const { first, last } = this.#spanOf(step);
    const given = new Set(this.#graph.inputs);
    const reads = ({ inputs }: Node) => inputs.some((value) => value && given.has(this.#rootOf(value)));
    return this.#inPlace || !this.#order.slice(first, last + 1).some(reads);
  }

  /** Whether nobody reads the bytes of `input` after `step`, nor the node itself through another input. */
  #diesAt(node: Node, input: Value, step: number): boolean {
    const root = this.#rootOf(input);
    const uses = node.inputs.filter((other) => other && this.#rootOf(other) === root).length;
    return uses === 1 && this.#lastRead.get(root) === step;
  }

  /** Whether output `k` of a step may be written over a root: nobody reads that later, or now otherwise than in place. */
  #maySpoil(root: Value, node: Node, k: number, step: number): boolean {
    const last = this.#lastRead.get(root) ?? -1;
    if (last !== step) return last < step;
    const places = node.inputs.flatMap((value, i) => (value && this.#rootOf(value) === root ? [i] : []));
    const { inPlace, inPlaceOutput } = node.op;
    return this.#inPlace && k === inPlaceOutput && places.length === 1 && inPlace.includes(places[0]!);
  }

  /** The buffer of something that is read for the last time in the span of `step`, and may be spoilt. */
  #dying(value: Value, k: number, step: number): number | null {
    const span = this.#spanOf(step);
    for (const reader of this.#order.slice(span.first, step + 1).reverse()) {
      for (const input of reader.op.view ? [] : reader.inputs) {
        const held = input ? this.#bufferOf.get(input) : undefined;
        if (held === undefined || this.#buffers[held]!.bytes !== heldBytes(value, this.#halves)) continue;
        if (this.#buffers[held]!.external !== null || this.#taken.get(held) === span) continue;
        if (!this.#maySpoil(this.#rootOf(input!), this.#order[step]!, k, step)) continue;
        this.#taken.set(held, span);
        return held;
      }
    }
    return null;
  }

  #copy(step: number, from: number, to: number): void {
    const bytes = this.#buffers[to]!.bytes;
    for (const buffer of [from, to])
      this.#buffers[buffer]!.last = Math.max(this.#buffers[buffer]!.last, step);
    listAt(this.#copies, step).push({ from, to, bytes });
  }

  /** Copies outputs and updates that were not computed in their place; old values are read before any is replaced. */
  #finish(): void {
    const end = this.#order.length;
    const { inputs, outputs, updates } = this.#graph;
    outputs.forEach((value, i) => {
      const held = this.#bufferOf.get(value)!;
      if (held !== inputs.length + i) this.#copy(end, held, inputs.length + i);
    });
    const pending = updates.filter(
      ({ target, value }) => this.#bufferOf.get(value) !== this.#bufferOf.get(target),
    );
    const sources = pending.map(({ value }) => {
      const held = this.#bufferOf.get(value)!;
      if (held >= inputs.length) return held;
      const staged = this.#add(bytesOf(value), end);
      this.#copy(end, held, staged);
      return staged;
    });
    pending.forEach(({ target }, i) => {
      this.#copy(end, sources[i]!, this.#bufferOf.get(target)!);
    });
  }
}

/** The values that overwrite each other from an update's target on, the last first; null where it is computed elsewhere. */
function overwritten(value: Value, target: Value, given: ReadonlySet<Value>): Value[] | null {
  const line: Value[] = [];
  for (let at = value; at !== target; ) {
    const position = given.has(at) ? undefined : at.node!.op.overwrites(at.node!.inputs)[at.index];
    if (position === undefined) return null;
    line.push(at);
    at = at.node!.inputs[position]!;
  }
  return line;
}
