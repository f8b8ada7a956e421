// Who reads which bytes of a graph.
import type { Graph } from './graph.js';
import { listAt } from './lists.js';
import type { Node, Value } from './op.js';

/** The readers of values, through their views. */
export class Uses {
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
        listAt(this.#readers, root).push(node);
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
