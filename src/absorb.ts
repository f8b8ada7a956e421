import { applyWith } from './apply.js';
import { type Graph, nodesOf } from './graph.js';
import { listAt } from './lists.js';
import type { Node, Value } from './op.js';
import { rebuilt, rewrite, rootsOf } from './rewrite.js';
import { sameShape } from './shape.js';

/**
 * The graph with neighbours made one where one kernel computes both. An op whose output has a single reader may declare
 * what stands for the two of them, such as a product for itself with a bias, or with an activation behind it. And an op
 * may declare itself over what one of its inputs is computed from, such as a gradient that applies a mask by itself: this
 * is done where all readers of that input do so, for then nobody computes it.
 */
export const absorb = (graph: Graph): Graph => absorbInputs(absorbReaders(graph));

/** Each node with its only reader, where the node takes that in. */
function absorbReaders(graph: Graph): Graph {
  const uses = new Uses(graph);
  return rewrite(graph, (node, operands) => {
    const values = rebuilt(node, operands);
    const reader = values[0]!.node!;
    for (const [at, given] of node.inputs.entries()) {
      const whole = values.length === 1 && given && together(given, reader, at, uses);
      if (whole) return [whole];
    }
    return values;
  });
}

/**
 * What stands for `reader` and the node that computes its input `at`, `given` in the graph, where that node takes it in;
 * both have one shape. A reader of nothing else may change places with a view before it.
 */
function together(given: Value, reader: Node, at: number, uses: Uses): Value | null {
  const { node, shape, dtype } = reader.inputs[at]!;
  const output = reader.outputs[0]!;
  if (!node || node.outputs.length > 1 || !uses.isReadOnce(given)) return null;
  if (dtype !== output.dtype || !sameShape(shape, output.shape)) return null;
  if (!node.op.view) return node.op.absorb(node, reader, at);
  const [source, ...others] = node.inputs;
  const before = given.node!.op === node.op && given.node!.inputs[0];
  if (!source || !before || others.length > 0 || reader.inputs.length > 1) return null;
  const moved = { ...reader, inputs: [source], outputs: [{ ...output, shape: source.shape }] };
  const whole = together(before, moved, 0, uses);
  return whole && applyWith(node.op, [whole], node.attrs)[0]!;
}

/** Each node over what its inputs are computed from, where every reader of what falls away is such a node. */
function absorbInputs(graph: Graph): Graph {
  const uses = new Uses(graph);
  const ready = new Set<Node>();
  for (const [value, nodes] of uses.foldable()) {
    const readers = uses.readersOf(value) ?? [];
    if (readers.every((reader) => nodes.has(reader))) for (const node of readers) ready.add(node);
  }
  return rewrite(graph, (node, operands) => {
    const values = rebuilt(node, operands);
    return (ready.has(node) && foldOf(values[0]!.node!)?.outputs) || values;
  });
}

const foldOf = (node: Node) => node.op.fold(node.inputs, node.attrs);

/** Who reads the values of a graph. */
class Uses {
  readonly #order: readonly Node[];
  readonly #roots: ReadonlySet<Value>;
  readonly #given: ReadonlySet<Value>;
  /** Once for each time. */
  readonly #readers = new Map<Value, Node[]>();

  constructor(graph: Graph) {
    this.#roots = new Set(rootsOf(graph));
    this.#given = new Set(graph.inputs);
    this.#order = nodesOf([...this.#roots], this.#given);
    for (const node of this.#order) {
      for (const value of node.inputs) {
        if (value) listAt(this.#readers, value).push(node);
      }
    }
  }

  /** Whether a value is computed for one reader only. */
  isReadOnce(value: Value): boolean {
    return !this.#given.has(value) && !this.#roots.has(value) && this.#readers.get(value)?.length === 1;
  }

  /** The nodes that read a value, through views too; null where it is given or handed out. */
  readersOf(value: Value): readonly Node[] | null {
    if (this.#given.has(value) || this.#roots.has(value)) return null;
    const found = (this.#readers.get(value) ?? []).map((node) =>
      node.op.view ? this.readersOf(node.outputs[0]!) : [node],
    );
    return found.some((readers) => !readers) ? null : found.flatMap((readers) => readers!);
  }

  /** The nodes that declare themselves over what a value is computed from, by that value. */
  foldable(): Map<Value, Set<Node>> {
    const found = new Map<Value, Set<Node>>();
    for (const node of this.#order) {
      const without = foldOf(node)?.without;
      if (without) found.set(without, (found.get(without) ?? new Set()).add(node));
    }
    return found;
  }
}
