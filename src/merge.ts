import { attrsText, type Graph } from './graph.js';
import type { Node, Value } from './op.js';
import { rebuilt, rewrite, separate } from './rewrite.js';

/**
 * The graph with equal nodes merged: the same op with the same attributes on the same values is computed once. So the
 * rules of several inputs may each ask for the same backward op, and take its outputs apart. What another node of the
 * graph computes in passing (`within`) is taken from there. Ops that overwrite stay as they are.
 */
export function mergeEqual(graph: Graph): Graph {
  const numbers = new Map<unknown, number>();
  const numberOf = (one: unknown): number => {
    if (!numbers.has(one)) numbers.set(one, numbers.size);
    return numbers.get(one)!;
  };
  const keyOf: KeyOf = ({ op, attrs, on = '' }, operands) =>
    `${numberOf(op)}(${operands.map(numberOf).join()})${attrsText(attrs)}${on}`;
  const once = mergeNodes(separate(graph), keyOf, () => null);
  const wholeOf = ({ op, inputs, attrs }: Node): Value | null => {
    const whole = op.within(inputs, attrs);
    return whole && once.known.has(keyOf(whole.node!, whole.node!.inputs)) ? whole : null;
  };
  const passing = [...once.known.values()].some(([first]) => wholeOf(first!.node!));
  return passing ? mergeNodes(once.graph, keyOf, wholeOf).graph : once.graph;
}

type KeyOf = (node: Node, operands: readonly (Value | null)[]) => string;

/** One walk; `wholeOf` gives a node's output as that of another op of the same inputs, or null. Also gives nodes by keys. */
function mergeNodes(
  graph: Graph,
  keyOf: KeyOf,
  wholeOf: (node: Node) => Value | null,
): { graph: Graph; known: ReadonlyMap<string, readonly Value[]> } {
  const known = new Map<string, readonly Value[]>();
  const merged = rewrite(graph, (node, operands) => {
    const whole = wholeOf(node);
    const source = whole?.node ?? node;
    const key = keyOf(source, operands);
    const equal = known.get(key);
    const made = equal ?? rebuilt(source, operands);
    if (!equal && node.op.overwrites(node.inputs).length === 0) known.set(key, made);
    return whole ? [made[whole.index]!] : made;
  });
  return { graph: merged, known };
}
