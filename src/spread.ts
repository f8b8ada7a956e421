import { applyWith } from './apply.js';
import type { Graph } from './graph.js';
import type { Node, Value } from './op.js';
import { rebuilt, rewrite } from './rewrite.js';

/**
 * The graph with a constant of one element for each elementwise node that reads it, so that fusion can put it inside the
 * kernel that does. `elements` tells how many elements a node computes, null where it is not elementwise.
 */
export function spread(graph: Graph, elements: (node: Node) => number | null): Graph {
  const copied = (value: Value | null): Value | null => {
    const node = value?.node;
    if (!node || node.inputs.some(Boolean) || elements(node) !== 1) return value;
    return applyWith(node.op, node.inputs, node.attrs)[value.index]!;
  };
  const given = new Set(graph.inputs);
  return rewrite(graph, (node, operands) => {
    if (node.op.view || elements(node) === null) return rebuilt(node, operands);
    return rebuilt(
      node,
      operands.map((value) => (value && given.has(value) ? value : copied(value))),
    );
  });
}
