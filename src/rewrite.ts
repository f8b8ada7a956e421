import { applyWith } from './apply.js';
import { type Graph, nodesOf } from './graph.js';
import type { Node, Value } from './op.js';

/** What a graph computes its inputs for. */
export const rootsOf = ({ outputs, updates }: Graph): Value[] => [
  ...outputs,
  ...updates.map(({ value }) => value),
];

/**
 * The graph with other values in place of some: `standsFor` is told each node, and what stands for its inputs, after the
 * nodes that it reads, and gives what stands for its outputs. The graph itself where that is always the outputs.
 */
export function rewrite(
  graph: Graph,
  standsFor: (node: Node, operands: readonly (Value | null)[]) => readonly Value[],
): Graph {
  const { inputs, outputs, updates } = graph;
  /** What stands for a value of the graph; a value that is missing stands for itself. */
  const made = new Map<Value, Value>();
  const standIn = <T extends Value | null>(value: T): Value | T => (value && made.get(value)) ?? value;
  for (const node of nodesOf(rootsOf(graph), new Set(inputs))) {
    const values = standsFor(node, node.inputs.map(standIn));
    node.outputs.forEach((value, k) => {
      if (values[k] !== value) made.set(value, values[k]!);
    });
  }
  if (made.size === 0) return graph;
  return {
    inputs,
    outputs: outputs.map(standIn),
    updates: updates.map(({ target, value }) => ({ target, value: standIn(value) })),
  };
}

/** The node's outputs, of a new node where its operands are others, or an output is stored and no longer tells what made it. */
export function rebuilt(node: Node, operands: readonly (Value | null)[]): readonly Value[] {
  const same = operands.every((value, i) => value === node.inputs[i]);
  if (same && node.outputs.every((value) => value.node === node)) return node.outputs;
  return applyWith(node.op, operands, node.attrs, node);
}

/**
 * The graph with other nodes in place of those that it needs for one output while another is given: the given one is read
 * where it lies, whatever the node, made anew, makes of it.
 */
export function separate(graph: Graph): Graph {
  const given = new Set(graph.inputs);
  return rewrite(graph, (node, operands) => {
    if (!node.outputs.some((value) => given.has(value))) return rebuilt(node, operands);
    const made = applyWith(node.op, operands, node.attrs, node);
    return node.outputs.map((value, k) => (given.has(value) ? value : made[k]!));
  });
}
