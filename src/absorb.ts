import { type Graph, nodesOf } from './graph.js';
import { applyWith, type Node, type Value } from './op.js';
import { sameShape } from './shape.js';

/**
 * The graph with neighbours made one where one kernel computes both: an op whose output has a single reader may declare
 * what stands for the two of them, such as a product for itself with a bias, or with an activation behind it.
 */
export function absorb(graph: Graph): Graph {
  const { inputs, outputs, updates } = graph;
  const roots = [...outputs, ...updates.map(({ value }) => value)];
  const given = new Set(inputs);
  const order = nodesOf(roots, given);
  const uses = countUses(order, roots);
  /** What stands for a value of the graph; a value that is missing stands for itself. */
  const made = new Map<Value, Value>();
  const standIn = <T extends Value | null>(value: T): Value | T => (value && made.get(value)) ?? value;
  for (const node of order) {
    const operands = node.inputs.map(standIn);
    const changed = operands.some((value, i) => value !== node.inputs[i]);
    const values = changed ? applyWith(node.op, operands, node.attrs) : node.outputs;
    const reader = values[0]!.node!;
    const whole = node.inputs
      .map((value, at) => (value && !given.has(value) && uses.get(value) === 1 ? together(reader, at) : null))
      .find((value) => value !== null);
    node.outputs.forEach((value, k) => {
      const stands = whole ?? values[k]!;
      if (stands !== value) made.set(value, stands);
    });
  }
  if (made.size === 0) return graph;
  return {
    inputs,
    outputs: outputs.map(standIn),
    updates: updates.map(({ target, value }) => ({ target, value: standIn(value) })),
  };
}

/** How often each value is read or handed out. */
function countUses(order: readonly Node[], roots: readonly Value[]): Map<Value, number> {
  const uses = new Map<Value, number>();
  for (const value of [...roots, ...order.flatMap((node) => node.inputs)]) {
    if (value) uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  return uses;
}

/** What stands for `reader` and the node that computes its input `at`, where that node takes it in; both have one shape. */
function together(reader: Node, at: number): Value | null {
  const given = reader.inputs[at]!;
  const [output] = reader.outputs;
  if (!given.node || given.node.outputs.length > 1 || reader.outputs.length > 1) return null;
  if (given.dtype !== output!.dtype || !sameShape(given.shape, output!.shape)) return null;
  return given.node.op.absorb(given.node, reader, at);
}
