// In which order the nodes of a graph run.
import { type Graph, nodesOf } from './graph.js';
import { listAt } from './lists.js';
import type { Node, Value } from './op.js';

/** Each node after what it reads; an update after the other readers of what it overwrites, where possible. */
export function ordered(graph: Graph): { order: Node[]; after: (node: Node) => readonly Node[] } {
  const stops = new Set(graph.inputs);
  const roots = [...graph.outputs, ...graph.updates.map(({ value }) => value)];
  const readers = new Map<Value, Node[]>();
  for (const node of nodesOf(roots, stops)) {
    for (const input of new Set(node.inputs)) if (input) listAt(readers, input).push(node);
  }
  const waits = new Map<Node, Set<Node>>();
  for (const { target, value } of graph.updates) {
    const node = computing(value, stops);
    if (!node) continue;
    const inputs = node.op.overwrites(node.inputs).map((index) => node.inputs[index]!);
    const later = comingAfter(node, stops, readers, waits);
    const held = waits.get(node) ?? new Set();
    for (const value of [target, ...inputs])
      for (const reader of readers.get(value) ?? []) if (!later.has(reader)) held.add(reader);
    waits.set(node, held);
  }
  const after = (node: Node) => [...(waits.get(node) ?? [])];
  return { order: nodesOf(roots, stops, after), after };
}

/** The node whose bytes a value is, past views; null for what is given. */
function computing(value: Value, stops: ReadonlySet<Value>): Node | null {
  let at = value;
  while (at.node?.op.view && !stops.has(at)) at = at.node.inputs[0]!;
  return stops.has(at) ? null : at.node;
}

/** A node and all that come after it, by what they read and wait for. */
function comingAfter(
  first: Node,
  stops: ReadonlySet<Value>,
  readers: ReadonlyMap<Value, readonly Node[]>,
  waits: ReadonlyMap<Node, ReadonlySet<Node>>,
): Set<Node> {
  const waiting = new Map<Node, Node[]>();
  for (const [node, earlier] of waits) for (const one of earlier) listAt(waiting, one).push(node);
  const found = new Set<Node>([first]);
  for (const node of found) {
    for (const value of node.outputs)
      if (!stops.has(value)) for (const reader of readers.get(value) ?? []) found.add(reader);
    for (const later of waiting.get(node) ?? []) found.add(later);
  }
  return found;
}
