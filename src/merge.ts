import { attrsText, type Graph } from './graph.js';
import type { Value } from './op.js';
import { rebuilt, rewrite } from './rewrite.js';

/**
 * The graph with equal nodes merged: the same op with the same attributes on the same values is computed once. So the
 * rules of several inputs may each ask for the same backward op, and take its outputs apart. Ops that overwrite stay as
 * they are.
 */
export function mergeEqual(graph: Graph): Graph {
  const numbers = new Map<unknown, number>();
  const numberOf = (one: unknown): number => {
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one)!;
  };
  const known = new Map<string, readonly Value[]>();
  return rewrite(graph, (node, operands) => {
    const key = `${numberOf(node.op)}(${operands.map(numberOf).join()})${attrsText(node.attrs)}`;
    const equal = known.get(key);
    const made = equal ?? rebuilt(node, operands);
    if (!equal && node.op.overwrites(node.inputs).length === 0) known.set(key, made);
    return made;
  });
}
