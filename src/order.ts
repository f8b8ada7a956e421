// In which order the nodes of a graph run.
import { type Graph, nodesOf } from './graph.js';
import type { Node, Value } from './op.js';

/** Each node after what it reads; an update after the other readers of what it overwrites, where possible. */
export function ordered(graph: Graph): { order: Node[]; after: (node: Node) => readonly Node[] } {
  const stops = new Set(graph.inputs);
  const roots = [...graph.outputs, ...graph.updates.map(({ value }) => value)];
  const readers = new Map<Value, Node[]>();
  for (const node of nodesOf(roots, stops)) {
    for (const input of new Set(node.inputs)) {
      if (input) readers.set(input, [...(readers.get(input) ?? []), node]);
    }
  }
  const waits = new Map<Node, Node[]>();
  for (const { target, value } of graph.updates) {
    const node = computing(value, stops);
    if (!node) continue;
    const inputs = node.op.overwrites(node.inputs).map((index) => node.inputs[index]!);
    for (const reader of new Set([target, ...inputs].flatMap((held) => readers.get(held) ?? []))) {
      const known = waits.get(node)?.includes(reader) ?? false;
      if (!known && !reaches(reader, node, stops, waits))
        waits.set(node, [...(waits.get(node) ?? []), reader]);
    }
  }
  const after = (node: Node) => waits.get(node) ?? [];
  return { order: nodesOf(roots, stops, after), after };
}

/** The node whose bytes a value is, past views; null for what is given. */
function computing(value: Value, stops: ReadonlySet<Value>): Node | null {
  let at = value;
  while (at.node?.op.view && !stops.has(at)) at = at.node.inputs[0]!;
  return stops.has(at) ? null : at.node;
}

/** Whether `from` is `to` or comes after it, by what it reads and waits for. */
function reaches(
  from: Node,
  to: Node,
  stops: ReadonlySet<Value>,
  waits: ReadonlyMap<Node, readonly Node[]>,
): boolean {
  const seen = new Set<Node>([from]);
  for (const node of seen) {
    if (node === to) return true;
    for (const input of node.inputs) if (input?.node && !stops.has(input)) seen.add(input.node);
    for (const earlier of waits.get(node) ?? []) seen.add(earlier);
  }
  return false;
}
