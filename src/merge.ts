import { attrsText, type Graph, nodesOf } from './graph.js';
import { applyWith, type Node, type Value } from './op.js';

/**
 * The graph with equal nodes merged: the same op with the same attributes on the same values is computed once. So the
 * rules of several inputs may each ask for the same backward op, and take its outputs apart. Ops that overwrite stay as
 * they are.
 */
export function mergeEqual(graph: Graph): Graph {
  const { inputs, outputs, updates } = graph;
  const roots = [...outputs, ...updates.map(({ value }) => value)];
  /** What stands for a value of the graph; a value that is missing stands for itself. */
  const merged = new Map<Value, Value>();
  const standIn = <T extends Value | null>(value: T): Value | T => (value && merged.get(value)) ?? value;
  const numbers = new Map<unknown, number>();
  const numberOf = (one: unknown): number => {
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one)!;
  };
  const known = new Map<string, readonly Value[]>();
  for (const node of nodesOf(roots, new Set(inputs))) {
    const operands = node.inputs.map(standIn);
    const key = `${numberOf(node.op)}(${operands.map(numberOf).join()})${attrsText(node.attrs)}`;
    const equal = known.get(key);
    const made = equal ?? rebuilt(node, operands);
    if (!equal && node.op.overwrites(node.inputs).length === 0) known.set(key, made);
    node.outputs.forEach((value, k) => {
      if (made[k] !== value) merged.set(value, made[k]!);
    });
  }
  if (merged.size === 0) return graph;
  return {
    inputs,
    outputs: outputs.map(standIn),
    updates: updates.map(({ target, value }) => ({ target, value: standIn(value) })),
  };
}

/** The node's outputs, of a new node where its operands are others. */
function rebuilt(node: Node, operands: readonly (Value | null)[]): readonly Value[] {
  if (operands.every((value, i) => value === node.inputs[i])) return node.outputs;
  return applyWith(node.op, operands, node.attrs);
}
