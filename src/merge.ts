import { attrsText, type Graph, nodesOf } from './graph.js';
import { applyWith, type Node, type Value } from './op.js';

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
  const keyOf: KeyOf = ({ op, attrs }, operands) =>
    `${numberOf(op)}(${operands.map(numberOf).join()})${attrsText(attrs)}`;
  const once = mergeNodes(graph, keyOf, () => null);
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
  const { inputs, outputs, updates } = graph;
  const roots = [...outputs, ...updates.map(({ value }) => value)];
  /** What stands for a value of the graph; a value that is missing stands for itself. */
  const merged = new Map<Value, Value>();
  const standIn = <T extends Value | null>(value: T): Value | T => (value && merged.get(value)) ?? value;
  const known = new Map<string, readonly Value[]>();
  for (const node of nodesOf(roots, new Set(inputs))) {
    const whole = wholeOf(node);
    const source = whole?.node ?? node;
    const operands = source.inputs.map(standIn);
    const key = keyOf(source, operands);
    const equal = known.get(key);
    const made = equal ?? rebuilt(source, operands);
    if (!equal && node.op.overwrites(node.inputs).length === 0) known.set(key, made);
    node.outputs.forEach((value, k) => {
      const stands = made[whole ? whole.index : k]!;
      if (stands !== value) merged.set(value, stands);
    });
  }
  if (merged.size === 0) return { graph, known };
  return {
    graph: {
      inputs,
      outputs: outputs.map(standIn),
      updates: updates.map(({ target, value }) => ({ target, value: standIn(value) })),
    },
    known,
  };
}

/** The node's outputs, of a new node where its operands are others. */
function rebuilt(node: Node, operands: readonly (Value | null)[]): readonly Value[] {
  if (operands.every((value, i) => value === node.inputs[i])) return node.outputs;
  return applyWith(node.op, operands, node.attrs);
}
